//! Synthetic runs for this room's tests: 50/s on two services, healthy unless a test plants something.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use super::second::Second;
use super::windows::Span;
use super::{case::Case, limits};
use crate::clock::Offset;
use crate::experiment::{
    Arrival, Expect, Experiment, External, HttpStep, Injection, LatencyFigure, Limit, LimitKind,
    Load, Method, Overlap, Pick, Sampling, Scenario, Scope, Segment, Signal, Step, System, Target,
    Template, Tls, Victims,
};
use crate::ids::FaultId;
use crate::record::{
    Counts, Event, EventKind, FaultStage, Histogram, HistogramRow, LimitResult, LoadSlice, Phase,
    PlannedFault, Provenance, Quantiles, Reading, RunData, RunRecord, RunStatus, Series, SliceRow,
    StepId, StepSlice, Subject, TargetAction, Tier, Victim,
};
use crate::seed::Seed;
use crate::units::Rate;

const BEGIN: Offset = Offset::from_micros(30_000_000);
const WARMUP: u64 = 10;

/// What one second of load is made of.
#[derive(Clone, Copy)]
pub(super) struct Sec {
    pub(super) counts: Counts,
    pub(super) latency: Duration,
    pub(super) late: Duration,
}

/// A run under construction. Times are seconds since the profile's start.
pub(super) struct Synthetic {
    length: u64,
    stop: Option<u64>,
    rate: f64,
    secs: Vec<Sec>,
    events: Vec<Event>,
    faults: Vec<PlannedFault>,
    limits: Vec<Limit>,
    memory: Box<dyn Fn(u64) -> u64>,
    cpu: Box<dyn Fn(u64) -> f64>,
    sampling: u64,
    down: Vec<(Option<u32>, Range<u64>)>,
}

pub(super) fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(super) fn victim(service: &str, ordinal: u32) -> Victim {
    Victim { service: service.to_owned(), ordinal }
}

/// Second `at` of the run, not of its profile.
pub(super) fn start_event(service: &str, ordinal: u32, at: u64) -> Event {
    let victim = victim(service, ordinal);
    let kind = EventKind::Target { victim, action: TargetAction::Start, engine_time: None };
    Event { at: Offset::ZERO + secs(at), kind }
}

/// Second `at` of the load, warm-up included.
pub(super) fn target_event(service: &str, ordinal: u32, at: u64, action: TargetAction) -> Event {
    let kind = EventKind::Target { victim: victim(service, ordinal), action, engine_time: None };
    Event { at: BEGIN + secs(at), kind }
}

pub(super) fn error_rate(max: &str) -> LimitKind {
    LimitKind::ErrorRate { max: max.parse().unwrap(), warn: None, scope: Scope::Total }
}

pub(super) fn error_rate_clear(max: &str) -> LimitKind {
    LimitKind::ErrorRate { max: max.parse().unwrap(), warn: None, scope: Scope::OutsideFaults }
}

pub(super) fn wide(max: &str, warn: &str) -> LimitKind {
    let warn = Some(warn.parse().unwrap());
    LimitKind::ErrorRate { max: max.parse().unwrap(), warn, scope: Scope::Total }
}

pub(super) fn latency_p99(max: &str) -> LimitKind {
    let max = crate::units::parse_duration(max).unwrap();
    LimitKind::Latency { figure: LatencyFigure::P99, max, warn: None, step: None }
}

/// The result of the run's first limit.
pub(super) fn limit_result(run: Synthetic) -> LimitResult {
    let data = run.finished();
    limits::results(&Case::new(&data)).remove(0).result
}

pub(super) fn limit_tier(run: Synthetic) -> Tier {
    limit_result(run).tier
}

impl Synthetic {
    /// 50/s for `length` seconds after ten of warm-up.
    pub(super) fn hold(length: u64) -> Self {
        let mut run = Self {
            length,
            stop: None,
            rate: 50.0,
            secs: Vec::new(),
            events: Vec::new(),
            faults: Vec::new(),
            limits: Vec::new(),
            memory: Box::new(|_| 200 << 20),
            cpu: Box::new(|_| 0.4),
            sampling: 1,
            down: Vec::new(),
        };
        run.secs = (0..WARMUP + length).map(|k| run.second(k)).collect();
        run
    }

    fn second(&self, k: u64) -> Sec {
        let timeline = self.load().timeline();
        let due = |k: u64| timeline.due_before(secs(k)).round() as u64;
        let n = due(k + 1) - due(k);
        Sec {
            counts: Counts { scheduled: n, ok: n, ..Counts::default() },
            latency: Duration::from_micros(10_000 + (k * 7 % 11) * 50),
            late: Duration::from_micros(200),
        }
    }

    /// Where the load begins.
    pub(super) fn begin() -> Offset {
        BEGIN
    }

    pub(super) fn profile_start() -> Offset {
        BEGIN + secs(WARMUP)
    }

    /// The profile and its seconds.
    pub(super) fn parts(data: &RunData) -> (Span, Vec<Second>) {
        let case = Case::new(data);
        (case.judged.unwrap(), case.seconds)
    }

    /// Another rate, without a warm-up's ramp to it.
    pub(super) fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Changes these seconds.
    pub(super) fn each(mut self, range: Range<u64>, change: impl Fn(&mut Sec)) -> Self {
        for k in range {
            if let Some(sec) = self.secs.get_mut((WARMUP + k) as usize) {
                change(sec);
            }
        }
        self
    }

    /// Seconds after the profile in which its last arrivals end.
    pub(super) fn drain(mut self, tail: u64) -> Self {
        let rest = Sec { counts: Counts::default(), latency: secs(1), late: Duration::ZERO };
        self.secs.extend((0..tail).map(|_| rest));
        self
    }

    /// Kills `api#1` at a time and starts it again; the fault works and heals as it should.
    pub(super) fn fault(mut self, name: &str, at: u64, lasts: u64) -> Self {
        let nth = self.faults.iter().filter(|f| f.name == name).count() + 1;
        let id = FaultId::new(name, nth);
        let api = victim("api", 1);
        let victims = Victims { service: "api".into(), pick: Pick::One };
        self.faults.push(PlannedFault {
            id: id.clone(),
            name: name.to_owned(),
            at: secs(at),
            lasts: secs(lasts),
            inject: Injection::Kill {
                victims,
                signal: Signal("SIGKILL".into()),
                restart_after: secs(lasts),
            },
            victims: vec![api],
            peers: Vec::new(),
            recover_within: None,
        });
        let mut push = |s: u64, ms: u64, kind: EventKind| {
            let at = Self::profile_start() + secs(s) + Duration::from_millis(ms);
            self.events.push(Event { at, kind });
        };
        let stage = |stage| EventKind::Fault { fault: id.clone(), stage };
        push(at, 0, stage(FaultStage::Injected));
        push(at, 60, stage(FaultStage::Active { evidence: "seen dead".into() }));
        push(at + lasts, 0, stage(FaultStage::Healed { evidence: "seen running".into() }));
        self.lapse(1, at, lasts);
        self
    }

    fn lapse(&mut self, ordinal: u32, at: u64, lasts: u64) {
        let die = TargetAction::Die { exit_code: Some(137) };
        self.events.push(target_event("api", ordinal, WARMUP + at, die));
        let up = WARMUP + at + lasts;
        self.events.push(target_event("api", ordinal, up, TargetAction::Start));
        self.down.push((Some(ordinal), at..at + lasts));
    }

    /// An instance dies by itself and is back two seconds later.
    pub(super) fn crash(mut self, service: &str, ordinal: u32, at: u64) -> Self {
        let die = TargetAction::Die { exit_code: Some(1) };
        self.events.push(target_event(service, ordinal, WARMUP + at, die));
        let start = TargetAction::Start;
        self.events.push(target_event(service, ordinal, WARMUP + at + 2, start));
        self
    }

    /// Both instances of `api` are down for a while.
    pub(super) fn both_down(mut self, at: u64, lasts: u64) -> Self {
        self.lapse(1, at, lasts);
        self.lapse(2, at, lasts);
        self
    }

    pub(super) fn limit(mut self, kind: LimitKind) -> Self {
        self.limits.push(Limit { kind, window: None });
        self
    }

    pub(super) fn limit_in(mut self, kind: LimitKind, window: Duration) -> Self {
        self.limits.push(Limit { kind, window: Some(window) });
        self
    }

    /// Gives every fault so far a limit of its own.
    pub(super) fn recover_within(mut self, max: Duration) -> Self {
        self.faults.iter_mut().for_each(|f| f.recover_within = Some(max));
        self
    }

    /// Memory of each `api` instance by second.
    pub(super) fn memory(mut self, bytes: impl Fn(u64) -> u64 + 'static) -> Self {
        self.memory = Box::new(bytes);
        self
    }

    /// Share of the host's CPU in use by second.
    pub(super) fn host_cpu(mut self, share: impl Fn(u64) -> f64 + 'static) -> Self {
        self.cpu = Box::new(share);
        self
    }

    /// The profile ends here instead.
    pub(super) fn stop_at(mut self, at: u64) -> Self {
        self.stop = Some(at);
        let tail = self.secs.len() as u64 - WARMUP - self.length;
        let drained = self.secs.split_off((WARMUP + self.length) as usize);
        self.secs.truncate((WARMUP + at) as usize);
        self.secs.extend(drained.into_iter().take(tail as usize));
        self.faults.retain(|f| f.at < secs(at));
        self
    }

    /// The slices, as the load engine would hand them on.
    pub(super) fn slices(&self) -> impl Iterator<Item = LoadSlice> + '_ {
        self.secs.iter().enumerate().map(|(k, sec)| {
            let from = BEGIN + secs(k as u64);
            let mut lateness = Histogram::new();
            (0..sec.counts.scheduled).for_each(|_| lateness.record(sec.late));
            let step = StepSlice {
                step: StepId(0),
                counts: sec.counts,
                ok: latencies(sec),
                bad: Histogram::new(),
                statuses: BTreeMap::new(),
            };
            LoadSlice {
                from,
                to: from + secs(1),
                counts: sec.counts,
                in_flight: 1,
                connections: 4,
                bytes_in: 1000,
                bytes_out: 1000,
                lateness,
                steps: vec![step],
                errors: Vec::new(),
            }
        })
    }

    /// The records of a run that nothing more is planted in.
    pub(super) fn finished(self) -> RunData {
        self.build()
    }

    /// The run's records.
    pub(super) fn build(&self) -> RunData {
        self.records(1)
    }

    /// The same, with latencies stored by the minute, aligned to the profile's start.
    pub(super) fn build_rolled(&self) -> RunData {
        self.records(60)
    }

    /// A day at 50/s with a kill every hour, ten services sampled every 10 s.
    pub(super) fn day() -> RunData {
        let mut run = Self::hold(86_400);
        for hour in 0..24 {
            run = run.fault("kill", hour * 3600 + 1800, 10);
        }
        run.sampling = 10;
        run = run
            .limit(error_rate("1%"))
            .limit_in(error_rate("5%"), secs(300))
            .limit(latency_p99("500ms"))
            .limit_in(latency_p99("500ms"), secs(3600))
            .limit(LimitKind::MemoryMax { service: None, max: "1GiB".parse().unwrap(), warn: None })
            .limit(LimitKind::MemoryGrowth {
                service: None,
                max: "10%".parse().unwrap(),
                warn: None,
            });
        let mut data = run.build_rolled();
        let store = data.series.iter().find(|s| s.subject == subject("store", 1)).unwrap().clone();
        for i in 0..8 {
            data.series.push(Series { subject: subject(&format!("svc{i}"), 1), ..store.clone() });
        }
        data
    }

    fn records(&self, roll: u64) -> RunData {
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
            let row =
                HistogramRow { from, to, step: StepId(0), counts: sec.counts, ok, bad: Vec::new() };
            if roll == 1 {
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
            phase(Phase::Healing, Self::profile_start() + secs(end + 10)),
        ];
        let cut = Self::profile_start() + secs(end);
        events.extend(self.events.iter().filter(|e| e.at < cut).cloned());
        events.sort_by_key(|e| e.at);
        events
    }

    fn series(&self) -> Vec<Series> {
        let end = self.stop.unwrap_or(self.length) + 5;
        let ticks = || (0..end).step_by(self.sampling as usize);
        let at = |k: u64| Self::profile_start() + secs(k) + Duration::from_millis(300);
        let mut series = Vec::new();
        for (service, ordinal) in [("api", 1), ("api", 2), ("store", 1)] {
            let mine = |who: &Option<u32>| service == "api" && *who == Some(ordinal);
            let points = ticks()
                .filter(|k| !self.down.iter().any(|(who, r)| mine(who) && r.contains(k)))
                .map(|k| {
                    let epoch =
                        self.down.iter().filter(|(who, r)| mine(who) && r.end <= k).count() as u32;
                    let anon = if service == "api" { (self.memory)(k) } else { 50 << 20 };
                    let reading = Reading {
                        anon: Some(anon),
                        cpu_us: Some(k * 100_000),
                        fds: Some(20),
                        pids: Some(8),
                        ..Reading::default()
                    };
                    (at(k), epoch, reading)
                })
                .collect();
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
        series
    }

    fn load(&self) -> Load {
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
        Load {
            warmup: secs(WARMUP),
            profile: vec![Segment::Hold {
                rate: Rate::per_second(self.rate),
                lasts: secs(self.length),
            }],
            arrival: Arrival::Constant,
            connections: 10,
            timeout: secs(5),
            cooldown: secs(10),
            tls: Tls::default(),
            scenarios: vec![Scenario {
                name: "browse".into(),
                weight: 1,
                session: Vec::new(),
                steps: vec![Step::Http(step)],
            }],
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
                variables: BTreeMap::new(),
                load: self.load(),
                faults: Vec::new(),
                overlap: Overlap::Forbid,
                steady_state: None,
                limits: self.limits.clone(),
                abort_when: Vec::new(),
                sampling: Sampling { interval: secs(self.sampling), ledger: None },
            },
            faults: self.faults.clone(),
            provenance: Provenance { cpu: "2 x Synthetic".into(), ..Provenance::default() },
            status: RunStatus::Finished,
            verdict: None,
        }
    }
}

fn subject(service: &str, ordinal: u32) -> Subject {
    Subject::Instance { service: service.to_owned(), ordinal }
}

/// As many latencies as arrivals ended well, up to a tenth longer than the second's.
fn latencies(sec: &Sec) -> Histogram {
    let mut h = Histogram::new();
    for i in 0..sec.counts.ok {
        h.record(sec.latency + sec.latency / 100 * (i % 10) as u32);
    }
    h
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
