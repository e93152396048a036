//! Ordinary least squares on window means.

use super::windows::{mean, windows};
use super::{TRIFLE, Z};
use crate::leak_corpus::method::{Method, Opinion};
use crate::leak_corpus::series::Series;

/// Alarms on a slope that is more than a trifle and significant, taking residuals as independent.
pub(crate) struct LeastSquares;

impl Method for LeastSquares {
    fn name(&self) -> &'static str {
        "OLS"
    }

    fn judge(&self, series: &Series) -> Opinion {
        let seconds = f64::max(60.0, series.hours * 3600.0 / 240.0);
        let points = windows(&series.readings, seconds, mean);
        let n = points.len() as f64;
        if n < 4.0 {
            return Opinion::plain(false, None);
        }
        let (mx, my) = (
            points.iter().map(|p| p.0).sum::<f64>() / n,
            points.iter().map(|p| p.1).sum::<f64>() / n,
        );
        let sxx: f64 = points.iter().map(|p| (p.0 - mx).powi(2)).sum();
        let sxy: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
        let slope = sxy / sxx;
        let rss: f64 = points.iter().map(|p| (p.1 - my - slope * (p.0 - mx)).powi(2)).sum();
        let error = (rss / (n - 2.0) / sxx).sqrt();
        // Student's t by its first correction to the normal (Abramowitz and Stegun 26.7.5).
        let critical = Z + (Z.powi(3) + Z) / (4.0 * (n - 2.0));
        let trend = slope > TRIFLE * points[0].1 && slope > critical * error;
        Opinion::plain(trend, Some(slope))
    }
}
