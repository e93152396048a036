use crate::experiment::Steps;
use crate::record::{Capacity, GaveWay};
use crate::units::Rate;

/// The search for a limit: which rate is tried next, and what was found. A pure state machine.
///
/// It climbs until a rate does not hold, halves the gap below that rate so many times, and tries the highest rate that
/// held twice more. One that does not hold again counts as too much, and the next lower one that held is tried.
#[derive(Clone, Debug)]
pub(super) struct Search {
    steps: Steps,
    /// Rates that held, ascending.
    held: Vec<f64>,
    /// The lowest rate that did not, and why.
    above: Option<(f64, GaveWay)>,
    stage: Stage,
    /// Confirmations that may still be tried.
    trials: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// How many steps were taken.
    Climb(u32),
    /// How often the gap may still be halved.
    Halve(u32),
    /// How often the highest rate is still to hold.
    Confirm(u32),
    Over {
        confirmed: bool,
    },
}

impl Search {
    pub(super) fn new(steps: Steps) -> Self {
        let trials = Steps::CONFIRMATIONS;
        Self { steps, held: Vec::new(), above: None, stage: Stage::Climb(0), trials }
    }

    /// The rate to try now; `None` when the search is over.
    pub(super) fn rate(&self) -> Option<f64> {
        match self.stage {
            Stage::Climb(taken) => Some(self.steps.rate(taken)),
            Stage::Halve(_) => Some(f64::midpoint(self.highest()?, self.above?.0)),
            Stage::Confirm(_) => self.highest(),
            Stage::Over { .. } => None,
        }
    }

    /// Takes note of how the rate at hand did.
    pub(super) fn tried(&mut self, gave_way: Option<GaveWay>) {
        let Some(rate) = self.rate() else { return };
        match (self.stage, gave_way) {
            (Stage::Climb(taken), None) => {
                self.held.push(rate);
                self.stage = if taken + 1 < self.steps.count() {
                    Stage::Climb(taken + 1)
                } else {
                    Stage::Over { confirmed: false }
                };
            }
            (Stage::Halve(left), None) => {
                self.held.push(rate);
                self.halve(left - 1);
            }
            (Stage::Confirm(left), None) => {
                self.trials = self.trials.saturating_sub(1);
                self.stage = match left {
                    0 | 1 => Stage::Over { confirmed: true },
                    _ if self.trials == 0 => Stage::Over { confirmed: false },
                    _ => Stage::Confirm(left - 1),
                };
            }
            (stage, Some(what)) => {
                self.above = Some((rate, what));
                self.held.retain(|held| *held < rate);
                match stage {
                    _ if self.held.is_empty() => self.stage = Stage::Over { confirmed: false },
                    Stage::Climb(_) => self.halve(Steps::HALVINGS),
                    Stage::Halve(left) => self.halve(left - 1),
                    Stage::Confirm(_) => {
                        self.trials = self.trials.saturating_sub(1);
                        let more = self.trials >= 2;
                        self.stage =
                            if more { Stage::Confirm(2) } else { Stage::Over { confirmed: false } };
                    }
                    Stage::Over { .. } => {}
                }
            }
            (Stage::Over { .. }, None) => {}
        }
    }

    /// Ends it, for the lack of time.
    pub(super) fn give_up(&mut self) {
        if self.rate().is_some() {
            self.stage = Stage::Over { confirmed: false };
        }
    }

    /// What it has found so far.
    pub(super) fn found(&self) -> Capacity {
        Capacity {
            rate: self.highest().map(Rate::per_second),
            confirmed: self.stage == Stage::Over { confirmed: true },
            above: self.above.map(|(rate, _)| Rate::per_second(rate)),
            gave_way: self.above.map(|(_, what)| what),
        }
    }

    fn halve(&mut self, left: u32) {
        self.stage = if left == 0 { Stage::Confirm(2) } else { Stage::Halve(left) };
    }

    fn highest(&self) -> Option<f64> {
        self.held.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::experiment::Until;

    fn steps(from: f64, to: f64, by: f64) -> Steps {
        let rate = Rate::per_second;
        let (each, until) = (Duration::from_secs(30), Until::default());
        Steps { from: rate(from), to: rate(to), by: rate(by), each, until }
    }

    /// The rates tried on a target, until the search is over.
    fn search(steps: Steps, mut holds: impl FnMut(usize, f64) -> bool) -> (Vec<f64>, Capacity) {
        let (mut search, mut tried) = (Search::new(steps), Vec::new());
        while let Some(rate) = search.rate() {
            let held = holds(tried.len(), rate);
            tried.push(rate);
            search.tried((!held).then_some(GaveWay::Errors));
        }
        (tried, search.found())
    }

    #[test]
    fn it_climbs_halves_the_gap_twice_and_confirms_twice() {
        let (tried, found) = search(steps(10.0, 1000.0, 10.0), |_, rate| rate <= 37.0);
        assert_eq!(tried, [10.0, 20.0, 30.0, 40.0, 35.0, 37.5, 35.0, 35.0]);
        assert_eq!(
            found.to_string(),
            "the limit is 35/s (confirmed twice); at 37.5/s errors gave way first"
        );
    }

    #[test]
    fn a_limit_that_does_not_hold_again_is_lowered() {
        // What holds while it climbs does not hold for long.
        let (tried, found) =
            search(steps(10.0, 40.0, 10.0), |n, rate| rate <= if n < 6 { 37.0 } else { 25.0 });
        assert_eq!(tried, [10.0, 20.0, 30.0, 40.0, 35.0, 37.5, 35.0, 30.0, 20.0, 20.0]);
        assert_eq!((found.rate, found.confirmed), (Some(Rate::per_second(20.0)), true));
        assert_eq!(found.above, Some(Rate::per_second(30.0)));
    }

    #[test]
    fn all_and_none_are_said_so() {
        let (tried, found) = search(steps(10.0, 30.0, 10.0), |_, _| true);
        assert_eq!(tried.len(), 3);
        assert_eq!(found.to_string(), "the limit was not reached: every step up to 30/s held");
        let (tried, found) = search(steps(10.0, 30.0, 10.0), |_, _| false);
        assert_eq!(tried.len(), 1);
        assert_eq!(found.to_string(), "no step held: at 10/s errors gave way");
        let mut cut = Search::new(steps(10.0, 30.0, 10.0));
        cut.tried(None);
        cut.give_up();
        assert_eq!((cut.rate(), cut.found().rate), (None, Some(Rate::per_second(10.0))));
        assert!(!cut.found().confirmed);
    }

    proptest! {
        // For every capacity and steps: what is found holds, what is above it does not, the two are less than a
        // step apart, and there are never more trials than the bound that the plan counts on.
        #[test]
        fn the_limit_is_found_within_a_step(from in 1_u32..50, by in 1_u32..50, count in 1_u32..60, capacity in 0.0..4000.0_f64) {
            let steps = steps(f64::from(from), f64::from(from + by * (count - 1)), f64::from(by));
            let (tried, found) = search(steps, |_, rate| rate <= capacity);
            prop_assert!(tried.len() as u32 <= steps.most_levels(), "{tried:?}");
            if let Some(rate) = found.rate {
                prop_assert!(rate.get() <= capacity);
                prop_assert!(found.confirmed || found.above.is_none());
            }
            match found.above {
                Some(above) => {
                    prop_assert!(above.get() > capacity);
                    let gap = found.rate.map_or(0.0, |rate| above.get() - rate.get());
                    prop_assert!(gap <= f64::from(by) / 4.0 + 1e-9, "{found:?}");
                    prop_assert!(found.rate.is_some() || capacity < steps.from.get());
                }
                None => prop_assert!(capacity >= steps.to.get()),
            }
        }

        // For every target, however fickle: the search ends within its bound.
        #[test]
        fn it_ends_whatever_the_target_does(answers in prop::collection::vec(any::<bool>(), 200), count in 1_u32..60) {
            let steps = steps(10.0, 10.0 * f64::from(count), 10.0);
            let (tried, _) = search(steps, |n, _| answers[n]);
            prop_assert!(tried.len() as u32 <= steps.most_levels(), "{tried:?}");
        }
    }
}
