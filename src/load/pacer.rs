use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::course::Arrival;
use super::cursor::Cursor;
use super::stage::Stage;
use super::throttle::Throttle;
use super::wakeup::Wakeup;
use super::{Arrivals, Choice};
use crate::clock::Offset;

/// One worker's loop: waits for what falls due, starts it while there are connections, and counts what
/// can't be started in time.
///
/// The arrivals that wait are those between `sent` and `seen`: nothing is kept of them.
pub(super) struct Pacer {
    pub(super) stage: Rc<Stage>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) choice: Arc<Choice>,
    pub(super) begin: Offset,
    /// The next arrival to notice.
    pub(super) seen: Cursor,
    /// The next arrival to start.
    pub(super) sent: Cursor,
    /// Arrivals under way at once, at most: each uses one connection.
    pub(super) slots: u32,
    /// Share of this worker in the load's rate.
    pub(super) share: f64,
    pub(super) stop: CancellationToken,
}

/// Wake-ups are at least so far apart: what falls due in between goes out together.
const QUANTUM: Duration = Duration::from_micros(250);
/// What is under way when the load is stopped has so long to end.
const GRACE: Duration = Duration::from_secs(1);

impl Pacer {
    /// Runs the worker's share of the load to its end, and says when that was: the load's own, or the
    /// stop. On a local set.
    pub(super) async fn run(mut self) -> io::Result<Offset> {
        let clock = self.stage.clock;
        let mut wakeup = Wakeup::new(clock)?;
        let mut tasks = JoinSet::new();
        let mut throttle = Throttle::default();
        let mut stopped: Option<Offset> = None;
        let end = self.begin + self.arrivals.length();
        loop {
            let now = clock.now();
            while tasks.try_join_next().is_some() {}
            if now >= self.stage.recorder.borrow().boundary() {
                self.stage.tidy();
            }
            self.stage.recorder.borrow_mut().roll(now);
            self.stage.refresh();
            self.notice(now);
            self.give_up(now);
            let held = self.send(now, &mut throttle, &mut tasks);
            let idle = self.stage.recorder.borrow().in_flight() == 0 && !self.waiting();
            if idle && (stopped.is_some() || (self.seen.due().is_none() && now >= end)) {
                return Ok(stopped.unwrap_or(end));
            }
            if stopped.is_some_and(|at| now >= at + GRACE) {
                tasks.shutdown().await;
                continue;
            }
            let wake = [
                Some(self.stage.recorder.borrow().boundary()),
                (now < end).then_some(end),
                self.seen.due().map(|due| due.max(now + QUANTUM)),
                self.deadline().filter(|_| self.waiting()),
                held,
                stopped.map(|at| at + GRACE),
            ];
            let wake = wake.into_iter().flatten().min().unwrap_or(end);
            // Ends of arrivals matter only when something waits for them.
            let watch_ends = !tasks.is_empty()
                && (self.waiting() || stopped.is_some() || self.seen.due().is_none());
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if stopped.is_none() => {
                    let now = clock.now();
                    stopped = Some(now);
                    self.stop(now);
                }
                _ = tasks.join_next(), if watch_ends => {}
                woken = wakeup.until(wake) => woken?,
            }
        }
    }

    fn waiting(&self) -> bool {
        self.sent.number() < self.seen.number()
    }

    /// Takes note of what has fallen due.
    fn notice(&mut self, now: Offset) {
        let mut recorder = self.stage.recorder.borrow_mut();
        while let Some(due) = self.seen.due().filter(|due| *due <= now) {
            recorder.late(now.since(due));
            self.seen.step();
        }
    }

    /// When the arrival that has waited longest is given up.
    fn deadline(&self) -> Option<Offset> {
        let play = &self.stage.script.scenarios[self.choice.scenario(self.sent.number())];
        self.sent.due().map(|due| due + play.first().timeout)
    }

    /// Counts the arrivals that waited past their deadline.
    fn give_up(&mut self, now: Offset) {
        while self.waiting() && self.deadline().is_some_and(|deadline| deadline <= now) {
            let full = self.stage.recorder.borrow().in_flight() >= self.slots;
            let why = if full { "no free connection" } else { "held back after an outage" };
            self.skip(now, why);
        }
    }

    fn skip(&mut self, now: Offset, why: &str) {
        let play = &self.stage.script.scenarios[self.choice.scenario(self.sent.number())];
        self.stage.recorder.borrow_mut().not_sent(now, play.first().id, why);
        self.sent.step();
    }

    /// Starts what waits, as far as connections and the catch-up limit allow. Says when the latter allows
    /// more.
    fn send(
        &mut self,
        now: Offset,
        throttle: &mut Throttle,
        tasks: &mut JoinSet<()>,
    ) -> Option<Offset> {
        while self.waiting() && self.stage.recorder.borrow().in_flight() < self.slots {
            let due = self.sent.due()?;
            let rate = self.arrivals.rate_at(due.since(self.begin)) * self.share;
            if let Err(later) = throttle.take(now, now.since(due), rate) {
                return Some(later);
            }
            let n = self.sent.number();
            let stage = Rc::clone(&self.stage);
            let arrival = Arrival::begin(stage, n, self.choice.scenario(n), due);
            tasks.spawn_local(arrival.play());
            self.sent.step();
        }
        None
    }

    /// Ends the schedule: nothing falls due after `now`, and what waits is not sent.
    fn stop(&mut self, now: Offset) {
        self.stage.recorder.borrow_mut().stop_schedule(now);
        self.notice(now);
        while self.waiting() {
            self.skip(now, "run stopped");
        }
        self.seen.end();
        self.sent.end();
    }
}
