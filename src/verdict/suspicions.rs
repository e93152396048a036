//! Leaks in a run under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::leak::{Question, Trace, TracePoint, judge_so_far};
use super::leaks::{GAUGES, GRID, question};
use super::second::answered;
use crate::clock::Offset;
use crate::experiment::Experiment;
use crate::ids::FaultId;
use crate::record::{
    Event, EventKind, FaultStage, Gauge, LeakResult, LeakVerdict, LoadSlice, Phase, Sample,
    Subject, Victim,
};

/// Nothing is suspected in the first so much of the load.
const QUIET: Duration = Duration::from_hours(1);
/// Time between two looks, at least: a look takes CPU that the load could use.
const BETWEEN: Duration = Duration::from_mins(5);
/// A gauge's readings within it are kept as one: a process has a dozen gauges, and a run many processes.
const CELL: Duration = Duration::from_mins(1);

/// What a run's instances read so far, for a look at whether something seems to leak: give it everything as it
/// happens. Its memory is bounded: a gauge's [`Trace`] is.
///
/// Readings that a capture of evidence disturbed are in it, since they come before the capture is told; the verdict at
/// the end leaves them out.
#[derive(Clone, Debug)]
pub struct Suspicions {
    experiment: Arc<Experiment>,
    begin: Offset,
    loaded: bool,
    gauges: BTreeMap<(Victim, Gauge), Track>,
    faults: BTreeSet<FaultId>,
    answered: u64,
    next_look: Offset,
}

#[derive(Clone, Debug)]
struct Track {
    trace: Trace,
    next: Offset,
    limit: Option<u64>,
}

impl Default for Track {
    fn default() -> Self {
        Self { trace: Trace::in_cells_of(CELL), next: Offset::default(), limit: None }
    }
}

impl Suspicions {
    /// Of a run of `experiment` whose load, warm-up included, begins at `begin`.
    pub fn new(experiment: &Arc<Experiment>, begin: Offset) -> Self {
        Self {
            experiment: Arc::clone(experiment),
            begin,
            loaded: false,
            gauges: BTreeMap::new(),
            faults: BTreeSet::new(),
            answered: 0,
            next_look: begin + QUIET,
        }
    }

    /// Takes a slice.
    pub fn slice(&mut self, slice: &LoadSlice) {
        self.answered += answered(&slice.counts);
    }

    /// Takes an event.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Phase { phase } => {
                self.loaded = matches!(phase, Phase::Warming | Phase::Holding);
            }
            EventKind::Fault { fault, stage } => match stage {
                FaultStage::Injected => {
                    self.faults.insert(fault.clone());
                }
                FaultStage::Healed { .. } | FaultStage::NotApplied { .. } => {
                    self.faults.remove(fault);
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// Takes samples. Those without load are passed over.
    pub fn samples(&mut self, samples: &[Sample]) {
        if !self.loaded {
            return;
        }
        let mut replicas: BTreeMap<&str, f64> = BTreeMap::new();
        for sample in samples {
            if let Subject::Instance { service, .. } = &sample.subject {
                *replicas.entry(service).or_default() += 1.0;
            }
        }
        for sample in samples {
            let Subject::Instance { service, ordinal } = &sample.subject else { continue };
            let victim = Victim { service: service.clone(), ordinal: *ordinal };
            let requests = self.answered as f64 / replicas.get(service.as_str()).unwrap_or(&1.0);
            for gauge in GAUGES {
                let Some(value) = gauge.of(&sample.reading) else { continue };
                let track = self.gauges.entry((victim.clone(), gauge)).or_default();
                track.limit = sample.reading.limit.or(track.limit);
                if sample.at < track.next {
                    continue;
                }
                track.next = sample.at + GRID;
                let point = TracePoint {
                    at: sample.at,
                    value: value as f64,
                    epoch: sample.epoch,
                    fault: !self.faults.is_empty(),
                    requests: Some(requests),
                };
                // A reading out of order tells nothing.
                track.trace.push(point).ok();
            }
        }
    }

    /// What there is to judge, from the second hour on and not more often than every five minutes.
    pub fn look(&mut self, now: Offset) -> Option<Looking> {
        if now < self.next_look || !self.loaded {
            return None;
        }
        self.next_look = now + BETWEEN;
        let gauges = self.gauges.iter().map(|((victim, gauge), track)| {
            let question = question(&self.experiment, &victim.service, gauge, track.limit);
            (victim.clone(), gauge.clone(), track.trace.clone(), question)
        });
        Some(Looking(gauges.collect()))
    }

    /// Where the load began.
    pub fn begin(&self) -> Offset {
        self.begin
    }
}

/// A look that is to be judged: some milliseconds for each gauge.
#[derive(Debug)]
pub struct Looking(Vec<(Victim, Gauge, Trace, Question)>);

impl Looking {
    /// The gauges that are suspected of leaking.
    pub fn suspected(self) -> Vec<LeakResult> {
        let judged = self.0.into_iter().map(|(instance, gauge, trace, question)| {
            let finding = judge_so_far(&trace, &question);
            LeakResult { instance, gauge, finding }
        });
        judged.filter(|result| result.finding.verdict == LeakVerdict::Suspected).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Synthetic;
    use super::*;
    use crate::units::Bytes;

    const MIB: f64 = 1_048_576.0;

    /// What is suspected at these minutes of a run whose `api` grows by so many MiB an hour.
    fn looked(mib_an_hour: u64, minutes: &[u64]) -> Vec<Option<Vec<LeakResult>>> {
        let noise = |k: u64| (k / 10 * 7919 % 101) << 12;
        let run = Synthetic::hold(7200)
            .memory(move |k| (200 << 20) + k * (mib_an_hour << 20) / 3600 + noise(k));
        let data = run.build();
        let begin = Synthetic::begin();
        let mut suspicions = Suspicions::new(&Arc::new(data.run.experiment.clone()), begin);
        assert_eq!(suspicions.begin(), begin);
        data.events.iter().take(3).for_each(|e| suspicions.event(e));
        let mut slices = run.slices();
        let mut at = 0;
        let mut found = Vec::new();
        for minute in minutes {
            for k in at..minute * 60 {
                suspicions.slice(&slices.next().unwrap());
                let of = |series: &crate::record::Series| {
                    let (at, epoch, mut reading) = *series.points.get(k as usize)?;
                    reading.limit = Some(Bytes(512 << 20).0);
                    Some(Sample { at, subject: series.subject.clone(), epoch, reading })
                };
                let samples: Vec<Sample> = data.series.iter().filter_map(of).collect();
                suspicions.samples(&samples);
            }
            at = minute * 60;
            let look = suspicions.look(begin + Duration::from_mins(*minute));
            found.push(look.map(Looking::suspected));
        }
        found
    }

    #[test]
    fn from_the_second_hour_on_a_leak_is_suspected_with_its_end() {
        let found = looked(40, &[30, 59, 80, 82, 90]);
        assert!(found[0].is_none() && found[1].is_none(), "{found:?}");
        let suspected = found[2].as_ref().unwrap();
        assert_eq!(suspected.len(), 2, "{suspected:?}");
        let finding = &suspected[0].finding;
        assert_eq!(suspected[0].gauge, Gauge::Memory);
        assert!((finding.slope.unwrap().value / (40.0 * MIB) - 1.0).abs() < 0.05, "{finding:?}");
        // 512 less 253 MiB at 40 an hour.
        let hours = finding.to_limit.unwrap().value.unwrap();
        assert!((hours - 6.5).abs() < 0.4, "{hours}");
        assert!(found[3].is_none() && found[4].is_some(), "a look every five minutes at most");
    }

    #[test]
    fn what_is_flat_is_not_suspected() {
        assert_eq!(looked(0, &[90]), [Some(Vec::new())]);
    }
}
