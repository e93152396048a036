//! The gauges of a run's instances, judged for leaks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clues::{Findings, clues};
use super::leak::{Question, Trace, TracePoint, judge_trace};
use super::second::answered;
use super::windows::Life;
use crate::clock::Offset;
use crate::experiment::{Measure, Quantity};
use crate::record::{
    EventKind, Evidence, Gauge, InstanceClues, LeakFinding, LeakResult, Phase, RunData, Series,
    Subject, Victim,
};
use crate::units::Percent;

/// The method takes a reading every so often; a faster sampler is thinned out.
const GRID: Duration = Duration::from_secs(10);
/// Percent of growth over the profile that is no leak where the experiment does not say.
const GROWTH: f64 = 10.0;
/// Gauges that the sampler reads.
const GAUGES: [Gauge; 3] = [Gauge::Memory, Gauge::Descriptors, Gauge::Threads];

/// Judges every gauge of every instance, from the start of the warm-up to the end of the profile. Ordered by
/// instance and gauge.
pub(super) fn results(data: &RunData, faults: &[Life]) -> Vec<LeakResult> {
    let Some((_, end)) = data.phase(Phase::Holding) else { return Vec::new() };
    let start = data.phase(Phase::Warming).map_or(Offset::ZERO, |(from, _)| from);
    let weather = Weather::of(data, faults);
    let mut results = Vec::new();
    for series in &data.series {
        let Some(instance) = instance(&series.subject) else { continue };
        let replicas = replicas(data, &instance.service);
        for gauge in GAUGES {
            let trace = trace(series, &gauge, (start, end), &weather, replicas);
            if trace.readings() == 0 {
                continue;
            }
            let finding = judge_trace(&trace, &question(data, series, &gauge));
            results.push(LeakResult { instance: instance.clone(), gauge, finding });
        }
    }
    results
}

/// What can be said of each instance, as far as anything can.
pub(super) fn hints(data: &RunData, results: &[LeakResult]) -> Vec<InstanceClues> {
    let mut instances: Vec<&Victim> = results.iter().map(|r| &r.instance).collect();
    instances.dedup();
    instances
        .into_iter()
        .filter_map(|instance| {
            let finding = |gauge: Gauge| -> Option<&LeakFinding> {
                results
                    .iter()
                    .find(|r| r.instance == *instance && r.gauge == gauge)
                    .map(|r| &r.finding)
            };
            let findings = Findings {
                memory: finding(Gauge::Memory),
                descriptors: finding(Gauge::Descriptors),
                threads: finding(Gauge::Threads),
            };
            let clues = clues(&findings, &longest_life(&data.evidence, instance));
            (!clues.is_empty()).then(|| InstanceClues { instance: instance.clone(), clues })
        })
        .collect()
}

/// The looks at that life of an instance which was watched the longest: figures of different processes can't be
/// held against each other.
fn longest_life<'a>(evidence: &'a [Evidence], instance: &Victim) -> Vec<&'a Evidence> {
    let mut lives: BTreeMap<u32, Vec<&Evidence>> = BTreeMap::new();
    for look in evidence.iter().filter(|e| e.instance == *instance) {
        lives.entry(look.restarts).or_default().push(look);
    }
    let watched = |looks: &Vec<&Evidence>| match (looks.first(), looks.last()) {
        (Some(first), Some(last)) => last.from.since(first.from),
        _ => Duration::ZERO,
    };
    lives.into_values().max_by_key(watched).unwrap_or_default()
}

fn instance(subject: &Subject) -> Option<Victim> {
    match subject {
        Subject::Instance { service, ordinal } => {
            Some(Victim { service: service.clone(), ordinal: *ordinal })
        }
        Subject::Host | Subject::Longhaul => None,
    }
}

fn replicas(data: &RunData, service: &str) -> usize {
    let of = |s: &&Series| matches!(&s.subject, Subject::Instance { service: name, .. } if name == service);
    data.series.iter().filter(of).count().max(1)
}

/// What disturbs readings.
struct Weather {
    /// When faults were in force.
    faults: Vec<(Offset, Offset)>,
    /// When evidence was captured: longhaul itself then took memory and time of the target.
    captures: Vec<(Offset, Offset)>,
    /// Requests answered by then.
    answered: Vec<(Offset, u64)>,
}

impl Weather {
    fn of(data: &RunData, lives: &[Life]) -> Self {
        let last = data.events.last().map_or(Offset::ZERO, |e| e.at);
        let mut sum = 0;
        Self {
            faults: lives
                .iter()
                .filter_map(|l| Some((l.injected?, l.healed.as_ref().map_or(last, |h| h.0))))
                .collect(),
            captures: data
                .events
                .iter()
                .filter_map(|e| match e.kind {
                    EventKind::Capture { from, .. } => Some((from, e.at)),
                    _ => None,
                })
                .collect(),
            answered: data
                .slices
                .iter()
                .map(|slice| {
                    sum += answered(&slice.counts);
                    (slice.to, sum)
                })
                .collect(),
        }
    }

    /// Requests that had been answered by then.
    fn requests(&self, at: Offset) -> u64 {
        let n = self.answered.partition_point(|(to, _)| *to <= at);
        n.checked_sub(1).map_or(0, |i| self.answered[i].1)
    }
}

fn within(spans: &[(Offset, Offset)], at: Offset) -> bool {
    spans.iter().any(|(from, to)| *from <= at && at <= *to)
}

fn trace(
    series: &Series,
    gauge: &Gauge,
    (start, end): (Offset, Offset),
    weather: &Weather,
    replicas: usize,
) -> Trace {
    let mut trace = Trace::new();
    let mut next = start;
    for (at, epoch, reading) in &series.points {
        let Some(value) = gauge.of(reading) else { continue };
        if *at < next || *at > end || within(&weather.captures, *at) {
            continue;
        }
        while next <= *at {
            next = next + GRID;
        }
        // Requests are spread evenly over a service's replicas.
        let requests = weather.requests(*at) as f64 / replicas as f64;
        let point = TracePoint {
            at: *at,
            value: value as f64,
            epoch: *epoch,
            fault: within(&weather.faults, *at),
            requests: Some(requests),
        };
        // The store keeps readings in order; one that is not tells nothing.
        trace.push(point).ok();
    }
    trace
}

fn question(data: &RunData, series: &Series, gauge: &Gauge) -> Question {
    let experiment = &data.run.experiment;
    let planned = experiment.load.profile_length();
    match gauge {
        Gauge::Memory => {
            let limit = series.points.iter().rev().find_map(|p| p.2.limit);
            Question::memory(planned, growth_limit(data, &series.subject), limit.map(|b| b as f64))
        }
        _ => Question::count(planned, Percent::of(GROWTH), None),
    }
}

/// The experiment's own limit on the growth of the instance's service.
fn growth_limit(data: &RunData, subject: &Subject) -> Percent {
    let Subject::Instance { service: name, .. } = subject else { return Percent::of(GROWTH) };
    data.run
        .experiment
        .limits
        .iter()
        .find_map(|limit| match (&limit.measure, limit.bound.limit) {
            (Measure::MemoryGrowth { service }, Quantity::Share(max))
                if service.as_ref().is_none_or(|s| s == name) =>
            {
                Some(max)
            }
            _ => None,
        })
        .unwrap_or_else(|| Percent::of(GROWTH))
}
