//! `load:` how much, in what shape, for how long.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::scenario::ScenarioBody;
use super::source::{
    Context, Decode, Definitions, File, Id, Int, Lasting, Named, Node, Several, form, words,
};
use super::{CatchUp, Pacing, Scenario, Segment, Step};
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

/// The load as pieces of linear rate, warm-up first: what the engine schedules and the verdict compares with.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// `(start since load start, length, rate at start, rate at end)`; contiguous.
    pub pieces: Vec<(Duration, Duration, f64, f64)>,
    /// Length of the warm-up.
    pub warmup: Duration,
    /// Length of warm-up and profile together.
    pub total: Duration,
}

impl Timeline {
    /// Arrivals that fall due before `t` since load start: the integral of the rate.
    pub fn due_before(&self, t: Duration) -> f64 {
        self.pieces
            .iter()
            .take_while(|(start, ..)| *start < t)
            .map(|&(start, lasts, from, to)| {
                let length = lasts.as_secs_f64();
                let x = t.saturating_sub(start).as_secs_f64().min(length);
                if length > 0.0 { from * x + (to - from) * x * x / (2.0 * length) } else { 0.0 }
            })
            .sum()
    }
}

impl Load {
    /// The load as pieces of linear rate.
    pub fn timeline(&self) -> Timeline {
        let mut pieces = Vec::new();
        let mut at = Duration::ZERO;
        if self.warmup > Duration::ZERO {
            let first = self.profile.first().map_or(0.0, |s| {
                let (from, to) = s.rates();
                if from > 0.0 { from } else { to }
            });
            pieces.push((at, self.warmup, 0.0, first));
            at += self.warmup;
        }
        for segment in &self.profile {
            let (from, to) = segment.rates();
            pieces.push((at, segment.lasts(), from, to));
            at += segment.lasts();
        }
        Timeline { pieces, warmup: self.warmup, total: at }
    }

    /// Length of the profile, without warm-up and cool-down.
    pub fn profile_length(&self) -> Duration {
        self.profile.iter().map(Segment::lasts).sum()
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
        .flat_map(|s| {
            let steps = s.session.iter().chain(&s.steps);
            steps.map(|Step::Http(step)| format!("{}/{}", s.name, step.name))
        })
        .collect()
}

/// A whole run at most: a week.
const LONGEST: Duration = Duration::from_hours(7 * 24);

words! {
    Arrival {
        "constant" => Arrival::Constant,
    }
    later "poisson"
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
        /// Spacing of arrivals.
        arrival: Arrival = Default("constant"),
        /// How often the generator may wake up for what falls due: for every arrival (`precise`), at most every
        /// 250 us (`balanced`) or every millisecond (`eco`). Fewer wake-ups cost less CPU.
        pacing: Pacing = Default("balanced"),
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
        /// What arrives, by name.
        scenarios: Named<Id, ScenarioBody, 1> = Required,
    }
}

impl Decode for Load {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = LoadForm::decode(node, cx)?;
        let profile = form.profile.map(|p| (p.span, p.value.0));
        let profile = profile.map(|(at, list)| (at, list.into_iter().map(|s| s.value).collect()));
        let (place, profile): (_, Option<Vec<Segment>>) = profile.unzip();
        let scenarios: Option<Vec<Scenario>> = form.scenarios.map(|s| {
            s.value.0.into_iter().map(|(name, body)| body.value.named(name.value.0)).collect()
        });
        cx.noted.settle = form.settle.as_ref().map(|s| s.value.0);
        cx.noted.cooldown = form.cooldown.as_ref().map(|c| c.value.0);
        cx.noted.profile.clone_from(&profile);
        cx.noted.steps = scenarios.as_deref().map(step_names);
        let place = place.unwrap_or(node.span);
        let still =
            [&form.settle, &form.warmup, &form.cooldown].map(|t| t.as_ref().map(|t| t.value.0));
        cx.later(move |known, found| {
            let Some(profile) = &known.noted.profile else { return };
            if profile.iter().all(|s| s.rates() == (0.0, 0.0)) {
                let hint = "give a `hold` or `ramp` a rate above 0/s";
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
            catch_up: form.catch_up?.value,
            workers: form.workers.and_then(|n| u32::try_from(n.value.0).ok()),
            connections: u32::try_from(form.connections?.value.0).ok()?,
            timeout: form.timeout?.value.0,
            cooldown: form.cooldown?.value.0,
            tls: tls.unwrap_or_default(),
            scenarios: scenarios?,
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        LoadForm::schema(defs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_counts_are_the_integral_of_the_rate() {
        let load = Timeline {
            pieces: vec![
                (Duration::ZERO, Duration::from_secs(10), 0.0, 50.0),
                (Duration::from_secs(10), Duration::from_secs(20), 50.0, 50.0),
            ],
            warmup: Duration::from_secs(10),
            total: Duration::from_secs(30),
        };
        let close =
            |t: u64, n: f64| assert!((load.due_before(Duration::from_secs(t)) - n).abs() < 1e-9);
        close(0, 0.0);
        close(10, 250.0);
        close(20, 750.0);
        close(30, 1250.0);
        close(99, 1250.0);
    }
}
