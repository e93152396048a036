use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::connect::Traffic;
use super::cursor::Cursor;
use super::{errors, merge};
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
    lateness: Histogram,
    steps: Vec<Option<Box<StepSlice>>>,
    errors: Vec<ErrorCount>,
    scheduled: Cursor,
    traffic: Rc<Traffic>,
    last: Offset,
    parts: mpsc::Sender<LoadSlice>,
    unsent: Option<LoadSlice>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Recorder {
    /// Begins at `begin`. When `parts` is full, seconds are joined to a longer part until there is room.
    pub(super) fn new(
        begin: Offset,
        steps: usize,
        scheduled: Cursor,
        traffic: Rc<Traffic>,
        parts: mpsc::Sender<LoadSlice>,
    ) -> Self {
        Self {
            from: begin,
            to: begin + SECOND,
            counts: Counts::default(),
            in_flight: 0,
            lateness: Histogram::new(),
            steps: (0..steps).map(|_| None).collect(),
            errors: Vec::new(),
            scheduled,
            traffic,
            last: begin,
            parts,
            unsent: None,
        }
    }

    /// When the current second ends.
    pub(super) fn boundary(&self) -> Offset {
        self.to
    }

    /// Arrivals under way.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
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
        self.counts.scheduled += self.scheduled.pass(now);
        let rest = (now > self.from || self.counts != Counts::default()).then(|| {
            let end = now.max(self.from + Duration::from_micros(1));
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

    /// Lets nothing fall due after `now`.
    pub(super) fn stop_schedule(&mut self, now: Offset) {
        self.roll(now);
        self.counts.scheduled += self.scheduled.pass(now);
        self.scheduled.end();
    }

    /// An arrival was noticed so long after it was due.
    pub(super) fn late(&mut self, lateness: Duration) {
        self.lateness.record(lateness);
    }

    /// An arrival got a connection.
    pub(super) fn arrival_began(&mut self) {
        self.in_flight += 1;
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
        self.counts.count(Outcome::NotSent);
        errors::count(&mut self.errors, step, why, 1);
    }

    /// A request began.
    pub(super) fn request_began(&mut self, now: Offset, step: StepId) {
        self.roll(now);
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
        let slice = self.step(step);
        slice.counts.count(outcome);
        if outcome == Outcome::Ok { &mut slice.ok } else { &mut slice.bad }.record(latency);
        if let Some(status) = status {
            *slice.statuses.entry(status).or_default() += 1;
        }
        if let Some(text) = error {
            errors::count(&mut self.errors, step, text, 1);
        }
    }

    fn step(&mut self, step: StepId) -> &mut StepSlice {
        self.steps[usize::from(step.0)].get_or_insert_with(|| {
            Box::new(StepSlice {
                step,
                counts: Counts::default(),
                ok: Histogram::new(),
                bad: Histogram::new(),
                statuses: std::collections::BTreeMap::new(),
            })
        })
    }

    fn cut(&mut self, to: Offset) -> LoadSlice {
        self.counts.scheduled += self.scheduled.pass(to - Duration::from_micros(1));
        let mut errors = std::mem::take(&mut self.errors);
        errors::sort(&mut errors);
        LoadSlice {
            from: self.from,
            to,
            counts: std::mem::take(&mut self.counts),
            in_flight: self.in_flight,
            connections: self.traffic.open.get(),
            bytes_in: self.traffic.bytes_in.take(),
            bytes_out: self.traffic.bytes_out.take(),
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
    use std::sync::Arc;

    use super::*;
    use crate::experiment::Timeline;
    use crate::load::Arrivals;

    fn ms(n: u64) -> Offset {
        Offset::from_micros(7_000_000 + n * 1000)
    }

    fn recorder(room: usize) -> (Recorder, mpsc::Receiver<LoadSlice>) {
        let length = Duration::from_secs(4);
        let pieces = vec![(Duration::ZERO, length, 10.0, 10.0)];
        let timeline = Timeline { pieces, warmup: Duration::ZERO, total: length };
        let cursor = Cursor::new(Arc::new(Arrivals::new(&timeline)), ms(0), 0, 1);
        let (sender, receiver) = mpsc::channel(room);
        (Recorder::new(ms(0), 1, cursor, Rc::default(), sender), receiver)
    }

    #[test]
    fn every_second_holds_what_fell_due_and_what_ended_in_it() {
        let (mut recorder, mut parts) = recorder(9);
        let id = StepId(0);
        recorder.arrival_began();
        recorder.request_began(ms(0), id);
        let text = Some("status 500");
        recorder.request_ended(ms(1500), id, Outcome::Failed, SECOND, Some(500), text);
        recorder.arrival_ended(ms(1500), Outcome::Failed);
        recorder.not_sent(ms(2000), id, "no free connection");
        let last = recorder.finish(ms(3250)).unwrap();
        let all: Vec<LoadSlice> =
            std::iter::from_fn(|| parts.try_recv().ok()).chain([last]).collect();
        let spans: Vec<_> = all.iter().map(|s| (s.from, s.to, s.counts.scheduled)).collect();
        let second = |k: u64| (ms(k * 1000), ms(k * 1000 + 1000), 10);
        assert_eq!(spans, [second(0), second(1), second(2), (ms(3000), ms(3250), 3)]);
        assert_eq!((all[0].in_flight, all[0].steps[0].counts.scheduled), (1, 1));
        assert_eq!((all[1].counts.failed, all[1].in_flight), (1, 0));
        assert_eq!(all[1].steps[0].bad.len(), 1);
        assert_eq!(all[1].steps[0].statuses[&500], 1);
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
        assert!(parts.try_recv().is_err());
    }

    #[test]
    fn nothing_falls_due_after_a_stop() {
        let (mut recorder, _parts) = recorder(9);
        recorder.stop_schedule(ms(250));
        assert_eq!(recorder.finish(ms(900)).unwrap().counts.scheduled, 3);
    }
}
