//! A run under construction.

use std::ops::Range;
use std::time::Duration;

use super::super::second::Second;
use super::super::windows::Span;
use super::super::{case::Case, limits};
use super::records::{latencies, subject};
use super::written;
use crate::clock::Offset;
use crate::experiment::{Injection, Limit, Pick, Signal, Victims};
use crate::ids::FaultId;
use crate::record::{
    Counts, Event, EventKind, FaultStage, Histogram, LimitResult, LoadSlice, PlannedFault, RunData,
    Series, StepId, StepSlice, TargetAction, Tier, Victim,
};

pub(super) const BEGIN: Offset = Offset::from_micros(30_000_000);
pub(super) const WARMUP: u64 = 10;

/// What one second of load is made of.
#[derive(Clone, Copy)]
pub(in super::super) struct Sec {
    pub(in super::super) counts: Counts,
    pub(in super::super) latency: Duration,
    pub(in super::super) late: Duration,
}

/// longhaul's own memory and descriptors at a second.
type Own = dyn Fn(u64) -> (u64, u64);

/// A run under construction. Times are seconds since the profile's start.
pub(in super::super) struct Synthetic {
    pub(super) length: u64,
    pub(super) stop: Option<u64>,
    pub(super) rate: f64,
    pub(super) secs: Vec<Sec>,
    pub(super) events: Vec<Event>,
    pub(super) faults: Vec<PlannedFault>,
    pub(super) limits: Vec<Limit>,
    pub(super) memory: Box<dyn Fn(u64) -> u64>,
    pub(super) cpu: Box<dyn Fn(u64) -> f64>,
    pub(super) busy: Box<dyn Fn(u64) -> f64>,
    pub(super) own: Option<Box<Own>>,
    pub(super) settle: u64,
    pub(super) cooldown: u64,
    pub(super) sampling: u64,
    pub(super) probe: Option<fn(u64) -> Option<f64>>,
    pub(super) down: Vec<(Option<u32>, Range<u64>)>,
}

pub(in super::super) fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(in super::super) fn victim(service: &str, ordinal: u32) -> Victim {
    Victim { service: service.to_owned(), ordinal }
}

/// Second `at` of the run, not of its profile.
pub(in super::super) fn start_event(service: &str, ordinal: u32, at: u64) -> Event {
    let victim = victim(service, ordinal);
    let kind = EventKind::Target { victim, action: TargetAction::Start, engine_time: None };
    Event { at: Offset::ZERO + secs(at), kind }
}

/// Second `at` of the load, warm-up included.
pub(in super::super) fn target_event(
    service: &str,
    ordinal: u32,
    at: u64,
    action: TargetAction,
) -> Event {
    let kind = EventKind::Target { victim: victim(service, ordinal), action, engine_time: None };
    Event { at: BEGIN + secs(at), kind }
}

/// The result of the run's first limit.
pub(in super::super) fn limit_result(run: Synthetic) -> LimitResult {
    let data = run.finished();
    limits::results(&Case::new(&data)).remove(0).result
}

pub(in super::super) fn limit_tier(run: Synthetic) -> Tier {
    limit_result(run).tier
}

impl Synthetic {
    /// 50/s for `length` seconds after ten of warm-up.
    pub(in super::super) fn hold(length: u64) -> Self {
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
            busy: Box::new(|_| 0.1),
            own: None,
            settle: 0,
            cooldown: 10,
            sampling: 1,
            probe: None,
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
    pub(in super::super) fn begin() -> Offset {
        BEGIN
    }

    pub(in super::super) fn profile_start() -> Offset {
        BEGIN + secs(WARMUP)
    }

    /// The profile and its seconds.
    pub(in super::super) fn parts(data: &RunData) -> (Span, Vec<Second>) {
        let case = Case::new(data);
        (case.judged.unwrap(), case.seconds)
    }

    /// Another rate, without a warm-up's ramp to it.
    pub(in super::super) fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Changes these seconds.
    pub(in super::super) fn each(mut self, range: Range<u64>, change: impl Fn(&mut Sec)) -> Self {
        for k in range {
            if let Some(sec) = self.secs.get_mut((WARMUP + k) as usize) {
                change(sec);
            }
        }
        self
    }

    /// Seconds after the profile in which its last arrivals end.
    pub(in super::super) fn drain(mut self, tail: u64) -> Self {
        let rest = Sec { counts: Counts::default(), latency: secs(1), late: Duration::ZERO };
        self.secs.extend((0..tail).map(|_| rest));
        self
    }

    /// Kills `api#1` at a time and starts it again; the fault works and heals as it should.
    pub(in super::super) fn fault(mut self, name: &str, at: u64, lasts: u64) -> Self {
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
    pub(in super::super) fn crash(mut self, service: &str, ordinal: u32, at: u64) -> Self {
        let die = TargetAction::Die { exit_code: Some(1) };
        self.events.push(target_event(service, ordinal, WARMUP + at, die));
        let start = TargetAction::Start;
        self.events.push(target_event(service, ordinal, WARMUP + at + 2, start));
        self
    }

    /// Both instances of `api` are down for a while.
    pub(in super::super) fn both_down(mut self, at: u64, lasts: u64) -> Self {
        self.lapse(1, at, lasts);
        self.lapse(2, at, lasts);
        self
    }

    /// Adds the limits of one entry of an experiment file.
    pub(in super::super) fn limit(mut self, entry: &str) -> Self {
        let window = |limit: Limit| Limit {
            window: limit.window.map(|w| w.min(secs(self.length))),
            ..limit
        };
        self.limits.extend(written::limits(entry).into_iter().map(window));
        self
    }

    /// What the probe `p` reads by second of the profile; `None`: it is not answered.
    pub(in super::super) fn probe(mut self, value: fn(u64) -> Option<f64>) -> Self {
        self.probe = Some(value);
        self
    }

    /// Time without load before the warm-up, under 30 s. An instance then needs a tenth of its memory at the start.
    pub(in super::super) fn settle(mut self, lasts: u64) -> Self {
        self.settle = lasts;
        self
    }

    /// Another length of the cool-down than ten seconds.
    pub(in super::super) fn cooldown(mut self, lasts: u64) -> Self {
        self.cooldown = lasts;
        self
    }

    /// Cores that `store#1` keeps busy, by second. Its limit is half a core.
    pub(in super::super) fn busy(mut self, cores: impl Fn(u64) -> f64 + 'static) -> Self {
        self.busy = Box::new(cores);
        self
    }

    /// Gives every fault so far a limit of its own.
    pub(in super::super) fn recover_within(mut self, max: Duration) -> Self {
        self.faults.iter_mut().for_each(|f| f.recover_within = Some(max));
        self
    }

    /// Memory of each `api` instance by second.
    pub(in super::super) fn memory(mut self, bytes: impl Fn(u64) -> u64 + 'static) -> Self {
        self.memory = Box::new(bytes);
        self
    }

    /// longhaul's own memory and descriptors by second; without, they were never read.
    pub(in super::super) fn own(mut self, read: impl Fn(u64) -> (u64, u64) + 'static) -> Self {
        self.own = Some(Box::new(read));
        self
    }

    /// Share of the host's CPU in use by second.
    pub(in super::super) fn host_cpu(mut self, share: impl Fn(u64) -> f64 + 'static) -> Self {
        self.cpu = Box::new(share);
        self
    }

    /// The profile ends here instead.
    pub(in super::super) fn stop_at(mut self, at: u64) -> Self {
        self.stop = Some(at);
        let tail = self.secs.len() as u64 - WARMUP - self.length;
        let drained = self.secs.split_off((WARMUP + self.length) as usize);
        self.secs.truncate((WARMUP + at) as usize);
        self.secs.extend(drained.into_iter().take(tail as usize));
        self.faults.retain(|f| f.at < secs(at));
        self
    }

    /// The slices, as the load engine would hand them on.
    pub(in super::super) fn slices(&self) -> impl Iterator<Item = LoadSlice> + '_ {
        self.secs.iter().enumerate().map(|(k, sec)| {
            let from = BEGIN + secs(k as u64);
            let mut lateness = Histogram::new();
            (0..sec.counts.scheduled).for_each(|_| lateness.record(sec.late));
            let step =
                StepSlice { counts: sec.counts, ok: latencies(sec), ..StepSlice::new(StepId(0)) };
            LoadSlice {
                from,
                to: from + secs(1),
                counts: sec.counts,
                in_flight: 1,
                waiting: 0,
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
    pub(in super::super) fn finished(self) -> RunData {
        self.build()
    }

    /// The run's records.
    pub(in super::super) fn build(&self) -> RunData {
        self.records(1)
    }

    /// The same, with latencies stored by the minute, aligned to the profile's start.
    pub(in super::super) fn build_rolled(&self) -> RunData {
        self.records(60)
    }

    /// A day at 50/s with a kill every hour, ten services sampled every 10 s.
    pub(in super::super) fn day() -> RunData {
        let mut run = Self::hold(86_400);
        for hour in 0..24 {
            run = run.fault("kill", hour * 3600 + 1800, 10);
        }
        run.sampling = 10;
        for limit in [
            "error_rate: { max: 1% }",
            "error_rate: { max: 5%, window: 5m }",
            "latency: { p99: 500ms }",
            "latency: { p99: 500ms, window: 1h }",
            "latency: { p99: 500ms, scope: during }",
            "memory: { max: 1GiB }",
            "memory_growth: { max: 10% }",
        ] {
            run = run.limit(limit);
        }
        let mut data = run.build_rolled();
        let store = data.series.iter().find(|s| s.subject == subject("store", 1)).unwrap().clone();
        for i in 0..8 {
            data.series.push(Series { subject: subject(&format!("svc{i}"), 1), ..store.clone() });
        }
        data
    }
}
