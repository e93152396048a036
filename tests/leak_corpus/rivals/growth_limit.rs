//! "More than 10 % growth": the value at the end against that at the end of the warm-up.

use super::windows::median;
use crate::leak_corpus::method::{Method, Opinion};
use crate::leak_corpus::series::Series;

/// Alarms when the median of the last 5 minutes lies more than 10 % above that of the 5 minutes that follow
/// the first hour (of a series under two hours: the first quarter).
pub(crate) struct GrowthLimit;

const SPAN_S: f64 = 300.0;

impl Method for GrowthLimit {
    fn name(&self) -> &'static str {
        ">10 % growth"
    }

    fn judge(&self, series: &Series) -> Opinion {
        let end = series.readings.last().map_or(0.0, |r| r.t_s);
        let warm = f64::min(3600.0, end / 4.0);
        let first = level(series, warm);
        let last = level(series, end - SPAN_S);
        let hours = (end - SPAN_S - warm) / 3600.0;
        Opinion::plain(last > 1.1 * first, Some((last - first) / hours))
    }
}

/// Median of the 5 minutes from `from` on, or of the first readings after it.
fn level(series: &Series, from: f64) -> f64 {
    let later = series.readings.iter().filter(|r| r.t_s >= from);
    let Some(begin) = later.clone().next().map(|r| r.t_s) else { return 0.0 };
    median(later.take_while(|r| r.t_s <= begin + SPAN_S).map(|r| r.value).collect())
}
