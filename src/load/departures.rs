use std::sync::Arc;
use std::time::Duration;

use super::Arrivals;
use super::backlog::{Backlog, Due};
use super::catch_up::Leave;
use super::cursor::Cursor;
use super::recorder::Recorder;
use crate::clock::Offset;
use crate::record::StepId;

/// One worker's arrivals on their way out: which may go, which must wait, and which have waited too long.
pub(super) struct Departures {
    backlog: Backlog,
    /// By scenario: the step that an arrival begins with when nobody has logged in, and its timeout.
    first: Vec<(StepId, Duration)>,
    /// Arrivals under way at once, at most.
    slots: usize,
    /// When the catch-up policy allows more.
    held: Option<Offset>,
    stopped: Option<Offset>,
}

/// What an arrival lacks of what it needs to be sent.
pub(super) enum Lack {
    /// It is still to come.
    Yet,
    /// It never comes, and why.
    Forever(String),
}

/// What is under way when the load is stopped has so long to end.
const GRACE: Duration = Duration::from_secs(1);

const NO_CONNECTION: &str = "no free connection";
const HELD_BACK: &str = "held back after an outage";
const SKIPPED: &str = "skipped: more than 100 ms late";
/// What is said of arrivals that a stop has ended.
pub(super) const STOPPED: &str = "run stopped";
/// What is said of arrivals whose worker panicked.
pub(super) const PANICKED: &str = "load worker panicked";

impl Departures {
    pub(super) fn new(backlog: Backlog, first: Vec<(StepId, Duration)>, slots: usize) -> Self {
        Self { backlog, first, slots, held: None, stopped: None }
    }

    /// The next arrival to send now, as far as `under_way` others, what `supply` says of it and the catch-up policy allow;
    /// those that have waited too long, or will never have what they need, are given up.
    pub(super) fn next(
        &mut self,
        now: Offset,
        under_way: usize,
        recorder: &mut Recorder,
        mut supply: impl FnMut(Due, &mut Recorder) -> Result<(), Lack>,
    ) -> Option<Due> {
        self.held = None;
        while let Some(front) = self.front(now, recorder) {
            let full = under_way >= self.slots;
            let timeout = self.first[front.scenario].1;
            if now >= self.backlog.gives_up(front, timeout) {
                let why = match full {
                    _ if now.since(front.at) < timeout => SKIPPED,
                    true => NO_CONNECTION,
                    false => HELD_BACK,
                };
                self.give_up(now, front, why, recorder);
                continue;
            }
            if full {
                break;
            }
            match supply(front, recorder) {
                Ok(()) => {}
                Err(Lack::Yet) => break,
                Err(Lack::Forever(why)) => {
                    self.give_up(now, front, &why, recorder);
                    continue;
                }
            }
            match self.backlog.ask(now, front) {
                Leave::Hold(until) => {
                    self.held = Some(until);
                    break;
                }
                Leave::Go => {
                    self.backlog.take();
                    return Some(front);
                }
            }
        }
        // What falls due behind one that waits, waits.
        self.notice(now, recorder);
        None
    }

    /// The arrival that has waited longest.
    fn front(&mut self, now: Offset, recorder: &mut Recorder) -> Option<Due> {
        if !self.backlog.waiting() {
            recorder.late(self.backlog.notice(now)?);
        }
        self.backlog.front()
    }

    fn notice(&mut self, now: Offset, recorder: &mut Recorder) {
        while let Some(late) = self.backlog.notice(now) {
            recorder.late(late);
        }
    }

    fn give_up(&mut self, now: Offset, due: Due, why: &str, recorder: &mut Recorder) {
        recorder.not_sent(now, self.first[due.scenario].0, why);
        self.backlog.take();
    }

    /// When there is something to do; for what falls due not before `earliest`.
    pub(super) fn wake(&self, now: Offset, earliest: Offset) -> Option<Offset> {
        let backlog = &self.backlog;
        let end = backlog.end_of_load();
        let given_up = backlog.front().map(|due| backlog.gives_up(due, self.first[due.scenario].1));
        [
            self.held,
            given_up,
            backlog.next_due().map(|due| due.max(earliest)),
            (now < end).then_some(end),
            self.stopped.map(|at| at + GRACE),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Goes on with a schedule that has more after the end of this one, unless stopped.
    pub(super) fn follow(&mut self, arrivals: &Arc<Arrivals>, recorder: &mut Recorder) {
        if self.stopped.is_none() {
            self.backlog.follow(arrivals);
            recorder.follow(Arc::clone(arrivals));
        }
    }

    /// Where the schedule stands.
    pub(super) fn cursor(&self) -> Cursor {
        self.backlog.cursor()
    }

    /// When the load ends.
    pub(super) fn end_of_load(&self) -> Offset {
        self.backlog.end_of_load()
    }

    /// Ends the schedule: nothing falls due from now on, and what waits is not sent.
    pub(super) fn stop(&mut self, now: Offset, recorder: &mut Recorder) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(now);
        recorder.stop_schedule(now);
        self.notice(now, recorder);
        self.backlog.stop();
        while let Some(due) = self.backlog.front() {
            self.give_up(now, due, STOPPED, recorder);
        }
    }

    /// Whether what is still under way has had its time since the stop.
    pub(super) fn cut(&self, now: Offset) -> bool {
        self.stopped.is_some_and(|at| now >= at + GRACE)
    }

    /// When all has ended, once it has.
    pub(super) fn over(&self, now: Offset, under_way: usize) -> Option<Offset> {
        if under_way > 0 || self.backlog.waiting() {
            return None;
        }
        let end = self.backlog.end_of_load();
        let done = self.backlog.next_due().is_none() && now >= end;
        self.stopped.or_else(|| done.then_some(end))
    }
}
