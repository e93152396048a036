//! Where a figure changed in a sequence of runs.
//!
//! The sequence is cut into the segments that fit it best (the exact optimum by dynamic programming: Jackson and others,
//! IEEE Signal Processing Letters 12, 2005), generously many of them; then the weakest cut is taken away as long as Student's t test
//! between its two neighbours does not hold it up. Testing the cuts by t follows Fleming and others, "Hunter: using change point
//! detection to hunt for performance regressions" (ICPE 2023).

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Runs at least on either side of a change: one strange run is no change.
const SHORTEST: usize = 2;
/// Cost of a cut in units of the noise's variance times the logarithm of the length: generous, the test decides.
const PENALTY: f64 = 3.0;
/// A cut is kept if chance would make one as strong with less than this probability, over all places for a cut.
const CHANCE: f64 = 0.02;
/// A run that is so many times the noise away from the middle of itself and its neighbours is strange.
const STRANGE: f64 = 4.0;

/// The first index of every segment but the first. `grain` is the least standard deviation between equal runs
/// that is believed: without it two runs that agree by luck would make everything else a change.
pub(super) fn changes(values: &[f64], grain: f64) -> Vec<usize> {
    if values.len() < 2 * SHORTEST {
        return Vec::new();
    }
    let noise = noise(values, grain);
    let values = &without_strange(values, noise);
    let mut cuts = best_cuts(values, noise);
    while let Some((weakest, p)) = weakest(values, &cuts, noise) {
        // Places at which a cut could have been, so many chances for the strongest to look like one.
        let places = (values.len() - 2 * SHORTEST + 1) as f64;
        if p * places <= CHANCE {
            break;
        }
        cuts.remove(weakest);
    }
    cuts
}

/// The noise between neighbours, which a few changes barely touch: the median of the absolute differences, brought
/// to the scale of a standard deviation of single values.
fn noise(values: &[f64], grain: f64) -> f64 {
    let mut steps: Vec<f64> = values.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let scale = 1.4826 / std::f64::consts::SQRT_2;
    (super::bootstrap::median(&mut steps) * scale).max(grain)
}

/// A lone strange run must not pull a cut towards itself: it counts as the middle of itself and its neighbours,
/// which leaves steps as they are.
fn without_strange(values: &[f64], noise: f64) -> Vec<f64> {
    let last = values.len() - 1;
    (0..=last)
        .map(|i| {
            let from = i.saturating_sub(1).min(last.saturating_sub(2));
            let mut three = values[from..=(from + 2).min(last)].to_vec();
            let middle = super::bootstrap::median(&mut three);
            if (values[i] - middle).abs() > STRANGE * noise { middle } else { values[i] }
        })
        .collect()
}

/// The cuts that minimise the squared error and `PENALTY` for each cut.
fn best_cuts(values: &[f64], noise: f64) -> Vec<usize> {
    let n = values.len();
    let penalty = PENALTY * noise * noise * (n.max(2) as f64).ln();
    let sums = Sums::new(values);
    // The least cost of the first `k` values, and where its last segment begins.
    let mut least = vec![(f64::INFINITY, 0); n + 1];
    least[0] = (-penalty, 0);
    for end in SHORTEST..=n {
        for start in 0..=end - SHORTEST {
            let cost = least[start].0 + sums.error(start, end) + penalty;
            if cost < least[end].0 {
                least[end] = (cost, start);
            }
        }
    }
    let mut cuts = Vec::new();
    let mut end = n;
    while least[end].1 > 0 {
        end = least[end].1;
        cuts.push(end);
    }
    cuts.reverse();
    cuts
}

/// The cut that is held up least, and its probability under chance. The noise is `least` at least.
fn weakest(values: &[f64], cuts: &[usize], least: f64) -> Option<(usize, f64)> {
    let sums = Sums::new(values);
    let edges: Vec<usize> =
        std::iter::once(0).chain(cuts.iter().copied()).chain([values.len()]).collect();
    let error: f64 = edges.windows(2).map(|e| sums.error(e[0], e[1])).sum();
    let freedom = (values.len() - cuts.len() - 1) as f64;
    // The cuts were chosen for a small error, so the noise between neighbours is believed where it is more.
    let noise = (error / freedom).sqrt().max(least);
    edges
        .windows(3)
        .map(|e| {
            let (left, right) = ((e[1] - e[0]) as f64, (e[2] - e[1]) as f64);
            let step = sums.mean(e[1], e[2]) - sums.mean(e[0], e[1]);
            let t = step / (noise * (1.0 / left + 1.0 / right).sqrt());
            two_sided(t, freedom)
        })
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// How probable a value beyond `t`, on either side, is by chance.
fn two_sided(t: f64, freedom: f64) -> f64 {
    // The parameters are in range: never an error.
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |chance| 2.0 * chance.sf(t.abs()))
}

/// Sums of values and squares up to each place, from the first value on so that little is lost to rounding.
struct Sums(Vec<(f64, f64)>, f64);

impl Sums {
    fn new(values: &[f64]) -> Self {
        let base = values.first().copied().unwrap_or(0.0);
        let mut sums = vec![(0.0, 0.0)];
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in values {
            let v = value - base;
            sum += v;
            squares += v * v;
            sums.push((sum, squares));
        }
        Self(sums, base)
    }

    fn mean(&self, from: usize, to: usize) -> f64 {
        self.1 + (self.0[to].0 - self.0[from].0) / (to - from) as f64
    }

    /// Squared distance from the mean.
    fn error(&self, from: usize, to: usize) -> f64 {
        let sum = self.0[to].0 - self.0[from].0;
        let squares = self.0[to].1 - self.0[from].1;
        (squares - sum * sum / (to - from) as f64).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    /// Noise that is near normal: a sum of uniforms.
    fn noisy(levels: &[(usize, f64)], sd: f64, seed: u64) -> Vec<f64> {
        let mut rng = Seed(seed).rng();
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut normal = move || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        levels
            .iter()
            .flat_map(|(n, level)| std::iter::repeat_n(*level, *n))
            .map(|level| level + sd * normal())
            .collect()
    }

    #[test]
    fn steps_are_found_where_they_are() {
        let exact = |levels: &[(usize, f64)], sd: f64, cuts: &[usize]| {
            (0..200).filter(|seed| changes(&noisy(levels, sd, *seed), 0.01) == cuts).count()
        };
        assert!(exact(&[(3, 0.0), (3, 0.3)], 0.02, &[3]) >= 180);
        assert!(exact(&[(8, 0.0), (4, 0.25), (8, 0.0)], 0.03, &[8, 12]) >= 190);
        assert!(exact(&[(20, 0.0), (2, 0.2)], 0.03, &[20]) >= 190);
    }

    #[test]
    fn equal_runs_and_one_strange_run_are_no_change() {
        let rate = |n: usize, plant: bool| {
            let found = (0..400).filter(|seed| {
                let mut values = noisy(&[(n, 0.0)], 0.03, *seed);
                if plant {
                    values[n / 2] += 0.15;
                }
                !changes(&values, 0.01).is_empty()
            });
            found.count() as f64 / 400.0
        };
        for n in [6, 12, 40] {
            assert!(rate(n, false) <= 0.03, "{n}: {}", rate(n, false));
            assert!(rate(n, true) <= 0.05, "{n}: {}", rate(n, true));
        }
    }

    proptest! {
        /// Every segment has at least two runs, and cuts are in order.
        #[test]
        fn segments_are_long_enough(values in prop::collection::vec(-1.0..1.0_f64, 6..60)) {
            let mut edges = changes(&values, 0.01);
            edges.insert(0, 0);
            edges.push(values.len());
            prop_assert!(edges.windows(2).all(|e| e[1] >= e[0] + SHORTEST));
        }
    }
}
