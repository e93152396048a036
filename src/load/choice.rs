use rand::RngExt;

use crate::seed::Seed;

/// Which scenario each arrival plays: a pure function of its number and the seed.
///
/// Arrivals go round a ring of [`RING`] slots, or of as many as the sum `W` of all weights where that divides it. A slot
/// belongs to one scenario for good, as many to each as the whole part of its share of the ring. What is left of the
/// shares fills the remaining slots: they are handed on from round to round, so that over `W` rounds each scenario
/// has exactly its weight. A scenario that holds the end of one such slot and the beginning of the next never has
/// both in any round of arrivals: the phase that says whom they belong to rises, in steps smaller than what the
/// scenario leaves of a slot, and the slots come round in its order. So any [`RING`] arrivals in a row hold each
/// scenario as often as its weight says, rounded up or down; where `W` divides the ring, any `W` arrivals do, exactly.
#[derive(Clone, Debug)]
pub struct Choice {
    ring: Vec<Slot>,
    /// Running sums of what is left of the shares, in parts of a slot of which `whole` make one.
    left: Vec<u64>,
    whole: u64,
    phase: u64,
    step: u64,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    /// A scenario's for good.
    Own(usize),
    /// The n-th of those that are handed on.
    Shared(u64),
}

/// Arrivals of which any so many in a row hold the shares.
const RING: u64 = 100;
/// The phase rises by at most this part of a slot, so that no scenario has one for long.
const MOST: u64 = 8;

impl Choice {
    /// By weights, not all of them zero; scenarios of weight zero are never chosen.
    pub fn new(weights: impl IntoIterator<Item = u32>, seed: Seed) -> Self {
        let mut weights: Vec<u64> = weights.into_iter().map(u64::from).collect();
        let common = weights.iter().copied().fold(0, gcd).max(1);
        for weight in &mut weights {
            *weight /= common;
        }
        let whole = weights.iter().sum::<u64>().max(1);
        let length = if RING.is_multiple_of(whole) { whole } else { RING };
        let mut rng = seed.rng();
        let mut left = Vec::with_capacity(weights.len());
        let (mut owners, mut rest, mut step) = (Vec::new(), 0, (whole / MOST).max(1));
        for (index, weight) in weights.iter().enumerate() {
            let (own, part) = (weight * length / whole, weight * length % whole);
            owners.extend((0..own).map(|_| index));
            rest += part;
            left.push(rest);
            if part > 0 {
                step = step.min(whole - part);
            }
        }
        let step = (1..=step).rev().find(|s| gcd(*s, whole) == 1).unwrap_or(1);
        let golden = (length as f64 * 0.618_033_988_749_894_9).round() as u64;
        let stride = (golden.max(1)..=golden + length).find(|s| gcd(*s, length) == 1).unwrap_or(1);
        let offset = rng.random_range(0..length);
        let mut shared = 0;
        let ring = (0..length)
            .map(|slot| {
                let place = (slot * stride + offset) % length;
                let owner = usize::try_from(place).ok().and_then(|place| owners.get(place));
                owner.map_or_else(
                    || {
                        shared += 1;
                        Slot::Shared(shared - 1)
                    },
                    |owner| Slot::Own(*owner),
                )
            })
            .collect();
        Self { ring, left, whole, phase: rng.random_range(0..whole), step }
    }

    /// The index of the scenario that arrival `n` plays.
    pub fn scenario(&self, n: u64) -> usize {
        let length = self.ring.len() as u64;
        match self.ring[(n % length) as usize] {
            Slot::Own(scenario) => scenario,
            Slot::Shared(number) => {
                let risen = u128::from(n / length) * u128::from(self.step) + u128::from(self.phase);
                let place = number * self.whole + (risen % u128::from(self.whole)) as u64;
                self.left.partition_point(|end| *end <= place)
            }
        }
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(choice: &Choice, scenarios: usize, from: u64, arrivals: u64) -> Vec<u64> {
        let mut seen = vec![0; scenarios];
        (from..from + arrivals).for_each(|n| seen[choice.scenario(n)] += 1);
        seen
    }

    proptest! {
        // For all weights, seeds and starting points: any 100 arrivals in a row hold each scenario as often as
        // its weight says, within 1.
        #[test]
        fn any_hundred_arrivals_hold_each_scenario_by_its_weight(
            weights in prop_oneof![
                prop::collection::vec(0_u32..12, 1..5),
                prop::collection::vec(0_u32..2000, 1..9),
                prop::collection::vec(0_u32..1_000_000, 1..40),
            ],
            seed: u64, from in 0_u64..10_000_000,
        ) {
            let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
            prop_assume!(sum > 0);
            let choice = Choice::new(weights.clone(), Seed(seed));
            for from in from..from + 250 {
                let seen = counts(&choice, weights.len(), from, 100);
                for (seen, weight) in seen.into_iter().zip(&weights) {
                    let share = f64::from(*weight) * 100.0 / sum as f64;
                    prop_assert!((seen as f64 - share).abs() <= 1.0 + 1e-9, "{seen} for {share}");
                }
            }
        }

        // For all weights and seeds: the shares are exact over W rounds of 100 arrivals, W the sum of the weights.
        #[test]
        fn in_the_long_run_the_shares_are_exact(
            weights in prop::collection::vec(0_u32..40, 1..6), seed: u64, from in 0_u64..1_000_000,
        ) {
            let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
            prop_assume!(sum > 0);
            let choice = Choice::new(weights.clone(), Seed(seed));
            let seen = counts(&choice, weights.len(), from * 100, sum * 100);
            prop_assert_eq!(seen, weights.iter().map(|w| u64::from(*w) * 100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn where_the_sum_divides_a_hundred_it_is_exact_over_the_sum() {
        for weights in [&[8, 2][..], &[1, 1, 2], &[7, 2, 1], &[60, 30, 10], &[5], &[0, 25, 0, 25]] {
            let sum: u32 = weights.iter().sum();
            let common = weights.iter().map(|w| u64::from(*w)).fold(0, gcd);
            let choice = Choice::new(weights.to_vec(), Seed(3));
            let exact: Vec<u64> = weights.iter().map(|w| u64::from(*w) / common).collect();
            for from in 0..300 {
                let seen = counts(&choice, weights.len(), from, u64::from(sum) / common);
                assert_eq!(seen, exact, "{weights:?} {from}");
            }
        }
    }

    #[test]
    fn the_rare_scenario_is_spread_and_the_seed_moves_it() {
        let choice = Choice::new([8, 2], Seed(1));
        let rare: Vec<u64> = (0..40).filter(|n| choice.scenario(*n) == 1).collect();
        assert_eq!(rare.len(), 8);
        assert!(rare.windows(2).all(|w| w[1] - w[0] >= 2), "{rare:?}");
        let starts: std::collections::BTreeSet<u64> = (0..50)
            .map(|s| (0..1000).find(|n| Choice::new([8, 2], Seed(s)).scenario(*n) == 1).unwrap())
            .collect();
        assert!(starts.len() > 3);
        assert!(Choice::new([u32::MAX, u32::MAX], Seed(3)).scenario(u64::MAX) < 2);
    }
}
