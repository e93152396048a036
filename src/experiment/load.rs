//! `load:` how much, in what shape, for how long.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::data::Data;
use super::scenario::ScenarioBody;
use super::source::{
    Context, Decode, Definitions, File, Id, Int, Lasting, Named, Node, Several, form, words,
};
use super::{CatchUp, Feed, Pacing, Priority, Scenario, Segment};
use crate::units::{duration, duration_text};

/// The load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// No load yet, while sampling goes on; not judged.
    #[serde(default, with = "duration_text")]
    pub settle: Duration,
    /// Ramp from nothing to the first rate; not judged.
    #[serde(with = "duration_text")]
    pub warmup: Duration,
    /// The shape; judged.
    pub profile: Vec<Segment>,
    /// Spacing of arrivals.
    pub arrival: Arrival,
    /// How often the generator wakes up.
    #[serde(default)]
    pub pacing: Pacing,
    /// Whether the generator goes before other programs.
    #[serde(default)]
    pub priority: Priority,
    /// What becomes of arrivals that had to wait.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// Threads that put the load on, 1 to 64; by default as many as the rate needs.
    #[serde(default)]
    pub workers: Option<u32>,
    /// Connections at most, 1 to 10 000.
    pub connections: u32,
    /// Time from due to complete answer, for each step.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
    /// No load; sampling goes on.
    #[serde(with = "duration_text")]
    pub cooldown: Duration,
    /// TLS settings.
    pub tls: Tls,
    /// Files of values that arrivals are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Feed>,
    /// What arrives, in the order of the file.
    pub scenarios: Vec<Scenario>,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Evenly.
    #[default]
    Constant,
    /// As independent users come: a Poisson process with the rate of the profile, of which every piece has as many
    /// arrivals as its rate asks for. Bursts stay bursts.
    Poisson,
}

/// TLS settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the client certificate chain.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its key.
    pub key_file: Option<PathBuf>,
}

impl Load {
    /// A load in this shape with the defaults of the file for all else.
    pub fn new(profile: Vec<Segment>, scenarios: Vec<Scenario>) -> Self {
        Self {
            settle: Duration::ZERO,
            warmup: Duration::ZERO,
            profile,
            arrival: Arrival::default(),
            pacing: Pacing::default(),
            priority: Priority::default(),
            catch_up: CatchUp::default(),
            workers: None,
            connections: 100,
            timeout: Duration::from_secs(10),
            cooldown: Duration::ZERO,
            tls: Tls::default(),
            data: Vec::new(),
            scenarios,
        }
    }

    /// Every step's name, `scenario/step`: session steps first, then steps, scenario by scenario.
    /// [`crate::record::StepId`] indexes into it.
    pub fn step_names(&self) -> Vec<String> {
        step_names(&self.scenarios)
    }
}

fn step_names(scenarios: &[Scenario]) -> Vec<String> {
    scenarios
        .iter()
        .flat_map(|s| s.all_steps().map(|step| format!("{}/{}", s.name, step.name())))
        .collect()
}

/// A whole run at most: a week.
const LONGEST: Duration = Duration::from_hours(7 * 24);

words! {
    Arrival {
        "constant" => Arrival::Constant,
        "poisson" => Arrival::Poisson,
    }
}

form! {
    /// TLS settings for `https://` URLs.
    struct TlsForm {
        /// PEM file of authorities to trust besides the system's.
        ca["ca_file"]: File = Optional,
        /// PEM file of the client certificate chain; needs `key_file`.
        cert["cert_file"]: File = Optional,
        /// PEM file of the client certificate's key; needs `cert_file`.
        key["key_file"]: File = Optional,
    }
}

form! {
    /// The load: how much, in what shape, for how long, of what.
    struct LoadForm {
        /// No load yet, while sampling goes on: what does the target need when it is idle? 0s to 24h.
        settle: Lasting<0, 86_400_000> = Default("0s"),
        /// Ramp from nothing to the first rate; not judged. 0s to 24h.
        warmup: Lasting<0, 86_400_000> = Default("0s"),
        /// The shape: pieces one after the other; judged.
        profile: Several<Segment, 1> = Required,
        /// Spacing of arrivals: evenly (`constant`), or as independent users come (`poisson`).
        arrival: Arrival = Default("constant"),
        /// How often the generator may wake up for what falls due: for every arrival (`precise`), at most every
        /// 250 us (`balanced`) or every millisecond (`eco`). Fewer wake-ups cost less CPU.
        pacing: Pacing = Default("balanced"),
        /// Whether the generator takes turns with other programs of its host (`normal`) or goes before them
        /// (`realtime`): then it stays punctual on a busy host. It needs root, `CAP_SYS_NICE` or a limit `rtprio`;
        /// without, there is a warning.
        priority: Priority = Default("normal"),
        /// What becomes of arrivals that found every connection in use, once one is free again: all sent at once
        /// (`full`), sent at 1.5 times the rate they were due at (`capped`), or not sent when more than 100 ms
        /// late (`skip`). What is not sent within the timeout of its first step is counted as not sent.
        catch_up: CatchUp = Default("capped"),
        /// Threads that put the load on; default: one per 30 000 arrivals a second (with TLS 15 000), at most one per core.
        workers: Int<1, 64> = Optional,
        /// Connections at most.
        connections: Int<1, 10_000> = Default("100"),
        /// Time from due to complete answer, for each step. 1ms to 1h.
        timeout: Lasting<1, 3_600_000> = Default("10s"),
        /// No load while sampling goes on: does memory come back? 0s to 24h.
        cooldown: Lasting<0, 86_400_000> = Default("0s"),
        /// TLS settings.
        tls: TlsForm = Optional,
        /// Files of values, by name: each arrival that says `{{name.column}}` is given a row.
        data: Data = Optional,
        /// What arrives, by name.
        scenarios: Named<Id, ScenarioBody, 1> = Required,
    }
}

impl Decode for Load {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = LoadForm::decode(node, cx)?;
        let profile = form.profile.map(|p| (p.span, p.value.0));
        if let Some(first) = profile.as_ref().and_then(|(_, list)| list.first())
            && matches!(first.value, Segment::Spike { then, .. } if then > Duration::ZERO)
        {
            let hint = "begin the profile with a `hold`, or leave `then` out";
            cx.problem_hint(first.span, "there is no rate before the spike to return to", hint);
        }
        for (i, (at, segment)) in
            profile.iter().flat_map(|(_, list)| list).map(|s| (s.span, s.value)).enumerate()
        {
            let connections = form.connections.as_ref().map_or(u64::MAX, |c| c.value.0);
            match segment {
                Segment::Users { count, .. } if u64::from(count) > connections => {
                    let hint = format!("each needs one: give `connections` at least {count}");
                    cx.problem_hint(at, "more users than connections", hint);
                }
                Segment::Steps(_) if profile.as_ref().is_some_and(|(_, l)| i + 1 < l.len()) => {
                    let hint = "the load ends when the limit is found: make it the last piece";
                    cx.problem_hint(at, "something follows the search for the limit", hint);
                }
                _ => {}
            }
        }
        let profile = profile.map(|(at, list)| (at, list.into_iter().map(|s| s.value).collect()));
        let (place, profile): (_, Option<Vec<Segment>>) = profile.unzip();
        let scenarios: Option<Vec<Scenario>> = form.scenarios.map(|s| {
            s.value.0.into_iter().map(|(name, body)| body.value.named(name.value.0)).collect()
        });
        let kinds = scenarios.as_deref().map_or((false, false), |all| {
            let http1 = all.iter().filter(|s| s.is_http1()).count();
            (http1 > 0, http1 < all.len())
        });
        for segment in profile.iter().flatten() {
            let hint = match (segment, kinds) {
                (Segment::Users { .. }, (_, true)) => "users play HTTP/1.1 scenarios alone",
                (Segment::Steps(_), (true, true)) => {
                    "a search for a limit has HTTP/1.1 scenarios or others, not both"
                }
                _ => continue,
            };
            let at = place.unwrap_or(node.span);
            cx.problem_hint(at, "a scenario of another protocol can't be played so", hint);
        }
        cx.noted.settle = form.settle.as_ref().map(|s| s.value.0);
        cx.noted.cooldown = form.cooldown.as_ref().map(|c| c.value.0);
        cx.noted.profile.clone_from(&profile);
        cx.noted.steps = scenarios.as_deref().map(step_names);
        let place = place.unwrap_or(node.span);
        let still =
            [&form.settle, &form.warmup, &form.cooldown].map(|t| t.as_ref().map(|t| t.value.0));
        cx.later(move |known, found| {
            let Some(profile) = &known.noted.profile else { return };
            if !profile.iter().any(Segment::has_arrivals) {
                let hint = "give a piece a rate above 0/s";
                found.add(place, "the profile has no arrivals", hint);
            }
            let still: Duration = still.into_iter().flatten().sum();
            let whole = still + profile.iter().map(Segment::lasts).sum::<Duration>();
            if whole > LONGEST {
                let message = format!("the run would take {}", duration(whole));
                found.add(place, message, "a run takes 7days at most");
            }
        });
        let tls = form.tls.map(|tls| {
            if let (Some(lone), None) | (None, Some(lone)) = (&tls.value.cert, &tls.value.key) {
                cx.problem(lone.span, "`cert_file` and `key_file` are given together");
            }
            Tls {
                ca_file: tls.value.ca.map(|f| f.value.0),
                cert_file: tls.value.cert.map(|f| f.value.0),
                key_file: tls.value.key.map(|f| f.value.0),
            }
        });
        Some(Self {
            settle: form.settle?.value.0,
            warmup: form.warmup?.value.0,
            profile: profile?,
            arrival: form.arrival?.value,
            pacing: form.pacing?.value,
            priority: form.priority?.value,
            catch_up: form.catch_up?.value,
            workers: form.workers.and_then(|n| u32::try_from(n.value.0).ok()),
            connections: u32::try_from(form.connections?.value.0).ok()?,
            timeout: form.timeout?.value.0,
            cooldown: form.cooldown?.value.0,
            tls: tls.unwrap_or_default(),
            data: form.data.map_or_else(Vec::new, |data| data.value.0),
            scenarios: scenarios?,
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        LoadForm::schema(defs)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_new_load_is_one_that_the_file_says_no_more_of() {
        let text = "version: 1
name: d
target: { process: { command: [x] } }
load:
  profile: [ hold: { rate: 1/s, for: 1m } ]
  scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
";
        let read = crate::experiment::parse(text, Path::new("/e.yaml")).unwrap().load;
        let scenario = Scenario::new("s", read.scenarios[0].steps.clone());
        assert_eq!(Load::new(read.profile.clone(), vec![scenario]), read);
    }
}
