//! How far a difference between two series could be off by chance: a circular block bootstrap.
//!
//! Neighbouring windows of a run resemble each other, so single windows must not be drawn as if they were
//! independent: whole stretches are (Künsch, Annals of Statistics 17, 1989), and the series is closed to a ring so that
//! every window is drawn equally often (Politis and Romano, 1992). Blocks grow with the cube root of the length
//! (Hall, Horowitz and Jing, Biometrika 82, 1995).

use rand::Rng as _;

use crate::seed::{Rng, Seed};

/// Resamples: enough for the 1 % points to be stable to about a tenth of the interval's width.
const RESAMPLES: usize = 2_000;
/// Either tail of the 98 % interval.
const TAIL: f64 = 0.01;

/// Length of a block for `n` windows: 2 n^(1/3), rounded up, at most n.
fn block(n: usize) -> usize {
    ((2.0 * (n as f64).cbrt()).ceil() as usize).clamp(1, n.max(1))
}

/// The middle value; of an even number the mean of the two in the middle. Reorders. NaN when empty.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return f64::NAN;
    }
    let (low, middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return middle;
    }
    let below = low.iter().copied().max_by(f64::total_cmp).unwrap_or(middle);
    f64::midpoint(below, middle)
}

/// Values by their rank: a resample's median is found by counting, without sorting it.
pub(super) struct Ranked {
    sorted: Vec<f64>,
    /// The rank of each value, in the order given.
    pub(super) ranks: Vec<u32>,
    counts: Vec<u32>,
}

impl Ranked {
    pub(super) fn new(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|x, y| values[*x].total_cmp(&values[*y]));
        let mut ranks = vec![0; values.len()];
        order.iter().enumerate().for_each(|(rank, place)| ranks[*place] = rank as u32);
        let sorted = order.iter().map(|place| values[*place]).collect();
        Self { sorted, ranks, counts: vec![0; values.len()] }
    }

    /// The median of a resample, given by ranks.
    pub(super) fn median(&mut self, drawn: &[u32]) -> f64 {
        self.counts.fill(0);
        for rank in drawn {
            self.counts[*rank as usize] += 1;
        }
        // For an even number the two in the middle are the places half - 1 and half.
        let (half, even) = (drawn.len() / 2, drawn.len().is_multiple_of(2));
        let (mut below, mut first) = (0, None);
        for (value, count) in self.sorted.iter().zip(&self.counts) {
            below += *count as usize;
            if even && first.is_none() && below >= half {
                first = Some(*value);
            }
            if below > half {
                return first.map_or(*value, |first| f64::midpoint(first, *value));
            }
        }
        f64::NAN
    }
}

/// A 98 % percentile interval of `statistic(a, b)`. With `paired`, both series have the same length and the same
/// windows are drawn from both, so that what moves both alike (the load's shape, the time of the night) cancels
/// out; otherwise each is drawn by itself. The same seed gives the same
/// interval. Neither series may be empty.
pub(super) fn interval<T: Copy>(
    a: &[T],
    b: &[T],
    paired: bool,
    seed: Seed,
    mut statistic: impl FnMut(&[T], &[T]) -> f64,
) -> (f64, f64) {
    let mut rng = seed.rng();
    let (mut drawn, mut from_a, mut from_b) = (Vec::new(), Vec::new(), Vec::new());
    let mut differences: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            draw(a.len(), &mut drawn, &mut rng);
            take(a, &drawn, &mut from_a);
            if !paired {
                draw(b.len(), &mut drawn, &mut rng);
            }
            take(b, &drawn, &mut from_b);
            statistic(&from_a, &from_b)
        })
        .collect();
    differences.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| differences[(share * (RESAMPLES - 1) as f64).round() as usize];
    (at(TAIL), at(1.0 - TAIL))
}

/// As many places as there are, in blocks from random starts, going round at the end.
fn draw(n: usize, places: &mut Vec<usize>, rng: &mut Rng) {
    let block = block(n);
    places.clear();
    while places.len() < n {
        let start = (rng.next_u64() % n as u64) as usize;
        let take = block.min(n - places.len());
        places.extend((start..start + take).map(|i| i % n));
    }
}

fn take<T: Copy>(values: &[T], places: &[usize], out: &mut Vec<T>) {
    out.clear();
    out.extend(places.iter().map(|i| values[*i]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn medians(a: &[f64], b: &[f64]) -> f64 {
        median(&mut b.to_vec()) - median(&mut a.to_vec())
    }

    #[test]
    fn blocks_grow_with_the_cube_root() {
        assert_eq!([1, 8, 72, 288].map(block), [1, 4, 9, 14]);
    }

    #[test]
    fn what_moves_both_alike_cancels_out_only_when_paired() {
        let swing: Vec<f64> = (0..72).map(|k| (f64::from(k) / 11.0).sin()).collect();
        let more: Vec<f64> = swing.iter().map(|v| v + 0.5).collect();
        let paired = interval(&swing, &more, true, Seed(1), medians);
        let apart = interval(&swing, &more, false, Seed(1), medians);
        assert!((paired.0 - 0.5).abs() < 1e-9 && (paired.1 - 0.5).abs() < 1e-9, "{paired:?}");
        assert!(apart.1 - apart.0 > 0.5, "{apart:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        /// The median has as many values below it as above it.
        #[test]
        fn the_median_parts_the_values(mut values in prop::collection::vec(-1e6..1e6_f64, 1..40)) {
            let middle = median(&mut values);
            let below = values.iter().filter(|v| **v < middle).count();
            let above = values.iter().filter(|v| **v > middle).count();
            prop_assert!(below * 2 <= values.len() && above * 2 <= values.len());
        }

        /// The median by ranks is the median.
        #[test]
        fn ranks_give_the_median(
            values in prop::collection::vec(-9.0..9.0_f64, 1..40),
            picks in prop::collection::vec(0..1000_usize, 1..60),
        ) {
            let mut ranked = Ranked::new(&values);
            let places: Vec<usize> = picks.iter().map(|p| p % values.len()).collect();
            let drawn: Vec<u32> = places.iter().map(|p| ranked.ranks[*p]).collect();
            let mut plain: Vec<f64> = places.iter().map(|p| values[*p]).collect();
            prop_assert!((ranked.median(&drawn) - median(&mut plain)).abs() < 1e-12);
        }

        /// The same seed gives the same interval, and its ends are in order.
        #[test]
        fn intervals_repeat(values in prop::collection::vec(0.0..9.0_f64, 2..40), seed: u64) {
            let one = interval(&values, &values, false, Seed(seed), medians);
            prop_assert_eq!(one, interval(&values, &values, false, Seed(seed), medians));
            prop_assert!(one.0 <= one.1);
        }
    }
}
