//! What a plan comes to: arrivals, limits in words, commands, needs, and what is doubtful about it.

use std::time::Duration;

use serde::Serialize;

use super::{Plan, leak_outlook, limit_outlook, recovery_outlook};
use crate::experiment::{HeapSource, Injection, Problem, Segment, System, Timeline};
use crate::units::{duration, duration_text, optional_duration_text};
use crate::verdict::LimitInWords;

/// What a plan comes to, for whoever reads it before the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// From the ready target to the end of the cool-down.
    #[serde(with = "duration_text")]
    pub length: Duration,
    /// Arrivals in all, those of the warm-up included.
    pub arrivals: u64,
    /// The load, piece by piece.
    pub stretches: Vec<Stretch>,
    /// What arrives.
    pub scenarios: Vec<Share>,
    /// What must hold.
    pub limits: Vec<Held>,
    /// Command lines and programs that are run, in their order.
    pub commands: Vec<String>,
    /// What longhaul must be allowed to do.
    pub needs: String,
    /// Disk that records and reports will take, bytes.
    pub disk_bytes: u64,
    /// What is doubtful.
    pub warnings: Vec<Warning>,
}

/// One piece of the load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// Where it belongs.
    pub part: LoadPart,
    /// The piece as the file says it, in the profile.
    pub segment: Option<Segment>,
    /// Its start, since the start of the profile; `None` before that.
    #[serde(with = "optional_duration_text")]
    pub at: Option<Duration>,
    /// Its length.
    #[serde(rename = "for", with = "duration_text")]
    pub lasts: Duration,
    /// Arrivals a second at its start.
    pub from_rate: f64,
    /// Arrivals a second at its end.
    pub to_rate: f64,
    /// Arrivals that fall due in it.
    pub arrivals: u64,
}

/// A part of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadPart {
    /// No load yet.
    Settle,
    /// Up to the first rate; not judged.
    Warmup,
    /// Judged.
    Profile,
    /// No load any more.
    Cooldown,
}

/// A scenario's part of the arrivals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The scenario.
    pub name: String,
    /// Its weight.
    pub weight: u32,
    /// Its share of all weights, 0 to 1.
    pub share: f64,
    /// Its arrivals, to the nearest.
    pub arrivals: u64,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What comes of it when it does not.
    pub kind: HeldKind,
    /// In words.
    #[serde(flatten)]
    pub words: LimitInWords,
}

/// What comes of a condition that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldKind {
    /// No fault comes: the run ends.
    SteadyState,
    /// The run has failed.
    Limit,
    /// The run ends early, as failed.
    AbortWhen,
    /// The sweep that the run is a part of has failed.
    Sweep,
}

/// Something doubtful, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Where in the file, if it is in one place: line and column, from 1.
    pub line: Option<usize>,
    /// The column.
    pub column: Option<usize>,
    /// What is doubtful.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl From<&Problem> for Warning {
    fn from(problem: &Problem) -> Self {
        Self {
            line: Some(problem.line),
            column: Some(problem.column),
            message: problem.message.clone(),
            hint: problem.hint.clone(),
        }
    }
}

impl Warning {
    fn of_plan((message, hint): (String, String)) -> Self {
        Self { line: None, column: None, message, hint: Some(hint) }
    }
}

impl Forecast {
    /// Of a plan whose target takes these commands.
    pub fn of(plan: &Plan, commands: Vec<String>) -> Self {
        let load = &plan.experiment.load;
        let arrivals = due(&load.timeline(), load.timeline().total);
        let all: u64 = load.scenarios.iter().map(|s| u64::from(s.weight)).sum();
        let scenarios = load.scenarios.iter().map(|s| {
            let share = f64::from(s.weight) / all.max(1) as f64;
            Share {
                name: s.name.clone(),
                weight: s.weight,
                share,
                arrivals: (arrivals as f64 * share).round() as u64,
            }
        });
        Self {
            length: plan.length(),
            arrivals,
            stretches: stretches(plan),
            scenarios: scenarios.collect(),
            limits: limits(plan),
            commands: commands.into_iter().chain(captures(plan)).collect(),
            needs: needs(plan),
            disk_bytes: plan.disk_estimate(),
            warnings: leak_outlook::warnings(plan)
                .into_iter()
                .chain(recovery_outlook::warnings(plan))
                .chain(limit_outlook::warnings(plan))
                .map(Warning::of_plan)
                .collect(),
        }
    }
}

/// Whole arrivals due before `at`, since the start of the load.
fn due(timeline: &Timeline, at: Duration) -> u64 {
    // Sums of products of decimal rates and durations miss whole numbers by less than this.
    (timeline.due_before(at) + 1e-6).floor() as u64
}

fn stretches(plan: &Plan) -> Vec<Stretch> {
    let load = &plan.experiment.load;
    let timeline = load.timeline();
    let still = |part, at, lasts| Stretch {
        part,
        segment: None,
        at,
        lasts,
        from_rate: 0.0,
        to_rate: 0.0,
        arrivals: 0,
    };
    let mut all = vec![still(LoadPart::Settle, None, load.settle)];
    let first = timeline.pieces.first().map_or(0.0, |piece| piece.flow.rates().1);
    all.push(Stretch {
        to_rate: first,
        arrivals: due(&timeline, load.warmup),
        ..still(LoadPart::Warmup, None, load.warmup)
    });
    let mut at = Duration::ZERO;
    for segment in &load.profile {
        let (begin, end) = (load.warmup + at, load.warmup + at + segment.lasts());
        // The part of a spike that counts is its height.
        let piece = timeline.pieces.iter().find(|piece| piece.start >= begin);
        let (from_rate, to_rate) = piece.map_or((0.0, 0.0), |piece| piece.flow.rates());
        all.push(Stretch {
            segment: Some(*segment),
            from_rate,
            to_rate,
            arrivals: due(&timeline, end) - due(&timeline, begin),
            ..still(LoadPart::Profile, Some(at), segment.lasts())
        });
        at += segment.lasts();
    }
    all.push(still(LoadPart::Cooldown, Some(at), load.cooldown));
    all.retain(|stretch| stretch.part == LoadPart::Profile || !stretch.lasts.is_zero());
    all
}

fn limits(plan: &Plan) -> Vec<Held> {
    let experiment = &plan.experiment;
    let mut held = Vec::new();
    if let Some(steady) = &experiment.steady_state {
        held.extend(steady.require.iter().map(|condition| {
            let words = LimitInWords::of_condition(condition);
            let limit = format!("{}, first {}", words.limit, duration(steady.lasts));
            Held { kind: HeldKind::SteadyState, words: LimitInWords { limit, ..words } }
        }));
    }
    held.extend(
        experiment
            .limits
            .iter()
            .map(|limit| Held { kind: HeldKind::Limit, words: LimitInWords::of(limit) }),
    );
    for fault in &experiment.faults {
        let Some(within) = fault.recover_within else { continue };
        let words = LimitInWords {
            limit: format!("recovery {}", fault.name),
            bound: format!("at most {}", duration(within)),
            warn: None,
        };
        held.push(Held { kind: HeldKind::Limit, words });
    }
    held.extend(experiment.abort_when.iter().map(|abort| {
        let words = LimitInWords::of_condition(&abort.breached);
        let limit = format!("{}, any {}", words.limit, duration(abort.window));
        Held { kind: HeldKind::AbortWhen, words: LimitInWords { limit, ..words } }
    }));
    if let Some(bound) = experiment.sweep.as_ref().and_then(|sweep| sweep.efficiency) {
        let words = LimitInWords::of_efficiency(&bound);
        held.push(Held { kind: HeldKind::Sweep, words });
    }
    held
}

/// The commands whose output is kept as heap profiles.
fn captures(plan: &Plan) -> Vec<String> {
    let experiment = &plan.experiment;
    let ledger = experiment.sampling.ledger_interval(experiment.load.profile_length());
    let every = duration(experiment.capture.interval(ledger));
    let sources = experiment.capture.heap.iter();
    sources
        .flat_map(|(service, sources)| sources.iter().map(move |source| (service, source)))
        .filter(|(_, source)| matches!(source, HeapSource::Command(_)))
        .map(|(service, source)| format!("{source}   (each {service}, every {every})"))
        .collect()
}

fn needs(plan: &Plan) -> String {
    let docker = !matches!(plan.experiment.target.system, System::Process(_));
    let network = plan.faults.iter().any(|f| matches!(f.inject, Injection::Partition { .. }));
    match (docker, network) {
        (false, _) => "no privileges: every process is longhaul's own child".to_owned(),
        (true, false) => "the Docker socket".to_owned(),
        (true, true) => {
            "the Docker socket; for partitions root on the engine's host, or else a helper \
             container with NET_ADMIN inside the victim's network namespace"
                .to_owned()
        }
    }
}
