//! Last step: when is the limit reached?

use super::fit::Fitted;
use super::look::Look;
use super::readings::{Readings, quantile};
use super::shapes::Term;
use crate::record::{HoursToLimit, Range};

/// Nobody plans further ahead than this, hours: ten years.
const HORIZON: f64 = 87_600.0;

/// Hours from the record's end until the gauge's peaks reach `limit`: along straight lines with the highest and the
/// lowest slope, and in between along the best explanation, or along the lives' levels if it is these that grow.
pub(super) fn to_limit(
    look: &Look,
    readings: &Readings,
    across: Option<Range>,
    limit: f64,
) -> HoursToLimit {
    let room = look.percent((limit - now(readings)).max(0.0));
    let line = |slope: f64| Some(room / slope).filter(|h| slope > 0.0 && *h <= HORIZON);
    let slope = across.unwrap_or(look.selection.slope);
    let (low, high) = (line(slope.high), line(slope.low));
    let value = match across {
        Some(slope) => line(slope.value),
        None => reach(look, look.selection.best(), room),
    };
    // A curve may bend past its straight lines.
    let value = value.map(|v| v.max(low.unwrap_or(v)).min(high.unwrap_or(v)));
    HoursToLimit { value, low, high }
}

/// The level of the peaks at the end: the 99th percentile of the last twentieth of the readings.
fn now(readings: &Readings) -> f64 {
    let cells = &readings.cells;
    let last = (cells.len() / 20).max(6).min(cells.len());
    quantile(&mut cells[cells.len() - last..].iter().map(|c| c.high).collect::<Vec<f64>>(), 0.99)
}

/// When the explanation has risen by `room` percent since the record's end. What comes and goes is left out.
fn reach(look: &Look, fitted: &Fitted, room: f64) -> Option<f64> {
    let rise = |hours: f64| -> f64 {
        let terms = look.candidates.terms_of(&fitted.candidate);
        terms.zip(&fitted.coefficients).map(|(term, c)| c * growth(*term, look.oldest, hours)).sum()
    };
    let mut hours = 1.0 / 60.0;
    while rise(hours) < room {
        hours *= 1.02;
        if hours > HORIZON {
            return None;
        }
    }
    Some(hours)
}

/// How much a term grows in so many hours from an age on.
fn growth(term: Term, age: f64, hours: f64) -> f64 {
    match term {
        Term::Age | Term::Since { .. } | Term::Work => hours,
        Term::Saturation { constant } => (-age / constant).exp() * -(-hours / constant).exp_m1(),
        Term::Logarithm { unit } => (hours / (unit + age)).ln_1p(),
        Term::Until { .. }
        | Term::After { .. }
        | Term::Sine { .. }
        | Term::Cosine { .. }
        | Term::SinceDrop { .. }
        | Term::Load { .. }
        | Term::BeforeFirstDrop { .. } => 0.0,
    }
}
