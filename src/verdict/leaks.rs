//! The gauges of a run's instances, judged for leaks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clues::{Findings, clues};
use super::leak::{Question, Trace, TracePoint, judge_trace};
use super::second::answered;
use super::windows::Life;
use crate::clock::Offset;
use crate::experiment::{Experiment, Measure, Quantity};
use crate::record::{
    EventKind, Evidence, Gauge, GaugeUnit, InstanceClues, LeakCurves, LeakFinding, LeakResult,
    LeakVerdict, Phase, RunData, ScrapedKind, ScrapedSeries, Series, Subject, Victim, is_telling,
};
use crate::units::Percent;

/// The method takes a reading every so often; a faster sampler is thinned out.
pub(super) const GRID: Duration = Duration::from_secs(10);
/// Percent of growth over the profile that is no leak where the experiment does not say.
const GROWTH: f64 = 10.0;
/// Gauges that the sampler reads.
pub(super) const GAUGES: [Gauge; 3] = [Gauge::Memory, Gauge::Descriptors, Gauge::Threads];
/// What is captured now and then is judged from so many captures on: eight windows of six readings.
const ENOUGH: u64 = 48;
/// So many scraped gauges of an instance are judged.
const SCRAPED: usize = 32;
/// Of a scraped gauge that is stable so many explanations are kept.
const RIVALS: usize = 3;

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
        let limit = series.points.iter().rev().find_map(|p| p.2.limit);
        let asked = |gauge: &Gauge| question(&data.run.experiment, &instance.service, gauge, limit);
        let scene = Scene { start, end, weather: &weather, replicas };
        for gauge in GAUGES {
            let trace = scene.sampled(series, &gauge);
            if trace.readings() == 0 {
                continue;
            }
            let finding = judge_trace(&trace, &asked(&gauge));
            results.push(LeakResult { instance: instance.clone(), gauge, finding });
        }
        let looks = || data.evidence.iter().filter(|e| e.instance == instance);
        for (gauge, of) in CAPTURED {
            let points = looks().filter_map(|e| Some((e.from, e.restarts, of(e)? as f64)));
            let trace = scene.trace(points);
            if trace.readings() >= ENOUGH {
                let finding = judge_trace(&trace, &asked(&gauge));
                results.push(LeakResult { instance: instance.clone(), gauge, finding });
            }
        }
        for scraped in scraped(data, &series.subject) {
            let points = scraped.points.iter().map(|(at, value)| (*at, life(series, *at), *value));
            let trace = scene.trace(points.filter(|(at, ..)| !within(&weather.captures, *at)));
            if trace.readings() == 0 {
                continue;
            }
            let gauge = Gauge::Scraped(scraped.name.clone());
            let finding = slim(judge_trace(&trace, &asked(&gauge)));
            results.push(LeakResult { instance: instance.clone(), gauge, finding });
        }
    }
    results
}

/// How a look at an instance tells a gauge.
type Look = fn(&Evidence) -> Option<u64>;

/// Gauges that are captured now and then.
const CAPTURED: [(Gauge, Look); 2] =
    [(Gauge::Sockets, Evidence::open_sockets), (Gauge::Disk, Evidence::disk_used)];

/// The gauges of an instance's own metrics that may tell why it grows. Times and shares do not.
fn scraped<'a>(
    data: &'a RunData,
    subject: &Subject,
) -> impl Iterator<Item = &'a ScrapedSeries> + use<'a> {
    let subject = subject.clone();
    let tells = |s: &&ScrapedSeries| {
        let name = s.metric();
        let other = ["_seconds", "_ratio", "_percent"].iter().any(|unit| name.ends_with(unit));
        s.kind == ScrapedKind::Gauge && is_telling(name) && !other
    };
    let own = data.scraped.iter().filter(move |s| s.subject == subject);
    own.filter(tells).take(SCRAPED)
}

/// The process life at a moment.
fn life(series: &Series, at: Offset) -> u32 {
    let n = series.points.partition_point(|(read, ..)| *read <= at);
    series.points.get(n.saturating_sub(1)).map_or(0, |(_, epoch, _)| *epoch)
}

/// Without what nobody looks at: of many gauges most are stable.
fn slim(mut finding: LeakFinding) -> LeakFinding {
    if finding.verdict == LeakVerdict::Stable {
        finding.rivals.truncate(RIVALS);
        finding.curves = LeakCurves::default();
    }
    finding
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
        Subject::Host | Subject::Longhaul | Subject::Probe(_) => None,
    }
}

fn replicas(data: &RunData, service: &str) -> usize {
    let of = |s: &&Series| matches!(&s.subject, Subject::Instance { service: name, .. } if name == service);
    data.series.iter().filter(of).count().max(1)
}

/// What disturbs readings.
pub(super) struct Weather {
    /// When faults were in force.
    faults: Vec<(Offset, Offset)>,
    /// When evidence was captured: longhaul itself then took memory and time of the target.
    captures: Vec<(Offset, Offset)>,
    /// Requests answered by then.
    answered: Vec<(Offset, u64)>,
}

impl Weather {
    pub(super) fn of(data: &RunData, lives: &[Life]) -> Self {
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

/// The readings of one gauge within a span, in the method's grid.
pub(super) fn trace(
    series: &Series,
    gauge: &Gauge,
    (start, end): (Offset, Offset),
    weather: &Weather,
    replicas: usize,
) -> Trace {
    Scene { start, end, weather, replicas }.sampled(series, gauge)
}

/// What is alike for every gauge of an instance.
struct Scene<'a> {
    start: Offset,
    end: Offset,
    weather: &'a Weather,
    replicas: usize,
}

impl Scene<'_> {
    /// What was sampled of a gauge, but while evidence was captured.
    fn sampled(&self, series: &Series, gauge: &Gauge) -> Trace {
        let points = series.points.iter();
        let points = points.filter_map(|(at, n, r)| Some((*at, *n, gauge.of(r)? as f64)));
        self.trace(points.filter(|(at, ..)| !within(&self.weather.captures, *at)))
    }

    /// Points are a moment, the process life and the value, in time order.
    fn trace(&self, points: impl Iterator<Item = (Offset, u32, f64)>) -> Trace {
        let mut trace = Trace::new();
        let mut next = self.start;
        let mut before = None;
        for (at, epoch, value) in points {
            if at < next || at > self.end {
                continue;
            }
            while next <= at {
                next = next + GRID;
            }
            // Requests are spread evenly over a service's replicas.
            let requests = self.weather.requests(at) as f64 / self.replicas as f64;
            // Also one that came and went since the reading before.
            let since = before.replace(at).unwrap_or(at);
            let fault = self.weather.faults.iter().any(|(from, to)| *from <= at && since <= *to);
            let point = TracePoint { at, value, epoch, fault, requests: Some(requests) };
            // Readings are in order; one that is not, or that no gauge can give, tells nothing.
            trace.push(point).ok();
        }
        trace
    }
}

/// What is asked of a gauge of a service's instance, which may use so much memory.
pub(super) fn question(
    experiment: &Experiment,
    service: &str,
    gauge: &Gauge,
    limit: Option<u64>,
) -> Question {
    let planned = experiment.load.profile_length();
    match (gauge, gauge.unit()) {
        (Gauge::Memory, _) => {
            let allowed = growth_limit(experiment, service);
            Question::memory(planned, allowed, limit.map(|b| b as f64))
        }
        (_, GaugeUnit::Bytes) => Question::memory(planned, Percent::of(GROWTH), None),
        (_, GaugeUnit::Count) => Question::count(planned, Percent::of(GROWTH), None),
    }
}

/// The experiment's own limit on the growth of a service.
fn growth_limit(experiment: &Experiment, name: &str) -> Percent {
    experiment
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

#[cfg(test)]
mod tests {
    use super::super::case::Case;
    use super::super::testing::{Synthetic, secs, victim};
    use super::*;

    /// Two hours and ten minutes with a scraped heap that grows, a queue that does not, and a clock.
    fn scraped() -> RunData {
        let mut data = Synthetic::hold(7800).build();
        let mut add = |name: &str, kind, value: &dyn Fn(f64) -> f64| {
            let points = (0..780).map(|k| {
                let noise = f64::from(k * 7919 % 101);
                (Synthetic::profile_start() + secs(k as u64 * 10), value(f64::from(k)) + noise)
            });
            data.scraped.push(ScrapedSeries {
                subject: Subject::Instance { service: "api".into(), ordinal: 1 },
                name: name.to_owned(),
                kind,
                points: points.collect(),
            });
        };
        add("heap_live_bytes", ScrapedKind::Gauge, &|k| 1e8 + 1e5 * k);
        add("last_gc_time_seconds", ScrapedKind::Gauge, &|k| 1.7e9 + 10.0 * k);
        add("queue_depth{queue=\"a\"}", ScrapedKind::Gauge, &|_| 500.0);
        add("requests_total", ScrapedKind::Counter, &|k| k);
        add("temperature", ScrapedKind::Gauge, &|k| k);
        data
    }

    #[test]
    fn gauges_among_the_targets_own_metrics_are_judged() {
        let data = scraped();
        let case = Case::new(&data);
        let found: Vec<(String, LeakVerdict)> = case
            .leaks()
            .iter()
            .filter(|r| r.instance == victim("api", 1) && !r.gauge.is_sampled())
            .map(|r| (r.gauge.to_string(), r.finding.verdict))
            .collect();
        let named = |name: &str, verdict| (name.to_owned(), verdict);
        assert_eq!(
            found,
            [
                named("heap_live_bytes", LeakVerdict::Leaking),
                named("queue_depth{queue=\"a\"}", LeakVerdict::Stable)
            ]
        );
        let heap = case.leaks().iter().find(|r| r.gauge.to_string() == "heap_live_bytes").unwrap();
        // 100 kB every ten seconds.
        let slope = heap.finding.slope.unwrap();
        assert!(heap.finding.unit == GaugeUnit::Bytes && (slope.value / 3.6e7 - 1.0).abs() < 0.05);
    }
}
