use std::sync::Arc;
use std::time::Duration;

use super::catch_up::{Catching, Leave};
use super::cursor::Cursor;
use super::share::Share;
use super::{Arrivals, Choice};
use crate::clock::Offset;
use crate::experiment::CatchUp;

/// One worker's arrivals that have fallen due and were not sent yet: those between two cursors. Nothing is
/// kept of them, so an hour's outage costs no more memory than none.
pub(super) struct Backlog {
    arrivals: Arc<Arrivals>,
    choice: Arc<Choice>,
    begin: Offset,
    /// This worker's part of the load's rate.
    part: f64,
    /// The next arrival to notice.
    seen: Cursor,
    /// The next arrival to send.
    next: Cursor,
    catching: Catching,
}

/// One arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Its number in the schedule.
    pub(super) number: u64,
    /// Index of its scenario.
    pub(super) scenario: usize,
    pub(super) at: Offset,
}

impl Backlog {
    /// One worker's.
    pub(super) fn new(
        (arrivals, choice): (Arc<Arrivals>, Arc<Choice>),
        begin: Offset,
        share: Share,
        catch_up: CatchUp,
    ) -> Self {
        let part = share.part();
        let seen = Cursor::new(Arc::clone(&arrivals), begin, share);
        let catching = Catching::new(catch_up);
        Self { arrivals, choice, begin, part, next: seen.clone(), seen, catching }
    }

    /// A cursor at its first arrival.
    pub(super) fn cursor(&self) -> Cursor {
        self.seen.clone()
    }

    /// When the load ends.
    pub(super) fn end_of_load(&self) -> Offset {
        self.begin + self.arrivals.length()
    }

    /// Whether arrivals wait that were noticed before.
    pub(super) fn waiting(&self) -> bool {
        self.next.number() < self.seen.number()
    }

    /// When the next arrival falls due that was not noticed yet.
    pub(super) fn next_due(&self) -> Option<Offset> {
        self.seen.due()
    }

    /// Notices the next arrival if it is due by now; says how late that is.
    pub(super) fn notice(&mut self, now: Offset) -> Option<Duration> {
        let due = self.seen.due().filter(|due| *due <= now)?;
        self.seen.step();
        Some(now.since(due))
    }

    /// The arrival that has waited longest.
    pub(super) fn front(&self) -> Option<Due> {
        let number = self.next.number();
        let at = self.next.due().filter(|_| self.waiting())?;
        Some(Due { number, scenario: self.choice.scenario(number), at })
    }

    /// When an arrival is given up that is to be answered within `timeout` of being due.
    pub(super) fn gives_up(&self, due: Due, timeout: Duration) -> Offset {
        due.at + self.catching.patience(timeout)
    }

    /// What that arrival may do now.
    pub(super) fn ask(&mut self, now: Offset, front: Due) -> Leave {
        let rate = || self.arrivals.rate_at(front.at.since(self.begin)) * self.part;
        self.catching.ask(now, now.since(front.at), rate)
    }

    /// Takes that arrival off: it is sent, or given up.
    pub(super) fn take(&mut self) {
        self.next.step_towards(&self.seen);
    }

    /// Goes on with a schedule that has more after the end of this one.
    pub(super) fn follow(&mut self, arrivals: &Arc<Arrivals>) {
        self.arrivals = Arc::clone(arrivals);
        self.seen.follow(Arc::clone(arrivals));
        self.next.follow(Arc::clone(arrivals));
    }

    /// Lets nothing more fall due. What was noticed still waits.
    pub(super) fn stop(&mut self) {
        self.seen.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Flow, Timeline};
    use crate::seed::Seed;

    fn backlog(rate: f64, index: usize, workers: usize) -> Backlog {
        let length = Duration::from_hours(2);
        let timeline = Timeline::new([(length, Flow::steady(rate))]);
        let schedule = (Arc::new(Arrivals::new(&timeline)), Arc::new(Choice::new([1], Seed(1))));
        Backlog::new(schedule, Offset::ZERO, Share::new(index, workers), CatchUp::Full)
    }

    #[test]
    fn an_hour_of_waiting_arrivals_is_two_cursors() {
        let mut backlog = backlog(100.0, 0, 1);
        let hour = Offset::from_micros(3_600_000_000);
        let mut seen = 0;
        while backlog.notice(hour).is_some() {
            seen += 1;
        }
        assert_eq!((seen, backlog.front().unwrap().at), (360_001, Offset::ZERO));
        assert!(size_of_val(&backlog) < 400);
        backlog.stop();
        let mut taken = 0;
        while let Some(due) = backlog.front() {
            assert_eq!(due.number, taken);
            backlog.take();
            taken += 1;
        }
        assert_eq!((taken, backlog.next_due(), backlog.waiting()), (seen, None, false));
    }

    #[test]
    fn workers_share_the_arrivals() {
        let numbers = |index| {
            let mut backlog = backlog(10.0, index, 3);
            while backlog.notice(Offset::from_micros(1_000_000)).is_some() {}
            std::iter::from_fn(move || {
                let due = backlog.front()?;
                backlog.take();
                Some(due.number)
            })
            .collect::<Vec<_>>()
        };
        let mut all: Vec<u64> = (0..3).flat_map(numbers).collect();
        all.sort_unstable();
        assert_eq!(all, (0..=10).collect::<Vec<_>>());
    }
}
