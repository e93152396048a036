//! A gauge over time: as read, its lower envelope, and the two best explanations.

use std::time::Duration;

use super::super::super::chart::{Chart, Line, Look, Points, Unit};
use super::super::super::leaks::Case;
use crate::clock::Offset;
use crate::record::{Gauge, GaugeUnit, LeakResult};
use crate::units::Bytes;

/// The chart of the `n`th gauge of an instance.
pub(super) fn gauge(case: &Case<'_>, n: usize, result: &LeakResult) -> Chart {
    let curves = &result.finding.curves;
    let hole = result.finding.basis.window.mul_f64(2.5).max(Duration::from_secs(30));
    let at = |values: &[f64]| -> Points {
        curves.envelope.iter().zip(values).map(|((at, _), v)| (*at, *v)).collect()
    };
    let line =
        |name: &str, look, points: Points| Line { name: name.to_owned(), look, points, hole };
    let mut lines = vec![line("as read", Look::Series(7, 0), case.points(&result.gauge))];
    lines.push(line("envelope", Look::Series(0, 0), curves.envelope.clone()));
    if let Some(shape) = &result.finding.shape {
        lines.push(line(shape, Look::Series(1, 0), at(&curves.best)));
    }
    if let Some(shape) = &curves.rival_shape {
        lines.push(line(shape, Look::Series(3, 1), at(&curves.rival)));
    }
    lines.retain(|l| !l.points.is_empty());
    let limit = case.series.and_then(|s| s.points.iter().filter_map(|p| p.2.limit).max());
    Chart {
        id: format!("chart-leak-{}-{}-{n}", case.instance.service, case.instance.ordinal),
        title: format!("{} of {}", result.gauge, case.instance),
        note: "as read, its lower envelope, and the explanations that fit best".to_owned(),
        unit: match result.gauge.unit() {
            GaugeUnit::Bytes => Unit::Bytes,
            GaugeUnit::Count => Unit::Count,
        },
        lines,
        bars: None,
        bound: limit
            .filter(|_| result.gauge == Gauge::Memory)
            .map(|b| (b as f64, format!("limit {}", Bytes(b).human()))),
        marks: starts(case),
        size: (1120.0, 280.0),
    }
}

/// Where a new life begins.
fn starts(case: &Case<'_>) -> Vec<(Offset, String)> {
    let Some(series) = case.series else { return Vec::new() };
    series
        .points
        .windows(2)
        .filter(|pair| pair[1].1 != pair[0].1)
        .map(|pair| (pair[1].0, format!("{} restarted", case.instance)))
        .collect()
}
