use std::sync::Arc;

use super::Choice;

/// Which arrivals are one worker's: every so many-th, of all or of those of some scenarios.
#[derive(Clone, Debug)]
pub(super) struct Share {
    index: u64,
    workers: u64,
    only: Option<Only>,
}

/// The arrivals of some scenarios.
#[derive(Clone, Debug)]
struct Only {
    choice: Arc<Choice>,
    /// By scenario: whether it is one of them.
    scenarios: Arc<[bool]>,
    /// Their part of all arrivals, 0 to 1.
    part: f64,
}

impl Share {
    /// Of worker `index` of `workers`, which have all arrivals among them.
    pub(super) fn new(index: usize, workers: usize) -> Self {
        Self { index: index as u64, workers: workers as u64, only: None }
    }

    /// Of worker `index` of `workers`, which have those of some scenarios among them: `part` of all arrivals.
    pub(super) fn of(
        (index, workers): (usize, usize),
        choice: Arc<Choice>,
        scenarios: Arc<[bool]>,
        part: f64,
    ) -> Self {
        let only = Some(Only { choice, scenarios, part });
        Self { only, ..Self::new(index, workers) }
    }

    /// Its part of the load's rate, 0 to 1.
    pub(super) fn part(&self) -> f64 {
        self.only.as_ref().map_or(1.0, |only| only.part) / self.workers as f64
    }

    /// Number of its first arrival; at or past `total` when it has none.
    pub(super) fn first(&self, total: u64) -> u64 {
        match &self.only {
            None => self.index,
            Some(only) => (0..self.index).fold(only.from(0, total), |n, _| only.from(n + 1, total)),
        }
    }

    /// Number of the arrival that follows `n`; at or past `total` when it was the last.
    pub(super) fn after(&self, n: u64, total: u64) -> u64 {
        match &self.only {
            None => n + self.workers,
            Some(only) => (0..self.workers).fold(n, |n, _| only.from(n + 1, total)),
        }
    }
}

impl Only {
    /// The first of these arrivals from number `n` on; `total` when there is none.
    fn from(&self, n: u64, total: u64) -> u64 {
        let mine = |n: &u64| self.scenarios[self.choice.scenario(*n)];
        (n..total).find(mine).unwrap_or_else(|| n.max(total))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn numbers(share: &Share, total: u64) -> Vec<u64> {
        let next = |n: &u64| Some(share.after(*n, total));
        std::iter::successors(Some(share.first(total)), next).take_while(|n| *n < total).collect()
    }

    proptest! {
        // For all weights, kinds and numbers of workers: every arrival is exactly one worker's, and only of
        // a worker of its scenario's kind.
        #[test]
        fn every_arrival_is_one_workers(
            weights in prop::collection::vec(1_u32..9, 1..5), kinds: u8, seed: u64,
            workers in (1_usize..4, 1_usize..4), total in 0_u64..300,
        ) {
            let choice = Arc::new(Choice::new(weights.clone(), Seed(seed)));
            let kind = |scenario: usize| kinds >> scenario & 1 == 1;
            let mut seen = Vec::new();
            for (one, count) in [(true, workers.0), (false, workers.1)] {
                let scenarios: Arc<[bool]> = (0..weights.len()).map(|s| kind(s) == one).collect();
                for index in 0..count {
                    let share =
                        Share::of((index, count), Arc::clone(&choice), Arc::clone(&scenarios), 0.5);
                    let mine = numbers(&share, total);
                    prop_assert!(mine.iter().all(|n| kind(choice.scenario(*n)) == one));
                    seen.extend(mine);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..total).collect::<Vec<_>>());
        }
    }

    #[test]
    fn without_kinds_it_is_every_so_many_th() {
        assert_eq!(numbers(&Share::new(1, 3), 9), [1, 4, 7]);
        assert!((Share::new(1, 4).part() - 0.25).abs() < 1e-9);
    }
}
