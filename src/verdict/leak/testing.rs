//! Planted series for tests: one reading every ten seconds.

use std::time::Duration;

use super::question::Question;
use super::trace::{Trace, TracePoint};
use crate::clock::Offset;
use crate::units::Percent;

/// A process that is meant to run for a day and to grow by less than a tenth.
pub(super) fn day() -> Question {
    Question::memory(Duration::from_hours(24), Percent::of(10.0), Some(512.0 * 1_048_576.0))
}

/// A single life under a load that varies: requests a second by the hour, and the value in bytes by the hour and the
/// requests so far.
pub(super) fn loaded(
    hours: f64,
    rate: impl Fn(f64) -> f64,
    value: impl Fn(f64, f64) -> f64,
) -> Trace {
    let (mut trace, mut sent) = (Trace::new(), 0.0);
    for i in 0..(hours * 360.0) as u64 {
        let at = i as f64 / 360.0;
        sent += rate(at) * 10.0;
        let point = TracePoint {
            at: Offset::from_micros(i * 10_000_000),
            value: value(at, sent),
            epoch: 0,
            fault: false,
            requests: Some(sent),
        };
        trace.push(point).unwrap();
    }
    trace
}

/// A single life of `hours`; the value in bytes by the hour.
pub(super) fn trace(hours: f64, value: impl Fn(f64) -> f64) -> Trace {
    reborn(hours, f64::INFINITY, |at, _| value(at))
}

/// A life that starts again every `life` hours; the value by the hour of the record and of the life.
pub(super) fn reborn(hours: f64, life: f64, value: impl Fn(f64, f64) -> f64) -> Trace {
    let mut trace = Trace::new();
    for i in 0..(hours * 360.0) as u64 {
        let at = i as f64 / 360.0;
        let epoch = (at / life).floor();
        let age = if life.is_finite() { at - epoch * life } else { at };
        let point = TracePoint {
            at: Offset::from_micros(i * 10_000_000),
            value: value(at, age),
            epoch: epoch as u32,
            fault: false,
            requests: Some(at * 3600.0 * 50.0),
        };
        trace.push(point).unwrap();
    }
    trace
}

/// Noise of about unit size that depends on the time alone, about normal.
pub(super) fn noise(hours: f64) -> f64 {
    let mut state = (hours * 3600.0).round() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let sum: f64 = (0..12)
        .map(|_| {
            // A step of the SplitMix64 generator (Steele, Lea and Flood 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        })
        .sum();
    sum - 6.0
}
