//! Figures as people read them.

use std::time::Duration;

use crate::units::{Bytes, trim};

/// The unit a limit is judged in, and how its figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A fraction, written in percent.
    Share,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
    /// How many a second.
    Rate,
    /// A number without a unit.
    Number,
}

impl Unit {
    /// A figure with its unit: `0.42 %`, `312 ms`, `213.4 MiB`, `3`, `49.9/s`. Only the size is written, not the sign.
    pub(super) fn text(self, value: f64) -> String {
        let size = value.abs();
        match self {
            Self::Share => percent(size),
            Self::Seconds => duration(Duration::try_from_secs_f64(size).unwrap_or(Duration::MAX)),
            Self::Bytes => Bytes(size.round() as u64).human(),
            Self::Count => trim(size, 2),
            Self::Rate => format!("{}/s", figures(size)),
            Self::Number => figures(size),
        }
    }
}

/// A number to about four figures: `0.0123`, `0.938`, `49.97`, `12340`.
fn figures(number: f64) -> String {
    let digits = match number {
        n if n >= 1000.0 => 0,
        n if n >= 100.0 => 1,
        n if n >= 10.0 => 2,
        n if n >= 0.1 => 3,
        _ => 5,
    };
    trim(number, digits)
}

/// A fraction in percent: two decimals, four where it is small: `12.5 %`, `0.004 %`.
pub(super) fn percent(fraction: f64) -> String {
    let percent = fraction * 100.0;
    let digits = if percent != 0.0 && percent.abs() < 0.1 { 4 } else { 2 };
    format!("{} %", trim(percent, digits))
}

/// A duration, to about three figures: `312 ms`, `12.3 s`, `4m 12s`, `3h 05m`.
pub(super) fn duration(d: Duration) -> String {
    let s = d.as_secs_f64();
    // Each border lies where the finer form would round up to it.
    if d.is_zero() {
        "0 s".to_owned()
    } else if s < 0.000_999_5 {
        format!("{} us", d.as_micros())
    } else if s < 0.009_995 {
        format!("{} ms", trim(s * 1e3, 2))
    } else if s < 0.999_5 {
        format!("{} ms", trim(s * 1e3, 0))
    } else if s < 59.95 {
        format!("{} s", trim(s, if s < 9.995 { 2 } else { 1 }))
    } else if s < 3599.5 {
        let whole = s.round() as u64;
        format!("{}m {:02}s", whole / 60, whole % 60)
    } else {
        let minutes = (s / 60.0).round() as u64;
        format!("{}h {:02}m", minutes / 60, minutes % 60)
    }
}

/// `1 fault`, `3 faults`.
pub(super) fn many(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_their_size_and_lose_their_noise() {
        let ms = |n| duration(Duration::from_micros(n));
        assert_eq!(ms(0), "0 s");
        assert_eq!(ms(312), "312 us");
        assert_eq!(ms(9_500), "9.5 ms");
        assert_eq!(ms(312_400), "312 ms");
        assert_eq!(ms(999_700), "1 s");
        assert_eq!(ms(12_340_000), "12.3 s");
        assert_eq!(ms(59_990_000), "1m 00s");
        assert_eq!(ms(252_000_000), "4m 12s");
        assert_eq!(ms(3_599_700_000), "1h 00m");
        assert_eq!(ms(11_100_000_000), "3h 05m");
        assert_eq!(percent(0.0042), "0.42 %");
        assert_eq!(percent(0.000_04), "0.004 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(Unit::Bytes.text(-1024.0), "1.0 KiB");
        let numbers = [0.0, 0.012_34, 0.9376, 49.968, 12_340.4].map(|n| Unit::Number.text(n));
        assert_eq!(numbers, ["0", "0.01234", "0.938", "49.97", "12340"]);
        assert_eq!(Unit::Rate.text(500.0), "500/s");
        assert_eq!(many(1, "fault"), "1 fault");
        assert_eq!(many(0, "fault"), "0 faults");
    }
}
