use rand::RngExt;

use crate::seed::Seed;

/// Which scenario each arrival plays: a pure function of its number and the seed.
///
/// Arrival `n` gets place `(n * stride + offset) mod W`, where `W` is the sum of all weights and `stride` has no
/// common divisor with `W`; scenarios own runs of places as long as their weights. Any `W` arrivals in
/// a row therefore hold each scenario exactly as often as its weight, and because `stride` is near
/// `W` divided by the golden ratio, they are spread evenly among each other.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Running sums of the weights.
    ends: Vec<u64>,
    stride: u64,
    offset: u64,
}

impl Choice {
    /// By weights, not all of them zero; scenarios of weight zero are never chosen.
    pub fn new(weights: impl IntoIterator<Item = u32>, seed: Seed) -> Self {
        let mut sum = 0;
        let ends: Vec<u64> = weights
            .into_iter()
            .map(|weight| {
                sum += u64::from(weight);
                sum
            })
            .collect();
        let total = sum.max(1);
        let golden = (total as f64 * 0.618_033_988_749_894_9).round() as u64;
        let stride = (golden.max(1)..=golden + total).find(|s| gcd(*s, total) == 1).unwrap_or(1);
        Self { ends, stride, offset: seed.rng().random_range(0..total) }
    }

    /// The index of the scenario that arrival `n` plays.
    pub fn scenario(&self, n: u64) -> usize {
        let total = u128::from(self.ends.last().copied().unwrap_or(1).max(1));
        let place =
            (u128::from(n) % total * u128::from(self.stride) + u128::from(self.offset)) % total;
        self.ends.partition_point(|end| u128::from(*end) <= place)
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

    proptest! {
        // For all weights, seeds and starting points: any W arrivals in a row, W the sum of the
        // weights, hold each scenario exactly as often as its weight says.
        #[test]
        fn every_window_holds_each_scenario_by_its_weight(
            weights in prop::collection::vec(0_u32..40, 1..6), seed: u64, from in 0_u64..1_000_000,
        ) {
            let window: u32 = weights.iter().sum();
            prop_assume!(window > 0);
            let choice = Choice::new(weights.clone(), Seed(seed));
            let mut seen = vec![0_u32; weights.len()];
            for n in from..from + u64::from(window) {
                seen[choice.scenario(n)] += 1;
            }
            prop_assert_eq!(seen, weights);
        }
    }

    #[test]
    fn the_rare_scenario_is_spread_and_the_seed_moves_it() {
        let choice = Choice::new([8, 2], Seed(1));
        let rare: Vec<u64> = (0..40).filter(|n| choice.scenario(*n) == 1).collect();
        assert_eq!(rare.len(), 8);
        assert!(rare.windows(2).all(|w| w[1] - w[0] >= 2), "{rare:?}");
        let starts: std::collections::BTreeSet<u64> =
            (0..50).map(|s| Choice::new([8, 2], Seed(s)).offset).collect();
        assert!(starts.len() > 5);
        assert!(Choice::new([u32::MAX, u32::MAX], Seed(3)).scenario(u64::MAX) < 2);
    }
}
