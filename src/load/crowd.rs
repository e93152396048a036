use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::Choice;
use super::backlog::Due;
use crate::clock::Offset;
use crate::experiment::{Flow, Timeline};

/// One worker's users: the closed model. Each begins its next iteration when the one before has ended and it has thought
/// about it. None is ever due: what they do is counted when they begin it, so a slow target gets fewer arrivals.
#[derive(Debug)]
pub(super) struct Crowd {
    choice: Arc<Choice>,
    stints: Vec<Stint>,
    /// The stint at hand, or the next.
    at: usize,
    open: bool,
    /// When each user of the stint that is not under way begins again.
    ready: BinaryHeap<Reverse<Offset>>,
    /// Number of the next iteration.
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Stint {
    from: Offset,
    to: Offset,
    users: usize,
    think: Duration,
}

/// Iterations have numbers of their own, past those of arrivals.
const FIRST: u64 = 1 << 40;
/// A user whose iteration ended badly waits at least so long, so that a target that refuses at once is not asked without end.
const PAUSE: Duration = Duration::from_millis(10);

impl Crowd {
    /// The users of worker `index` of `workers`.
    pub(super) fn new(
        timeline: &Timeline,
        begin: Offset,
        (index, workers): (usize, usize),
        choice: Arc<Choice>,
    ) -> Self {
        let stints = timeline.pieces.iter().filter_map(|piece| match piece.flow {
            Flow::Users { count, think } => Some(Stint {
                from: begin + piece.start,
                to: begin + piece.start + piece.lasts,
                users: count as usize / workers + usize::from(index < count as usize % workers),
                think,
            }),
            _ => None,
        });
        Self {
            stints: stints.collect(),
            at: 0,
            open: false,
            ready: BinaryHeap::new(),
            // One after the other within a worker: by turns between workers, each would have scenarios of its own.
            number: FIRST * (1 + index as u64),
            choice,
        }
    }

    /// The iteration that a user may begin now.
    pub(super) fn front(&mut self, now: Offset) -> Option<Due> {
        let mut stint = *self.stints.get(self.at)?;
        while now >= stint.to {
            (self.at, self.open) = (self.at + 1, false);
            self.ready.clear();
            stint = *self.stints.get(self.at)?;
        }
        if now < stint.from {
            return None;
        }
        if !self.open {
            self.open = true;
            self.ready.extend((0..stint.users).map(|_| Reverse(stint.from)));
        }
        self.ready.peek().filter(|at| at.0 <= now)?;
        let (number, scenario) = (self.number, self.choice.scenario(self.number));
        Some(Due { number, scenario, at: now })
    }

    /// Lets a user begin that iteration; names the stint that it belongs to.
    pub(super) fn take(&mut self) -> usize {
        self.ready.pop();
        self.number += 1;
        self.at
    }

    /// An iteration of a stint has ended.
    pub(super) fn rest(&mut self, stint: usize, now: Offset, well: bool) {
        if stint == self.at
            && let Some(stint) = self.stints.get(stint)
        {
            let think = if well { stint.think } else { stint.think.max(PAUSE) };
            self.ready.push(Reverse(now + think));
        }
    }

    /// When a user may begin, if none could not that might have.
    pub(super) fn wake(&self, blocked: bool) -> Option<Offset> {
        let stint = self.stints.get(self.at)?;
        if !self.open {
            return Some(stint.from);
        }
        let ready = self.ready.peek().filter(|_| !blocked).map(|at| at.0);
        Some(ready.map_or(stint.to, |at| at.min(stint.to)))
    }

    /// Nobody begins any more.
    pub(super) fn end(&mut self) {
        self.stints.clear();
        self.ready.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn at(ms: u64) -> Offset {
        Offset::from_micros(ms * 1000)
    }

    fn crowd(count: u32, think: u64, share: (usize, usize)) -> Crowd {
        let users = Flow::Users { count, think: Duration::from_millis(think) };
        let second = Duration::from_secs(1);
        let timeline = Timeline::new([(second, Flow::steady(0.0)), (second, users)]);
        Crowd::new(&timeline, Offset::ZERO, share, Arc::new(Choice::new([1, 1], Seed(1))))
    }

    #[test]
    fn a_user_begins_again_when_it_has_ended_and_thought() {
        let mut crowd = crowd(2, 100, (0, 1));
        assert_eq!((crowd.front(at(999)), crowd.wake(false)), (None, Some(at(1000))));
        let mut numbers = Vec::new();
        while let Some(due) = crowd.front(at(1001)) {
            assert_eq!(due.at, at(1001), "from the moment it is sent");
            numbers.push(due.number);
            assert_eq!(crowd.take(), 0);
        }
        assert_eq!(numbers, [FIRST, FIRST + 1]);
        assert_eq!(crowd.wake(false), Some(at(2000)), "both are under way");
        crowd.rest(0, at(1200), true);
        assert_eq!((crowd.front(at(1299)), crowd.wake(false)), (None, Some(at(1300))));
        assert!(crowd.front(at(1300)).is_some());
        assert_eq!(crowd.wake(true), Some(at(2000)), "what could not begin wakes nobody");
        crowd.rest(0, at(1950), true);
        assert_eq!((crowd.front(at(2000)), crowd.wake(false)), (None, None));
        crowd.rest(0, at(2100), true);
        assert_eq!(crowd.front(at(2300)), None);
    }

    #[test]
    fn every_worker_plays_every_scenario() {
        for index in 0..2 {
            let mut crowd = crowd(4, 0, (index, 2));
            let began = std::iter::from_fn(|| {
                let scenario = crowd.front(at(1000))?.scenario;
                crowd.take();
                Some(scenario)
            });
            let mut scenarios: Vec<usize> = began.collect();
            scenarios.sort_unstable();
            assert_eq!(scenarios, [0, 1], "of worker {index}");
        }
    }

    #[test]
    fn one_that_ended_badly_pauses_and_workers_share_the_users() {
        let mut alone = crowd(1, 0, (0, 1));
        assert!(alone.front(at(1000)).is_some());
        alone.take();
        alone.rest(0, at(1000), false);
        assert_eq!((alone.front(at(1009)), alone.front(at(1010)).is_some()), (None, true));
        let shares = (0..3).map(|index| {
            let mut crowd = crowd(5, 0, (index, 3));
            let began = std::iter::from_fn(|| {
                crowd.front(at(1000))?;
                Some(crowd.take())
            });
            began.count()
        });
        assert_eq!(shares.collect::<Vec<_>>(), [2, 2, 1]);
        let mut over = crowd(5, 0, (0, 1));
        over.end();
        assert_eq!((over.front(at(1000)), over.wake(false)), (None, None));
    }
}
