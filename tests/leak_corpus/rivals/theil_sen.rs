//! Theil and Sen's slope on window minima of the longest life: the best of the simple methods.

use super::mann_kendall::Trend;
use super::windows::{least, median, windows};
use super::{TRIFLE, Z};
use crate::leak_corpus::method::{Estimate, Method, Opinion};
use crate::leak_corpus::series::{Reading, Series};

/// Leaves faults and the 5 minutes after them out, takes the minima of 48 windows of the longest life of the
/// process, and alarms when the slope's lower bound (Sen 1968, with Hamed and Rao's variance) is more than a
/// trifle and the second half rises at least half as fast as the first.
pub(crate) struct TheilSen;

impl Method for TheilSen {
    fn name(&self) -> &'static str {
        "Theil-Sen on minima"
    }

    fn judge(&self, series: &Series) -> Opinion {
        let lives = series.readings.chunk_by(|a, b| a.epoch == b.epoch);
        let Some(life) = lives.max_by_key(|life| life.len()) else {
            return Opinion::plain(false, None);
        };
        let seconds = (life[life.len() - 1].t_s - life[0].t_s) / 48.0;
        let points = windows(&undisturbed(life), seconds.max(60.0), least);
        if points.len() < 8 {
            return Opinion::plain(false, None);
        }
        let trend = Trend::of(&points, true);
        let (n, reach) = (trend.slopes.len() as f64, Z * trend.variance.sqrt());
        let at = |rank: f64| trend.slopes[(rank.max(0.0) as usize).min(trend.slopes.len() - 1)];
        let (low, high) = (at((n - reach) / 2.0), at(f64::midpoint(n, reach)));
        let (first, second) = points.split_at(points.len() / 2);
        let lasting = slope(second) > 0.5 * slope(first);
        let mut opinion = Opinion::plain(low > TRIFLE * points[0].1 && lasting, None);
        opinion.estimate = Some(Estimate { slope: trend.slope, low, high });
        opinion
    }
}

fn slope(points: &[(f64, f64)]) -> f64 {
    let pairs = points.iter().enumerate();
    median(
        pairs
            .flat_map(|(i, a)| points[i + 1..].iter().map(|b| (b.1 - a.1) / (b.0 - a.0)))
            .collect(),
    )
}

fn undisturbed(life: &[Reading]) -> Vec<Reading> {
    let mut until = f64::MIN;
    let mut kept = Vec::with_capacity(life.len());
    for reading in life {
        if reading.fault {
            until = reading.t_s + 300.0;
        } else if reading.t_s > until {
            kept.push(*reading);
        }
    }
    kept
}
