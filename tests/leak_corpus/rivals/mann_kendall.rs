//! Mann and Kendall's test for a trend, with Sen's slope; plain, or corrected for autocorrelation.

use super::windows::{mean, median, windows};
use super::{TRIFLE, Z};
use crate::leak_corpus::method::{Method, Opinion};
use crate::leak_corpus::series::Series;

/// Alarms on a trend of more than a trifle that the test finds significant.
pub(crate) struct MannKendall {
    /// Whether the variance is corrected for autocorrelation (Hamed and Rao 1998).
    pub(crate) corrected: bool,
}

impl Method for MannKendall {
    fn name(&self) -> &'static str {
        if self.corrected { "MK Hamed-Rao" } else { "Mann-Kendall" }
    }

    fn judge(&self, series: &Series) -> Opinion {
        let seconds = f64::max(60.0, series.hours * 3600.0 / 144.0);
        let points = windows(&series.readings, seconds, mean);
        if points.len() < 8 {
            return Opinion::plain(false, None);
        }
        let trend = Trend::of(&points, self.corrected);
        let leaks = trend.slope > TRIFLE * points[0].1 && trend.z > Z;
        Opinion::plain(leaks, Some(trend.slope))
    }
}

/// The test's statistic and Sen's slope.
pub(super) struct Trend {
    /// Standard normal if there is no trend.
    pub(super) z: f64,
    /// Variance of S.
    pub(super) variance: f64,
    /// Median of all pairwise slopes (Sen 1968).
    pub(super) slope: f64,
    /// All pairwise slopes, ascending.
    pub(super) slopes: Vec<f64>,
}

impl Trend {
    /// Of `(x, y)` points in the order of x.
    pub(super) fn of(points: &[(f64, f64)], corrected: bool) -> Self {
        let n = points.len() as f64;
        let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
        let mut s = 0.0;
        for (i, a) in points.iter().enumerate() {
            for b in &points[i + 1..] {
                let rise = b.1 - a.1;
                s += if rise == 0.0 { 0.0 } else { rise.signum() };
                slopes.push(rise / (b.0 - a.0));
            }
        }
        slopes.sort_unstable_by(f64::total_cmp);
        let slope = median(slopes.clone());
        let mut variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        if corrected {
            variance *= inflation(points, slope);
        }
        let z = if s == 0.0 { 0.0 } else { (s - f64::signum(s)) / variance.sqrt() };
        Self { z, variance, slope, slopes }
    }
}

/// Hamed and Rao's n/n*: from the significant autocorrelations of the ranks of what the trend leaves.
fn inflation(points: &[(f64, f64)], slope: f64) -> f64 {
    let rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    let ranks = ranks(&rest);
    let n = ranks.len();
    let middle = f64::midpoint(n as f64, 1.0);
    let power: f64 = ranks.iter().map(|r| (r - middle).powi(2)).sum();
    let bound = 1.96 / (n as f64).sqrt();
    let mut sum = 0.0;
    for lag in 1..n.saturating_sub(2) {
        let product: f64 =
            ranks.iter().zip(&ranks[lag..]).map(|(a, b)| (a - middle) * (b - middle)).sum();
        let correlation = product / power.max(1e-12);
        if correlation.abs() > bound {
            let left = (n - lag) as f64;
            sum += left * (left - 1.0) * (left - 2.0) * correlation;
        }
    }
    let n = n as f64;
    f64::max(0.05, 1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum)
}

/// Ranks from 1, equal values sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for tied in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let begin = order.partition_point(|i| values[*i] < values[tied[0]]) as f64;
        for i in tied {
            ranks[*i] = begin + f64::midpoint(tied.len() as f64, 1.0);
        }
    }
    ranks
}
