use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::Arrivals;
use super::search::Search;
use crate::clock::{Clock, Offset};
use crate::experiment::{Flow, Steps, Timeline};
use crate::record::{Event, EventKind, GaveWay, Histogram, Level, LoadSlice};
use crate::units::Rate;

/// Carries out the search for a limit: sees every slice, judges each step when what began in it has ended, and adds the
/// next one to the schedule, at the next whole second. What was scheduled before never changes.
pub(super) struct Climb {
    steps: Steps,
    search: Search,
    clock: Clock,
    /// Start of the load.
    begin: Offset,
    /// Every step ends before it.
    latest: Offset,
    arrivals: Arrivals,
    schedule: watch::Sender<Arc<Arrivals>>,
    events: mpsc::Sender<Event>,
    /// The step at hand.
    tally: Option<Tally>,
}

/// The generator hears of a step at least so long before it begins.
const AHEAD: Duration = Duration::from_millis(300);
const SECOND: Duration = Duration::from_secs(1);

impl Climb {
    /// The search that a load ends with, if it does, with its first step on the schedule.
    pub(super) fn new(
        timeline: &Timeline,
        arrivals: Arrivals,
        (clock, begin): (Clock, Offset),
        events: mpsc::Sender<Event>,
    ) -> Option<Self> {
        let (steps, start) = timeline.pieces.iter().find_map(|piece| match piece.flow {
            Flow::Climb(steps) => Some((steps, piece.start)),
            _ => None,
        })?;
        let mut climb = Self {
            search: Search::new(steps),
            steps,
            clock,
            begin,
            latest: begin + timeline.total,
            schedule: watch::channel(Arc::new(arrivals.clone())).0,
            arrivals,
            events,
            tally: None,
        };
        climb.lay(climb.boundary(begin + start), steps.rate(0));
        Some(climb)
    }

    /// The schedule as it grows.
    pub(super) fn schedule(&self) -> watch::Receiver<Arc<Arrivals>> {
        self.schedule.subscribe()
    }

    /// Takes note of a slice.
    pub(super) async fn see(&mut self, slice: &LoadSlice) {
        let Some(tally) = &mut self.tally else { return };
        if slice.to <= tally.from {
            return;
        }
        tally.add(slice);
        let under_way = u64::from(slice.in_flight) + slice.waiting;
        if slice.to < tally.to || (under_way > 0 && slice.to < tally.to + Steps::REST) {
            return;
        }
        let level = tally.level(&self.steps);
        self.search.tried(level.gave_way);
        self.tell(EventKind::Level(level)).await;
        let start = self.boundary(self.clock.now() + AHEAD);
        match self.search.rate() {
            Some(rate) if start + self.steps.each + SECOND <= self.latest => self.lay(start, rate),
            _ => {
                self.search.give_up();
                self.tally = None;
                self.arrivals = self.arrivals.ended(start.since(self.begin));
                self.schedule.send_replace(Arc::new(self.arrivals.clone()));
                self.tell(EventKind::Capacity(self.search.found())).await;
            }
        }
    }

    fn lay(&mut self, start: Offset, rate: f64) {
        let each = self.steps.each;
        self.arrivals = self.arrivals.with_level(start.since(self.begin), each, rate);
        self.schedule.send_replace(Arc::new(self.arrivals.clone()));
        self.tally = Some(Tally::new(start, start + each, rate));
    }

    async fn tell(&self, kind: EventKind) {
        // Who does not listen any more has stopped the load.
        drop(self.events.send(Event { at: self.clock.now(), kind }).await);
    }

    /// The first whole second of the load from `at` on: slices end there.
    fn boundary(&self, at: Offset) -> Offset {
        let seconds = at.since(self.begin).as_micros().div_ceil(SECOND.as_micros());
        self.begin + SECOND * u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

/// What a step comes to.
#[derive(Debug)]
struct Tally {
    rate: f64,
    from: Offset,
    to: Offset,
    scheduled: u64,
    errors: u64,
    /// Answered while it lasted, its first second left out, and due in that time.
    answered: f64,
    asked: f64,
    latency: Histogram,
    lateness: Histogram,
}

impl Tally {
    fn new(from: Offset, to: Offset, rate: f64) -> Self {
        let none = Histogram::new;
        let (scheduled, errors, answered, asked) = (0, 0, 0.0, 0.0);
        Self {
            rate,
            from,
            to,
            scheduled,
            errors,
            answered,
            asked,
            latency: none(),
            lateness: none(),
        }
    }

    fn add(&mut self, slice: &LoadSlice) {
        self.scheduled += slice.counts.scheduled;
        self.errors += slice.counts.errors();
        // A consumer that falls behind gets longer slices: what of one lies in the step counts by its length.
        let (settled, length) = (self.from + SECOND, slice.to.since(slice.from).as_secs_f64());
        let within = slice.to.min(self.to).since(slice.from.max(settled)).as_secs_f64();
        if length > 0.0 {
            let answered = slice.counts.ended() - slice.counts.not_sent;
            self.answered += answered as f64 * within / length;
            self.asked += self.rate * within;
        }
        slice.steps.iter().for_each(|step| self.latency.merge(&step.ok));
        self.lateness.merge(&slice.lateness);
    }

    fn level(&self, steps: &Steps) -> Level {
        let us = |histogram: &Histogram, q| {
            histogram.quantile(q).map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
        };
        Level {
            rate: Rate::per_second(self.rate),
            from: self.from,
            to: self.to,
            scheduled: self.scheduled,
            errors: self.errors,
            achieved: if self.asked > 0.0 { self.answered / self.asked } else { 0.0 },
            p95_us: us(&self.latency, 0.95),
            p99_us: us(&self.latency, 0.99),
            late_us: us(&self.lateness, 0.95),
            gave_way: self.gave_way(steps),
        }
    }

    /// What gave way. The generator did where its own lateness explains it: it had not sent by the end what it should
    /// have, or more than half of a latency that is too long is its own.
    fn gave_way(&self, steps: &Steps) -> Option<GaveWay> {
        let until = &steps.until;
        let late = self.lateness.quantile(0.95).unwrap_or_default();
        if self.errors as f64 > until.error_rate.fraction() * self.scheduled as f64 {
            return Some(GaveWay::Errors);
        }
        // Two may be under way at either end.
        if self.answered + 2.0 < until.achieved_rate.fraction() * self.asked {
            let own = late > steps.each.mul_f64(1.0 - until.achieved_rate.fraction());
            return Some(if own { GaveWay::Generator } else { GaveWay::Rate });
        }
        let passed = |q, bound: Option<Duration>| {
            bound.filter(|bound| self.latency.quantile(q).is_some_and(|d| d > *bound))
        };
        let bound = passed(0.95, until.p95).or_else(|| passed(0.99, until.p99))?;
        Some(if late > bound / 2 { GaveWay::Generator } else { GaveWay::Latency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Until;
    use crate::record::{Counts, StepId, StepSlice};
    use crate::units::Percent;

    fn at(second: u64) -> Offset {
        Offset::from_micros(second * 1_000_000)
    }

    fn steps(change: impl FnOnce(&mut Until)) -> Steps {
        let rate = Rate::per_second;
        let mut until = Until::default();
        change(&mut until);
        Steps { from: rate(10.0), to: rate(100.0), by: rate(10.0), each: SECOND * 5, until }
    }

    /// A step of 5 s at 100/s in which every second so many end well and badly, after `latency`, and so late.
    fn judged(steps: &Steps, ok: u64, failed: u64, latency: Duration, late: Duration) -> Level {
        let mut tally = Tally::new(at(10), at(15), 100.0);
        for second in 10..15 {
            let mut step = StepSlice::new(StepId(0));
            (0..ok).for_each(|_| step.ok.record(latency));
            let mut lateness = Histogram::new();
            (0..100).for_each(|_| lateness.record(late));
            tally.add(&LoadSlice {
                from: at(second),
                to: at(second + 1),
                counts: Counts { scheduled: 100, ok, failed, ..Counts::default() },
                in_flight: 0,
                waiting: 0,
                connections: 1,
                bytes_in: 0,
                bytes_out: 0,
                lateness,
                steps: vec![step],
                errors: Vec::new(),
            });
        }
        tally.level(steps)
    }

    #[test]
    fn what_gives_way_is_named() {
        let ms = Duration::from_millis;
        let gave = |steps: &Steps, ok, failed, latency, late| {
            judged(steps, ok, failed, ms(latency), ms(late)).gave_way
        };
        let plain = steps(|_| {});
        assert_eq!(gave(&plain, 100, 0, 900, 0), None);
        assert_eq!(gave(&plain, 95, 5, 1, 0), None);
        assert_eq!(gave(&plain, 94, 6, 1, 0), Some(GaveWay::Errors));
        assert_eq!(gave(&plain, 96, 0, 1, 0), None);
        assert_eq!(gave(&plain, 80, 0, 1, 40), Some(GaveWay::Rate));
        assert_eq!(
            gave(&plain, 80, 0, 1, 900),
            Some(GaveWay::Generator),
            "it was late by more than the gap"
        );
        let quick = steps(|until| until.p99 = Some(ms(100)));
        assert_eq!(gave(&quick, 100, 0, 90, 60), None);
        assert_eq!(gave(&quick, 100, 0, 200, 0), Some(GaveWay::Latency));
        assert_eq!(gave(&quick, 100, 0, 200, 150), Some(GaveWay::Generator));
        let strict = steps(|until| until.error_rate = Percent::of(0.0));
        assert_eq!(gave(&strict, 99, 1, 1, 0), Some(GaveWay::Errors));
        let level = judged(&plain, 80, 0, ms(10), ms(2));
        assert_eq!((level.scheduled, level.errors), (500, 0));
        assert!(
            (level.achieved - 0.8).abs() < 1e-9 && level.p99_us >= 10_000 && level.late_us >= 2000
        );
    }
}
