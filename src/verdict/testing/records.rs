//! The records of a synthetic run.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::secs;
use super::synthetic::{BEGIN, Sec, Synthetic, WARMUP};
use crate::clock::Offset;
use crate::experiment::{
    CapturePlan, Expect, Experiment, External, HttpStep, Load, Method, Overlap, Sampling, Scenario,
    Segment, Step, System, Target, Template,
};
use crate::record::{
    Counts, Event, EventKind, FaultStage, Histogram, HistogramRow, Phase, Provenance, Quantiles,
    Reading, RunData, RunRecord, RunStatus, ScrapedKind, ScrapedSeries, Series, SliceRow, StepId,
    StepSlice, Subject, probe_series,
};
use crate::seed::Seed;
use crate::units::Rate;

impl Synthetic {
    /// With latencies stored by so many seconds.
    pub(super) fn records(&self, roll: u64) -> RunData {
        let mut encoded: HashMap<(u64, Duration), (Quantiles, Vec<u8>)> = HashMap::new();
        let mut punctual: HashMap<(u64, Duration), Quantiles> = HashMap::new();
        let mut lateness = |sec: &Sec| {
            let count = sec.counts.scheduled;
            *punctual.entry((count, sec.late)).or_insert_with(|| {
                let mut h = Histogram::new();
                (0..count).for_each(|_| h.record(sec.late));
                Quantiles::of(&h)
            })
        };
        let mut encode = |sec: &Sec| {
            let key = (sec.counts.ok, sec.latency);
            let fresh = || {
                let h = latencies(sec);
                (Quantiles::of(&h), h.to_v2())
            };
            encoded.entry(key).or_insert_with(fresh).clone()
        };
        let mut slices = Vec::new();
        let mut histograms: Vec<HistogramRow> = Vec::new();
        let mut rolling: Option<(HistogramRow, Histogram)> = None;
        let mut rolled: HashMap<Vec<(u64, Duration)>, Vec<u8>> = HashMap::new();
        let mut parts: Vec<(u64, Duration)> = Vec::new();
        for (k, sec) in self.secs.iter().enumerate() {
            let from = BEGIN + secs(k as u64);
            let to = from + secs(1);
            let (latency, ok) = encode(sec);
            let lateness = lateness(sec);
            slices.push(SliceRow {
                from,
                to,
                counts: sec.counts,
                in_flight: 1,
                waiting: 0,
                connections: 4,
                bytes_in: 1000,
                bytes_out: 1000,
                latency,
                lateness,
                errors: Vec::new(),
            });
            if sec.counts.ended() == 0 {
                continue;
            }
            let row = HistogramRow { ok, ..step_row(from, to, sec.counts) };
            // As the store does it.
            let edges = self.events.iter().filter(|e| {
                matches!(&e.kind, EventKind::Fault { stage, .. }
                    if matches!(stage, FaultStage::Injected | FaultStage::Healed { .. }))
            });
            let near = edges.map(|e| e.at).any(|at| at < to && from < at + secs(60));
            if near {
                histograms.extend(rolling.take().map(|(r, _)| roll_up(r, &parts, &mut rolled)));
            }
            if roll == 1 || near {
                histograms.push(row);
                continue;
            }
            // Aligned to the profile: the warm-up is a block of its own.
            let block = |at: Offset| {
                (at.as_micros() + 3_600_000_000 - Self::profile_start().as_micros())
                    / 1_000_000
                    / roll
            };
            let add = (sec.counts.ok, sec.latency);
            match &mut rolling {
                Some((open, _)) if block(open.from) == block(from) => {
                    open.to = to;
                    open.counts.add(&sec.counts);
                    parts.push(add);
                }
                _ => {
                    histograms.extend(rolling.take().map(|(r, _)| roll_up(r, &parts, &mut rolled)));
                    parts = vec![add];
                    rolling = Some((row, Histogram::new()));
                }
            }
        }
        histograms.extend(rolling.map(|(r, _)| roll_up(r, &parts, &mut rolled)));
        RunData {
            run: self.run(),
            slices,
            histograms,
            series: self.series(),
            events: self.timed_events(),
            ledger: Vec::new(),
            evidence: Vec::new(),
            scraped: self.probed(),
        }
    }

    fn timed_events(&self) -> Vec<Event> {
        let end = self.stop.unwrap_or(self.length);
        let phase = |phase, at| Event { at, kind: EventKind::Phase { phase } };
        let mut events = vec![
            phase(Phase::Preparing, Offset::ZERO),
            phase(Phase::Warming, BEGIN),
            phase(Phase::Holding, Self::profile_start()),
            phase(Phase::Cooling, Self::profile_start() + secs(end)),
            phase(Phase::Healing, Self::profile_start() + secs(end + self.cooldown)),
        ];
        let cut = Self::profile_start() + secs(end);
        events.extend(self.events.iter().filter(|e| e.at < cut).cloned());
        events.sort_by_key(|e| e.at);
        events
    }

    fn series(&self) -> Vec<Series> {
        let end = self.stop.unwrap_or(self.length) + self.cooldown;
        let ticks = || (0..end).step_by(self.sampling as usize);
        let at = |k: u64| Self::profile_start() + secs(k) + Duration::from_millis(300);
        let mut series = Vec::new();
        for (service, ordinal) in [("api", 1), ("api", 2), ("store", 1)] {
            let mine = |who: &Option<u32>| service == "api" && *who == Some(ordinal);
            let mut used = 0.0;
            let idle = (0..self.settle).map(|k| {
                let at = BEGIN - secs(self.settle - k) + Duration::from_millis(300);
                let anon = if service == "api" { (self.memory)(0) / 10 } else { 50 << 20 };
                (at, 0, Reading { anon: Some(anon), cpu_us: Some(0), ..Reading::default() })
            });
            let loaded = ticks()
                .filter(|k| !self.down.iter().any(|(who, r)| mine(who) && r.contains(k)))
                .map(|k| {
                    let epoch =
                        self.down.iter().filter(|(who, r)| mine(who) && r.end <= k).count() as u32;
                    let anon = if service == "api" { (self.memory)(k) } else { 50 << 20 };
                    used += (self.busy)(k) * 1e6 * self.sampling as f64;
                    let store = service == "store";
                    let reading = Reading {
                        anon: Some(anon),
                        cpu_us: Some(if store { used as u64 } else { k * 100_000 }),
                        cpu_limit_milli: store.then_some(500),
                        fds: Some(20),
                        pids: Some(8),
                        ..Reading::default()
                    };
                    (at(k), epoch, reading)
                });
            let points = idle.chain(loaded).collect();
            series.push(Series { subject: subject(service, ordinal), points });
        }
        let mut used = 0.0;
        let host = ticks().map(|k| {
            used += (self.cpu)(k) * 2e6 * self.sampling as f64;
            let reading = Reading {
                anon: Some(40),
                limit: Some(100),
                cpu_us: Some(used as u64),
                ..Reading::default()
            };
            (at(k), 0, reading)
        });
        series.push(Series { subject: Subject::Host, points: host.collect() });
        if let Some(own) = &self.own {
            let reading = |k| {
                let (memory, descriptors) = own(k);
                Reading { anon: Some(memory), fds: Some(descriptors), ..Reading::default() }
            };
            let points = ticks().map(|k| (at(k), 0, reading(k))).collect();
            series.push(Series { subject: Subject::Longhaul, points });
        }
        series
    }

    pub(super) fn load(&self) -> Load {
        let step = HttpStep {
            name: "get".into(),
            method: Method::Get,
            url: Template::default(),
            headers: Vec::new(),
            body: None,
            expect: Expect::default(),
            capture: Vec::new(),
            timeout: None,
        };
        let rate = Rate::per_second(self.rate);
        let profile = vec![Segment::Hold { rate, lasts: secs(self.length) }];
        Load {
            settle: secs(self.settle),
            warmup: secs(WARMUP),
            connections: 10,
            timeout: secs(5),
            cooldown: secs(self.cooldown),
            ..Load::new(profile, vec![Scenario::new("browse", vec![Step::Http(step)])])
        }
    }

    fn run(&self) -> RunRecord {
        let target = Target {
            system: System::External(External { containers: BTreeMap::new() }),
            ready: Vec::new(),
        };
        RunRecord {
            id: "20261121-020000-synthetic-0001".parse().unwrap(),
            anchor: jiff::Timestamp::UNIX_EPOCH,
            experiment: Experiment {
                version: 1,
                name: "synthetic".into(),
                description: None,
                tags: BTreeMap::new(),
                seed: Seed(42),
                target,
                sweep: None,
                variables: BTreeMap::new(),
                secrets: BTreeMap::new(),
                load: self.load(),
                faults: Vec::new(),
                overlap: Overlap::Forbid,
                steady_state: None,
                limits: self.limits.clone(),
                abort_when: Vec::new(),
                sampling: Sampling { interval: secs(self.sampling), ..Sampling::default() },
                capture: CapturePlan::default(),
                probes: Vec::new(),
            },
            faults: self.faults.clone(),
            against: None,
            sweep: None,
            provenance: Provenance { cpu: "2 x Synthetic".into(), ..Provenance::default() },
            status: RunStatus::Finished,
            verdict: None,
        }
    }
}

impl Synthetic {
    /// The readings of the probe `p`, one a second, each answered within 20 ms.
    fn probed(&self) -> Vec<ScrapedSeries> {
        let Some(value) = self.probe else { return Vec::new() };
        let start = Self::profile_start();
        let series = |name: &str, of: &dyn Fn(u64) -> Option<f64>| ScrapedSeries {
            subject: Subject::Probe("p".to_owned()),
            name: name.to_owned(),
            kind: ScrapedKind::Gauge,
            points: (0..self.length).filter_map(|k| Some((start + secs(k), of(k)?))).collect(),
        };
        vec![
            series(probe_series::FAILED, &|k| Some(f64::from(u8::from(value(k).is_none())))),
            series(probe_series::SECONDS, &|k| value(k).map(|_| 0.02)),
            series(probe_series::VALUE, &value),
        ]
    }
}

pub(super) fn subject(service: &str, ordinal: u32) -> Subject {
    Subject::Instance { service: service.to_owned(), ordinal }
}

/// As many latencies as arrivals ended well, up to a tenth longer than the second's.
pub(super) fn latencies(sec: &Sec) -> Histogram {
    let mut h = Histogram::new();
    for i in 0..sec.counts.ok {
        h.record(sec.latency + sec.latency / 100 * (i % 10) as u32);
    }
    h
}

fn step_row(from: Offset, to: Offset, counts: Counts) -> HistogramRow {
    HistogramRow::of(from, to, &StepSlice { counts, ..StepSlice::new(StepId(0)) })
}

fn roll_up(
    row: HistogramRow,
    parts: &[(u64, Duration)],
    known: &mut HashMap<Vec<(u64, Duration)>, Vec<u8>>,
) -> HistogramRow {
    let mut key = parts.to_vec();
    key.sort_unstable();
    let fresh = || {
        let mut sum = Histogram::new();
        for (ok, latency) in parts {
            let counts = Counts { ok: *ok, ..Counts::default() };
            sum.merge(&latencies(&Sec { counts, latency: *latency, late: Duration::ZERO }));
        }
        sum.to_v2()
    };
    HistogramRow { ok: known.entry(key).or_insert_with(fresh).clone(), ..row }
}
