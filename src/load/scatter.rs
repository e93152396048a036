use rand::RngExt;

use crate::seed::{Rng, Seed};

/// Where so many points fall that are scattered at random over 0 to 1, in order: a Poisson process of which the number
/// of points is known. A pure function of the seed and a point's number.
///
/// The middle one of `n` scattered points lies where the beta distribution says, and those on either side of it are
/// scattered over what is left on either side. So any point is found by halving, and down from [`BLOCK`] points the
/// gaps are drawn one by one: exponential, made to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scatter {
    seed: Seed,
    count: u64,
}

/// So many points are drawn together, at most.
const BLOCK: u64 = 64;

/// Points that were drawn together, kept for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    of: Option<Seed>,
    first: u64,
    points: Vec<f64>,
}

impl Block {
    fn point(&self, of: Seed, n: u64) -> Option<f64> {
        let at = usize::try_from(n.checked_sub(self.first)?).ok()?;
        self.points.get(at).filter(|_| self.of == Some(of)).copied()
    }
}

impl Scatter {
    pub(super) fn new(seed: Seed, count: u64) -> Self {
        Self { seed, count }
    }

    /// Where point `n` falls, from 0 to 1; `n` is less than the count.
    pub(super) fn point(&self, n: u64, block: &mut Block) -> f64 {
        if let Some(point) = block.point(self.seed, n) {
            return point;
        }
        self.draw(n, block);
        block.point(self.seed, n).unwrap_or(1.0)
    }

    /// Draws the block that holds point `n`. Points are numbered from 1 here, so that the two ends can be 0 and one more
    /// than the count.
    fn draw(&self, n: u64, block: &mut Block) {
        let (mut low, mut high) = (0, self.count + 1);
        let (mut from, mut to) = (0.0, 1.0);
        while high - low - 1 > BLOCK {
            let middle = u64::midpoint(low, high);
            let mut rng = self.rng(middle);
            let (left, right) = (gamma(&mut rng, middle - low), gamma(&mut rng, high - middle));
            let at = from + (to - from) * left / (left + right);
            if n + 1 < middle {
                (high, to) = (middle, at);
            } else {
                (low, from) = (middle, at);
            }
        }
        let mut rng = self.rng(low ^ GAPS);
        let mut sum = 0.0;
        // The point at the lower end belongs to the block, unless it is the end of all.
        let edge = (low > 0).then_some(0.0);
        let sums: Vec<f64> = edge
            .into_iter()
            .chain((low..high).map(|_| {
                sum += -open(&mut rng).ln();
                sum
            }))
            .collect();
        block.of = Some(self.seed);
        block.first = low.saturating_sub(1);
        block.points.clear();
        block.points.extend(sums.iter().map(|gaps| from + (to - from) * gaps / sum));
        // The last is the upper end.
        block.points.pop();
    }

    fn rng(&self, place: u64) -> Rng {
        Seed(self.seed.0 ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rng()
    }
}

/// Keeps the draws of gaps apart from those of middles.
const GAPS: u64 = 1 << 63;

/// Above 0, up to 1.
fn open(rng: &mut Rng) -> f64 {
    1.0 - rng.random::<f64>()
}

/// A draw from the gamma distribution with a whole shape of at least 1 (Marsaglia and Tsang, A simple method for
/// generating gamma variables, 2000).
fn gamma(rng: &mut Rng, shape: u64) -> f64 {
    let d = shape as f64 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && open(rng).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A draw from the standard normal distribution (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * open(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(seed: u64, count: u64) -> Vec<f64> {
        let scatter = Scatter::new(Seed(seed), count);
        let mut block = Block::default();
        (0..count).map(|n| scatter.point(n, &mut block)).collect()
    }

    proptest! {
        // For every seed, count and number: a point is the same however it is reached, and points are in order.
        #[test]
        fn points_are_a_function_of_their_number(seed: u64, count in 1_u64..3000, at in 0.0..1.0_f64) {
            let points = all(seed, count);
            prop_assert!(points.windows(2).all(|w| w[0] <= w[1]));
            prop_assert!(points[0] >= 0.0 && points[points.len() - 1] <= 1.0);
            let n = ((count as f64 * at) as u64).min(count - 1);
            let alone = Scatter::new(Seed(seed), count).point(n, &mut Block::default());
            prop_assert_eq!(alone.to_bits(), points[n as usize].to_bits());
        }
    }

    /// The share of the points below x is x, to within what chance allows (Kolmogorov and Smirnov, 0.1 %), in the
    /// whole and in the last thousandth of it.
    #[test]
    fn points_are_even_at_every_scale() {
        let points = all(7, 200_000);
        let distance = |points: &[f64], from: f64, to: f64| {
            let n = points.len() as f64;
            let off =
                |(i, p): (usize, &f64)| ((p - from) / (to - from) - (i as f64 + 0.5) / n).abs();
            points.iter().enumerate().map(off).fold(0.0, f64::max) * n.sqrt()
        };
        assert!(distance(&points, 0.0, 1.0) < 1.95);
        let last: Vec<f64> = points.iter().copied().filter(|p| *p >= 0.999).collect();
        assert!((130..270).contains(&last.len()), "{}", last.len());
        assert!(distance(&last, 0.999, 1.0) < 1.95);
        // Evenly spaced points are far too even for chance.
        let even: Vec<f64> = (0..200_000).map(|i| (f64::from(i) + 0.5) / 200_000.0).collect();
        assert!(distance(&even, 0.0, 1.0) < 0.1 && distance(&points, 0.0, 1.0) > 0.3);
    }
}
