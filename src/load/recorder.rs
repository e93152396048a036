use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::cursor::Cursor;
use super::{Arrivals, errors, merge};
use crate::clock::Offset;
use crate::record::{Counts, ErrorCount, Histogram, LoadSlice, Outcome, StepId, StepSlice};

/// One worker's record of the current second. Every moment handed to it is at or after the last one.
///
/// What fell due in a second is read from the schedule when the second ends, so it belongs to that second
/// to the unit, however late the worker is.
pub(super) struct Recorder {
    from: Offset,
    to: Offset,
    counts: Counts,
    in_flight: u32,
    /// Arrivals that fell due and have neither begun nor been given up. Below zero while some of those that
    /// fell due in the current second have.
    waiting: i64,
    connections: u32,
    bytes_in: u64,
    bytes_out: u64,
    lateness: Histogram,
    steps: Vec<Option<Box<StepSlice>>>,
    /// Requests under way, per step.
    open: Vec<u32>,
    errors: Vec<ErrorCount>,
    scheduled: Cursor,
    last: Offset,
    parts: mpsc::Sender<LoadSlice>,
    unsent: Option<LoadSlice>,
}

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(1);

impl Recorder {
    /// Begins at `begin`. When `parts` is full, seconds are joined to a longer part until there is room.
    pub(super) fn new(
        begin: Offset,
        steps: usize,
        scheduled: Cursor,
        parts: mpsc::Sender<LoadSlice>,
    ) -> Self {
        Self {
            from: begin,
            to: begin + SECOND,
            counts: Counts::default(),
            in_flight: 0,
            waiting: 0,
            connections: 0,
            bytes_in: 0,
            bytes_out: 0,
            lateness: Histogram::new(),
            steps: (0..steps).map(|_| None).collect(),
            open: vec![0; steps],
            errors: Vec::new(),
            scheduled,
            last: begin,
            parts,
            unsent: None,
        }
    }

    /// When the current second ends.
    pub(super) fn boundary(&self) -> Offset {
        self.to
    }

    /// Ends every second that `now` is past.
    pub(super) fn roll(&mut self, now: Offset) {
        while now >= self.to {
            let part = self.cut(self.to);
            self.from = self.to;
            self.to = self.to + SECOND;
            self.offer(part);
        }
    }

    /// Ends the record at `end`, or where the last arrival ended if that was later. What is returned is
    /// still to be sent.
    pub(super) fn finish(&mut self, end: Offset) -> Option<LoadSlice> {
        let now = end.max(self.last);
        self.roll(now);
        self.pass_schedule(now);
        let rest = (now > self.from || self.counts != Counts::default()).then(|| {
            let end = now.max(self.from + TICK);
            self.cut(end)
        });
        match (self.unsent.take(), rest) {
            (Some(mut unsent), Some(rest)) => {
                merge::append(&mut unsent, rest);
                Some(unsent)
            }
            (unsent, rest) => unsent.or(rest),
        }
    }

    /// Goes on with a schedule that has more after the end of this one.
    pub(super) fn follow(&mut self, arrivals: Arc<Arrivals>) {
        self.scheduled.follow(arrivals);
    }

    /// A user's iteration got under way: it was due at that moment.
    pub(super) fn iteration_began(&mut self, now: Offset) {
        self.roll(now);
        self.counts.scheduled += 1;
        self.in_flight += 1;
    }

    /// Lets nothing fall due after `now`.
    pub(super) fn stop_schedule(&mut self, now: Offset) {
        self.roll(now);
        self.pass_schedule(now);
        self.scheduled.end();
    }

    /// Counts whatever is neither ended nor given up as failed: for a worker that can't go on.
    pub(super) fn settle(&mut self, now: Offset, why: &str) {
        self.stop_schedule(now);
        let first = StepId(0);
        for step in (0..self.open.len()).filter_map(|i| u16::try_from(i).ok().map(StepId)) {
            while self.open[usize::from(step.0)] > 0 {
                let none = Duration::ZERO;
                self.request_ended(now, step, Outcome::Failed, none, None, Some(why));
            }
        }
        while self.in_flight > 0 {
            self.arrival_ended(now, Outcome::Failed);
        }
        while self.waiting > 0 {
            self.not_sent(now, first, why);
        }
        self.connections = 0;
    }

    /// An arrival was sent, or found to have to wait, so long after it was due.
    pub(super) fn late(&mut self, lateness: Duration) {
        self.lateness.record(lateness);
    }

    /// An arrival got under way.
    pub(super) fn arrival_began(&mut self, now: Offset) {
        self.roll(now);
        self.in_flight += 1;
        self.waiting -= 1;
    }

    /// An arrival under way ended.
    pub(super) fn arrival_ended(&mut self, now: Offset, outcome: Outcome) {
        self.roll(now);
        self.last = now;
        self.in_flight -= 1;
        self.counts.count(outcome);
    }

    /// An arrival never got under way. It has begun no request, so it counts as an error of the step it
    /// would have begun with, and not among that step's requests.
    pub(super) fn not_sent(&mut self, now: Offset, step: StepId, why: &str) {
        self.roll(now);
        self.last = now;
        self.waiting -= 1;
        self.counts.count(Outcome::NotSent);
        errors::count(&mut self.errors, step, why, 1);
    }

    /// A request began.
    pub(super) fn request_began(&mut self, now: Offset, step: StepId) {
        self.roll(now);
        self.open[usize::from(step.0)] += 1;
        self.step(step).counts.scheduled += 1;
    }

    /// A request ended, `latency` after it was meant to begin; `error` unless it ended well.
    pub(super) fn request_ended(
        &mut self,
        now: Offset,
        step: StepId,
        outcome: Outcome,
        latency: Duration,
        status: Option<u16>,
        error: Option<&str>,
    ) {
        self.roll(now);
        self.open[usize::from(step.0)] -= 1;
        let slice = self.step(step);
        slice.counts.count(outcome);
        if outcome == Outcome::Ok { &mut slice.ok } else { &mut slice.bad }.record(latency);
        if let Some(status) = status {
            *slice.statuses.entry(status).or_default() += 1;
        }
        if let Some(text) = error {
            self.fault(step, text);
        }
    }

    /// Something was amiss that ended no request.
    pub(super) fn fault(&mut self, step: StepId, text: &str) {
        errors::count(&mut self.errors, step, text, 1);
    }

    /// A connection is being opened.
    pub(super) fn opened(&mut self) {
        self.connections += 1;
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self) {
        self.connections -= 1;
    }

    /// A connection for this step was accepted, so long after it was asked for.
    pub(super) fn connected(&mut self, now: Offset, step: StepId, took: Duration) {
        self.roll(now);
        self.step(step).connect.record(took);
    }

    /// Its TLS handshake took so long.
    pub(super) fn secured(&mut self, now: Offset, step: StepId, took: Duration) {
        self.roll(now);
        self.step(step).tls.record(took);
    }

    /// The first byte of an answer came so long after its request was sent.
    pub(super) fn first_byte(&mut self, now: Offset, step: StepId, took: Duration) {
        self.roll(now);
        self.step(step).first_byte.record(took);
    }

    /// So many bytes came in on a connection of this step.
    pub(super) fn received(&mut self, step: StepId, bytes: usize) {
        self.bytes_in += bytes as u64;
        self.step(step).bytes_in += bytes as u64;
    }

    /// So many bytes went out.
    pub(super) fn sent(&mut self, step: StepId, bytes: usize) {
        self.bytes_out += bytes as u64;
        self.step(step).bytes_out += bytes as u64;
    }

    fn step(&mut self, step: StepId) -> &mut StepSlice {
        self.steps[usize::from(step.0)].get_or_insert_with(|| Box::new(StepSlice::new(step)))
    }

    fn pass_schedule(&mut self, until: Offset) {
        let due = self.scheduled.pass(until);
        self.counts.scheduled += due;
        self.waiting += due as i64;
    }

    fn cut(&mut self, to: Offset) -> LoadSlice {
        self.pass_schedule(to - TICK);
        let mut errors = std::mem::take(&mut self.errors);
        errors::sort(&mut errors);
        LoadSlice {
            from: self.from,
            to,
            counts: std::mem::take(&mut self.counts),
            in_flight: self.in_flight,
            waiting: u64::try_from(self.waiting).unwrap_or(0),
            connections: self.connections,
            bytes_in: std::mem::take(&mut self.bytes_in),
            bytes_out: std::mem::take(&mut self.bytes_out),
            lateness: std::mem::take(&mut self.lateness),
            steps: self.steps.iter_mut().filter_map(Option::take).map(|step| *step).collect(),
            errors,
        }
    }

    fn offer(&mut self, part: LoadSlice) {
        let part = match self.unsent.take() {
            Some(mut unsent) => {
                merge::append(&mut unsent, part);
                unsent
            }
            None => part,
        };
        if let Err(mpsc::error::TrySendError::Full(part)) = self.parts.try_send(part) {
            self.unsent = Some(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Flow, Timeline};
    use crate::load::share::Share;

    fn ms(n: u64) -> Offset {
        Offset::from_micros(7_000_000 + n * 1000)
    }

    fn recorder(room: usize) -> (Recorder, mpsc::Receiver<LoadSlice>) {
        let length = Duration::from_secs(4);
        let timeline = Timeline::new([(length, Flow::steady(10.0))]);
        let cursor = Cursor::new(Arc::new(Arrivals::new(&timeline)), ms(0), Share::new(0, 1));
        let (sender, receiver) = mpsc::channel(room);
        (Recorder::new(ms(0), 1, cursor, sender), receiver)
    }

    #[test]
    fn every_second_holds_what_fell_due_and_what_ended_in_it() {
        let (mut recorder, mut parts) = recorder(9);
        let id = StepId(0);
        recorder.opened();
        recorder.arrival_began(ms(0));
        recorder.request_began(ms(0), id);
        recorder.sent(id, 30);
        recorder.connected(ms(1), id, SECOND);
        let text = Some("status 500");
        recorder.first_byte(ms(1400), id, SECOND);
        recorder.received(id, 40);
        recorder.request_ended(ms(1500), id, Outcome::Failed, SECOND, Some(500), text);
        recorder.arrival_ended(ms(1500), Outcome::Failed);
        recorder.closed();
        recorder.not_sent(ms(2000), id, "no free connection");
        let last = recorder.finish(ms(3250)).unwrap();
        let all: Vec<LoadSlice> =
            std::iter::from_fn(|| parts.try_recv().ok()).chain([last]).collect();
        let spans: Vec<_> =
            all.iter().map(|s| (s.from, s.to, s.counts.scheduled, s.waiting)).collect();
        let second = |k: u64, waiting| (ms(k * 1000), ms(k * 1000 + 1000), 10, waiting);
        assert_eq!(
            spans,
            [second(0, 9), second(1, 19), second(2, 28), (ms(3000), ms(3250), 3, 31)]
        );
        let (first, then) = (&all[0].steps[0], &all[1].steps[0]);
        assert_eq!((all[0].in_flight, all[0].connections, first.counts.scheduled), (1, 1, 1));
        assert_eq!((first.bytes_out, first.connect.len(), first.first_byte.len()), (30, 1, 0));
        assert_eq!((all[1].counts.failed, all[1].in_flight, all[1].connections), (1, 0, 0));
        assert_eq!((then.bad.len(), then.statuses[&500], then.first_byte.len()), (1, 1, 1));
        assert_eq!((all[0].bytes_out, all[1].bytes_in, then.bytes_in), (30, 40, 40));
        assert_eq!((all[2].counts.not_sent, all[2].errors[0].count), (1, 1));
        assert!(all[2].steps.is_empty());
    }

    #[test]
    fn a_full_channel_makes_longer_parts_and_loses_nothing() {
        let (mut recorder, mut parts) = recorder(1);
        for second in 1..=4 {
            recorder.roll(ms(second * 1000));
        }
        assert_eq!(parts.try_recv().unwrap().counts.scheduled, 10);
        let rest = recorder.finish(ms(4000)).unwrap();
        assert_eq!((rest.from, rest.to, rest.counts.scheduled), (ms(1000), ms(4000), 30));
        assert_eq!(rest.waiting, 40);
        assert!(parts.try_recv().is_err());
    }

    #[test]
    fn nothing_falls_due_after_a_stop() {
        let (mut recorder, _parts) = recorder(9);
        recorder.stop_schedule(ms(250));
        assert_eq!(recorder.finish(ms(900)).unwrap().counts.scheduled, 3);
    }

    #[test]
    fn what_a_broken_worker_leaves_is_counted() {
        let (mut recorder, _parts) = recorder(9);
        recorder.arrival_began(ms(0));
        recorder.request_began(ms(0), StepId(0));
        recorder.settle(ms(450), "worker panicked");
        let rest = recorder.finish(ms(450)).unwrap();
        let counts = Counts { scheduled: 5, failed: 1, not_sent: 4, ..Counts::default() };
        assert_eq!((rest.counts, rest.in_flight, rest.waiting), (counts, 0, 0));
        let step = rest.steps[0].counts;
        assert_eq!((step.scheduled, step.failed), (1, 1));
        assert_eq!(rest.errors[0].count, 5);
    }
}
