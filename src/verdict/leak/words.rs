//! Figures of a leak's judgement as people read them.

use crate::units::trim;

/// Hours: `12 min`, `3.4 h`, `26 h`, `9 days`.
pub(super) fn hours(hours: f64) -> String {
    if hours < 0.995 {
        format!("{} min", trim((hours * 60.0).max(0.0), 0))
    } else if hours < 9.95 {
        format!("{} h", trim(hours, 1))
    } else if hours < 72.0 {
        format!("{} h", trim(hours, 0))
    } else if hours < 365.0 * 24.0 {
        format!("{} days", trim(hours / 24.0, 0))
    } else {
        "more than a year".to_owned()
    }
}

/// A number of about three figures.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    trim(
        value,
        if size >= 100.0 {
            0
        } else if size >= 10.0 {
            1
        } else {
            2
        },
    )
}
