//! Planted series for tests: one reading every ten seconds.

use super::trace::{Trace, TracePoint};
use crate::clock::Offset;

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
