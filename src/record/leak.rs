//! How one gauge of one process was judged for leaks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Gauge, Victim};
use crate::clock::Offset;
use crate::units::{Bytes, trim};

/// What a gauge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaugeUnit {
    /// Memory or disk, in bytes.
    Bytes,
    /// Things: descriptors, threads, sockets.
    Count,
}

impl GaugeUnit {
    /// An amount for people: `2.1 MiB`, `-3.2`.
    pub fn amount(self, value: f64) -> String {
        let sign = if value < 0.0 { "-" } else { "" };
        match self {
            Self::Bytes if value.abs() < 100.0 => format!("{} B", trim(value, 1)),
            Self::Bytes => format!("{sign}{}", Bytes(value.abs().round() as u64).human()),
            Self::Count if value.abs() >= 100.0 => trim(value, 0),
            Self::Count => trim(value, 2),
        }
    }
}

/// What a series of readings says about a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakVerdict {
    /// It grows without bound, by every explanation that fits, and seems to have done so already in the first 85 % of the record.
    Leaking,
    /// It seems to grow, but the record is too short, still going on, or does not confirm it.
    Suspected,
    /// It rises and levels off, or may do so.
    Warming,
    /// By no explanation that fits does it grow faster than is allowed.
    Stable,
    /// The record can't tell. The reason says why, and how much longer it would have to be.
    Inconclusive,
}

impl LeakVerdict {
    /// The word of the file format, the JSON and the pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leaking => "leaking",
            Self::Suspected => "suspected",
            Self::Warming => "warming",
            Self::Stable => "stable",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl std::fmt::Display for LeakVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A figure with the range it lies in. The unit is that of the field that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The best estimate.
    pub value: f64,
    /// Not less than this (99 %).
    pub low: f64,
    /// Not more than this (99 %).
    pub high: f64,
}

/// Hours from the end of the record until the gauge reaches its limit. `None` is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HoursToLimit {
    /// By the best explanation.
    pub value: Option<f64>,
    /// At the highest slope that fits.
    pub low: Option<f64>,
    /// At the lowest slope that fits.
    pub high: Option<f64>,
}

impl std::fmt::Display for HoursToLimit {
    /// `in about 198 h (180 to 220)`, `never (180 at the earliest)`, `never`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |h: f64| trim(h, usize::from(h < 10.0));
        match (self.value, self.low) {
            (Some(value), Some(low)) => match self.high {
                Some(high) => {
                    write!(f, "in about {} h ({} to {})", text(value), text(low), text(high))
                }
                None => write!(f, "in about {} h ({} at the earliest)", text(value), text(low)),
            },
            (Some(value), None) => write!(f, "in about {} h", text(value)),
            (None, Some(low)) => write!(f, "never ({} h at the earliest)", text(low)),
            (None, None) => f.write_str("never"),
        }
    }
}

/// Where the growth began or the level moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// When.
    pub at: Offset,
    /// By how much the explanation with a change beats the best one without (difference of BIC; 6 is strong).
    pub gain: f64,
}

/// How a rival explanation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The best of all.
    Best,
    /// Fits about as well: the verdict must hold with it, too.
    Plausible,
    /// Ruled out.
    Lost,
}

/// One explanation of the readings: the best of its shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// The shape: `linear`, `saturating`, `step + linear`.
    pub shape: String,
    /// Its parameters in words: `time constant 1.2 h`; empty where it has none.
    pub parameters: String,
    /// Bayesian information criterion less that of the best.
    pub delta_bic: f64,
    /// The slope at the record's end, per hour.
    pub slope: Range,
    /// How it stands.
    pub standing: Standing,
    /// Why it stands so.
    pub why: String,
}

/// What the judgement rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// From the first to the last reading.
    pub span: Duration,
    /// Of that, judged: without faults, what follows them, starts and gaps.
    pub judged: Duration,
    /// Process lives that were judged.
    pub epochs: usize,
    /// Windows that were judged.
    pub windows: usize,
    /// Length of one window.
    pub window: Duration,
    /// Period of the saw-tooth, where there is one.
    pub sawtooth: Option<Duration>,
    /// Correlation of one window's deviation with the next one's under the best explanation, 0 to 1.
    pub autocorrelation: f64,
    /// The level in the first windows.
    pub level: f64,
}

/// What a chart of the judgement draws.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakCurves {
    /// The lower envelope: the windows' middles and lowest values. The fit sees only these.
    pub envelope: Vec<(Offset, f64)>,
    /// The best explanation at the envelope's times.
    pub best: Vec<f64>,
    /// The shape of the best explanation that says otherwise than the best (about sustained growth).
    pub rival_shape: Option<String>,
    /// That explanation at the envelope's times; empty if there is none.
    pub rival: Vec<f64>,
    /// Stretches that were left out because of faults.
    pub masked: Vec<(Offset, Offset)>,
}

/// A gauge, judged. Figures are in the gauge's own unit: bytes, or a number of things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakFinding {
    /// The unit of all its figures.
    pub unit: GaugeUnit,
    /// The verdict.
    pub verdict: LeakVerdict,
    /// Why, in one sentence.
    pub reason: String,
    /// Hours of undisturbed record still needed for a verdict; only where it can be told.
    pub hours_needed: Option<f64>,
    /// Growth per hour: the best explanation's, and the range over all that fit. `None` when nothing could be fitted.
    pub slope: Option<Range>,
    /// Growth per request.
    pub per_request: Option<f64>,
    /// Hours to the limit; `None` when there is no limit or nothing could be fitted.
    pub to_limit: Option<HoursToLimit>,
    /// Where it began, if the readings show a beginning.
    pub change_point: Option<ChangePoint>,
    /// The best explanation's shape.
    pub shape: Option<String>,
    /// The best explanation of each shape, best first.
    pub rivals: Vec<Rival>,
    /// What would change this verdict.
    pub would_change: String,
    /// What it rests on.
    pub basis: Basis,
    /// For the chart.
    pub curves: LeakCurves,
}

/// One gauge of longhaul itself, judged for growth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnGauge {
    /// Which.
    pub gauge: Gauge,
    /// How it was judged.
    pub finding: LeakFinding,
}

/// One gauge of one instance, judged for leaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakResult {
    /// Whose.
    pub instance: Victim,
    /// Which.
    pub gauge: Gauge,
    /// How it was judged.
    pub finding: LeakFinding,
}
