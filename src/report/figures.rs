//! Figures as people read them.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Offset;
use crate::record::{Recovery, Tier, VerdictOutcome};
use crate::units::trim;

/// `12,345,678`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds as `850 µs`, `12.3 ms`, `1.25 s`, `2m 05s`.
pub(super) fn latency(us: u64) -> String {
    let n = us as f64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{} ms", trim(n / 1e3, 2)),
        10_000..100_000 => format!("{} ms", trim(n / 1e3, 1)),
        100_000..1_000_000 => format!("{} ms", trim(n / 1e3, 0)),
        _ => span(Duration::from_micros(us)),
    }
}

/// A length of time: `480 ms`, `3.2 s`, `1m 05s`, `2h 03m`.
pub fn span(d: Duration) -> String {
    let s = d.as_secs_f64();
    let whole = s.round() as u64;
    if s < 1.0 {
        format!("{} ms", trim(s * 1e3, 0))
    } else if s < 60.0 {
        format!("{} s", trim(s, if s < 10.0 { 2 } else { 1 }))
    } else if whole < 3600 {
        format!("{}m {:02}s", whole / 60, whole % 60)
    } else if whole < 48 * 3600 {
        format!("{}h {:02}m", whole / 3600, whole / 60 % 60)
    } else {
        format!("{}d {:02}h", whole / 86_400, whole / 3600 % 24)
    }
}

/// A fraction as `0.03%`.
pub(super) fn percent(fraction: f64) -> String {
    let p = fraction * 100.0;
    // 99.996% must not read as 100%, nor 0.0004% as 0%.
    let digits = if (p > 0.0 && p < 0.01) || (p < 100.0 && p > 99.99) { 4 } else { 2 };
    format!("{}%", trim(p, digits))
}

/// An optional fraction, or a dash.
pub(super) fn percent_or_dash(fraction: Option<f64>) -> String {
    fraction.map_or_else(dash, percent)
}

/// Percent with a sign: `+2.1%`.
pub(super) fn growth(percent: f64) -> String {
    let text = format!("{percent:+.1}%");
    if text == "-0.0%" { "+0.0%".to_owned() } else { text }
}

/// Arrivals per second.
pub(super) fn rate(per_second: f64) -> String {
    format!("{}/s", trim(per_second, if per_second < 1000.0 { 2 } else { 0 }))
}

/// What stands for an absent figure.
pub(super) fn dash() -> String {
    "–".to_owned()
}

/// Calendar time of an offset, UTC, to the second.
pub(super) fn clock(anchor: Timestamp, at: Offset) -> Timestamp {
    let seconds = (anchor.as_microsecond() + at.as_micros() as i64).div_euclid(1_000_000);
    Timestamp::from_second(seconds).unwrap_or(anchor)
}

/// `2026-11-21 02:00:00 UTC`.
pub(super) fn calendar(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The outcome in one word.
pub fn outcome(outcome: VerdictOutcome) -> &'static str {
    match outcome {
        VerdictOutcome::Passed => "passed",
        VerdictOutcome::Warned => "warned",
        VerdictOutcome::Failed => "failed",
        VerdictOutcome::Inconclusive => "inconclusive",
        VerdictOutcome::Aborted => "aborted",
        VerdictOutcome::Errored => "errored",
    }
}

/// A tier in one word.
pub(super) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Pass => "pass",
        Tier::Warn => "warn",
        Tier::Unknown => "unknown",
        Tier::Fail => "fail",
    }
}

/// Recovery in a few words.
pub(super) fn recovery(recovery: &Recovery) -> String {
    match recovery {
        Recovery::Recovered { from_end, .. } => {
            format!("recovered {} after its end", span(*from_end))
        }
        Recovery::Unaffected => "never left its band".to_owned(),
        Recovery::NotRecovered { watched } => format!("not recovered in {}", span(*watched)),
        Recovery::NoBaseline { reason } => format!("no baseline: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well_at_every_size() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(4_320_000), "4,320,000");
        let read = [0, 850, 1_234, 45_678, 312_499, 1_250_000, 61_400_000].map(latency);
        assert_eq!(read, ["0 µs", "850 µs", "1.23 ms", "45.7 ms", "312 ms", "1.25 s", "1m 01s"]);
        let spans =
            [0.48, 3.2, 59.96, 65.0, 7380.0, 200_000.0].map(Duration::from_secs_f64).map(span);
        assert_eq!(spans, ["480 ms", "3.2 s", "60 s", "1m 05s", "2h 03m", "2d 07h"]);
        let percents = [0.0, 0.000_003, 0.012, 0.999_96, 1.0].map(percent);
        assert_eq!(percents, ["0%", "0.0003%", "1.2%", "99.996%", "100%"]);
        assert_eq!([2.04, -0.01, -3.2].map(growth), ["+2.0%", "+0.0%", "-3.2%"]);
    }
}
