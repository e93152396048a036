//! Axes: from a range of values to positions and round ticks.

use std::time::Duration;

use super::super::figures;
use crate::units::{Bytes, trim};

/// What a chart's figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Unit {
    PerSecond,
    Count,
    /// Microseconds.
    Latency,
    Bytes,
    /// Percent of one core.
    Cpu,
    /// A fraction, written in percent.
    Share,
}

impl Unit {
    /// A value as text.
    pub(in crate::report) fn text(self, value: f64) -> String {
        match self {
            Self::PerSecond => figures::rate(value),
            Self::Count => figures::count(value.round() as u64),
            Self::Latency => figures::latency(value.round() as u64),
            Self::Bytes => Bytes(value as u64).human(),
            Self::Cpu => format!("{}%", trim(value, usize::from(value < 10.0))),
            Self::Share => figures::percent(value),
        }
    }

    fn tick_text(self, value: f64) -> String {
        match self {
            // A round number of a unit needs no decimal.
            Self::Bytes => self.text(value).replace(".0 ", " "),
            Self::Cpu => format!("{}%", trim(value, 2)),
            _ => self.text(value),
        }
    }

    /// For the page's script.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::PerSecond => "rate",
            Self::Count => "count",
            Self::Latency => "latency",
            Self::Bytes => "bytes",
            Self::Cpu => "cpu",
            Self::Share => "share",
        }
    }
}

/// A vertical axis.
pub(in crate::report) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) log: bool,
    /// Values and their texts, upwards.
    pub(in crate::report) ticks: Vec<(f64, String)>,
}

impl Scale {
    /// An axis for figures between `min` and `max`. Latencies that span more than a factor of 30 get a logarithmic one.
    pub(in crate::report) fn of(unit: Unit, min: f64, max: f64) -> Self {
        if unit == Unit::Latency && min > 0.0 && max / min > 30.0 {
            Self::logarithmic(unit, min, max)
        } else {
            Self::linear(unit, min, max)
        }
    }

    fn linear(unit: Unit, min: f64, max: f64) -> Self {
        let max = match max {
            max if max > 0.0 => max,
            _ if unit == Unit::Share => 0.01,
            _ => 1.0,
        };
        // Bytes may start above zero, so that growth shows; the span stays wide enough not to dramatise noise.
        let low = if unit == Unit::Bytes && min > 0.6 * max {
            (min - (max - min).max(0.08 * max)).max(0.0)
        } else {
            0.0
        };
        let whole = if unit == Unit::Count { 1.0 } else { 0.0 };
        let step = f64::max(nice_step(unit, max, (max * 1.04 - low) / 4.0), whole);
        let low = (low / step).floor() * step;
        let steps = ((max * 1.02 - low) / step).ceil().max(1.0);
        let ticks = (0..=steps as u32)
            .map(|n| low + f64::from(n) * step)
            .map(|v| (v, unit.tick_text(v)))
            .collect();
        Self { low, high: low + steps * step, log: false, ticks }
    }

    fn logarithmic(unit: Unit, min: f64, max: f64) -> Self {
        let marks: Vec<f64> = (-1..=10)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .collect();
        let low = marks.iter().copied().rfind(|m| *m <= min).unwrap_or(0.1);
        let high = marks.iter().copied().find(|m| *m >= max).unwrap_or(max);
        let every = (high / low).log10() <= 2.4;
        let ticks = marks
            .into_iter()
            .filter(|m| (low..=high).contains(m))
            .filter(|m| every || (m.log10() - m.log10().round()).abs() < 1e-9)
            .map(|m| (m, unit.tick_text(m)))
            .collect();
        Self { low, high, log: true, ticks }
    }

    /// Position of a value between `bottom` and `top`; values outside stick to the edge.
    pub(in crate::report) fn y(&self, value: f64, bottom: f64, top: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        bottom + share.clamp(0.0, 1.0) * (top - bottom)
    }
}

fn nice_step(unit: Unit, max: f64, rough: f64) -> f64 {
    let base = if unit == Unit::Bytes {
        1024_f64.powf((max.log2() / 10.0).floor().clamp(0.0, 4.0))
    } else {
        1.0
    };
    let scaled = (rough / base).max(1e-9);
    let power = 10_f64.powf(scaled.log10().floor());
    let digit = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|d| d * power >= scaled * 0.999);
    digit.unwrap_or(10.0) * power * base
}

const SPANS: [u64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200,
    86_400, 172_800, 604_800, 1_209_600,
];

/// The shortest round length of time of which at most `most` fill `whole`.
pub(in crate::report) fn nice_span(whole: Duration, most: u32) -> Duration {
    let least = whole.as_secs_f64() / f64::from(most.max(1));
    let fits = SPANS.into_iter().find(|s| *s as f64 >= least);
    Duration::from_secs(fits.unwrap_or_else(|| (least / 86_400.0).ceil() as u64 * 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(unit: Unit, min: f64, max: f64) -> Vec<String> {
        Scale::of(unit, min, max).ticks.into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_round_in_their_unit() {
        assert_eq!(texts(Unit::PerSecond, 0.0, 50.2), ["0/s", "20/s", "40/s", "60/s"]);
        assert_eq!(texts(Unit::Count, 0.0, 3.0), ["0", "1", "2", "3", "4"]);
        assert_eq!(texts(Unit::Cpu, 0.0, 0.7), ["0%", "0.2%", "0.4%", "0.6%", "0.8%"]);
        let mib = 1_048_576.0;
        assert_eq!(
            texts(Unit::Bytes, 2.0 * mib, 190.0 * mib),
            ["0 B", "50 MiB", "100 MiB", "150 MiB", "200 MiB"]
        );
        let narrow = texts(Unit::Bytes, 200.0 * mib, 213.0 * mib);
        assert!(narrow[0].ends_with("0 MiB") && narrow[0] != "0 B", "{narrow:?}");
        assert_eq!(
            texts(Unit::Latency, 900.0, 40_000.0),
            ["500 µs", "1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms"]
        );
        assert_eq!(texts(Unit::Latency, 90.0, 4e6), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
    }

    #[test]
    fn every_range_gives_finite_positions() {
        for unit in
            [Unit::PerSecond, Unit::Count, Unit::Latency, Unit::Bytes, Unit::Cpu, Unit::Share]
        {
            for (min, max) in [(0.0, 0.0), (1.0, 1.0), (1.0, 1e15), (5.0, 5.000_001)] {
                let scale = Scale::of(unit, min, max);
                assert!(scale.high > scale.low && scale.ticks.len() >= 2, "{unit:?} {min} {max}");
                for v in [min, max, 0.0, -1.0] {
                    assert!((0.0..=100.0).contains(&scale.y(v, 100.0, 0.0)));
                }
            }
        }
    }

    #[test]
    fn time_is_cut_into_round_lengths() {
        let span = |secs, most| nice_span(Duration::from_secs(secs), most).as_secs();
        assert_eq!(
            [span(120, 8), span(3600, 10), span(86_400, 12), span(60, 100)],
            [15, 600, 7200, 1]
        );
        assert_eq!(span(400 * 86_400, 10), 40 * 86_400);
    }
}
