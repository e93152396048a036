//! Random draws, each a function of a seed alone.

use std::f64::consts::TAU;

use longhaul::seed::{Rng, Seed};
use rand::Rng as _;

/// A stream of draws.
pub(crate) struct Chance(Rng);

impl Chance {
    /// The stream of a seed.
    pub(crate) fn new(seed: Seed) -> Self {
        Self(seed.rng())
    }

    /// Even over `low..high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// Even over the logarithm of `low..high`; both above zero.
    pub(crate) fn spread(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// A whole number, even over `low..=high`.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        low + self.between(0.0, (high - low + 1) as f64) as usize
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.between(0.0, 1.0) < probability
    }

    /// `1.0` or `-1.0`.
    pub(crate) fn sign(&mut self) -> f64 {
        if self.happens(0.5) { 1.0 } else { -1.0 }
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.between(0.0, 1.0)).ln()).sqrt();
        radius * (TAU * self.between(0.0, 1.0)).cos()
    }

    /// Exponential with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.between(0.0, 1.0)).ln()
    }

    /// Student's t with `freedom` degrees: a normal over the root of a mean of squares.
    pub(crate) fn heavy(&mut self, freedom: usize) -> f64 {
        let squares: f64 = (0..freedom).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / freedom as f64).sqrt()
    }

    /// Poisson with this mean: counting exponential gaps below 50, the normal limit above.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (mut count, mut sum) = (0.0, self.exponential(1.0));
        while sum < mean {
            count += 1.0;
            sum += self.exponential(1.0);
        }
        count
    }

    /// Binomial out of `n`, drawn one by one: for small `n`.
    pub(crate) fn of(&mut self, n: f64, probability: f64) -> f64 {
        (0..n as usize).filter(|_| self.happens(probability)).count() as f64
    }

    /// `n` values of an AR(1) process with lag-one correlation `phi` and standard deviation `sd`.
    pub(crate) fn autocorrelated(&mut self, n: usize, phi: f64, sd: f64) -> Vec<f64> {
        let mut last = sd * self.normal();
        let fresh = sd * (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                let now = last;
                last = phi * last + fresh * self.normal();
                now
            })
            .collect()
    }

    /// Moments from `0` to `hours`, `gap` hours apart on average, each gap within a tenth of it.
    pub(crate) fn rhythm(&mut self, hours: f64, gap: f64) -> Vec<f64> {
        let mut moments = Vec::new();
        let mut at = gap * self.between(0.1, 1.0);
        while at < hours {
            moments.push(at);
            at += gap * self.between(0.9, 1.1);
        }
        moments
    }
}
