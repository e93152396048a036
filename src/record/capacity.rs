//! A search for the limit: what each step of it showed, and what it found.

use serde::{Deserialize, Serialize};

use crate::clock::Offset;
use crate::units::Rate;

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The rate.
    pub rate: Rate,
    /// When it began.
    pub from: Offset,
    /// When it ended; what was under way then ended within the rest after it.
    pub to: Offset,
    /// Arrivals that fell due.
    pub scheduled: u64,
    /// Those of them that did not end well.
    pub errors: u64,
    /// Arrivals that were answered in any way while it lasted, its first second left out, against those that fell due.
    pub achieved: f64,
    /// 95th percentile of the latency of requests that ended well, microseconds.
    pub p95_us: u64,
    /// 99th percentile of it.
    pub p99_us: u64,
    /// 95th percentile of the generator's own lateness, microseconds.
    pub late_us: u64,
    /// What gave way; `None` when it held.
    pub gave_way: Option<GaveWay>,
}

/// What gives way at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaveWay {
    /// Too many arrivals did not end well.
    Errors,
    /// They were answered more slowly than they came.
    Rate,
    /// Answers took too long.
    Latency,
    /// The load generator itself was late: what is found is its limit, not the target's.
    Generator,
}

impl GaveWay {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Rate => "answers came more slowly than arrivals",
            Self::Latency => "latency",
            Self::Generator => "the load generator itself",
        }
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The highest rate that held; `None` when not even the lowest did.
    pub rate: Option<Rate>,
    /// Whether it held twice more.
    pub confirmed: bool,
    /// The lowest rate above it that did not hold; `None` when every rate did.
    pub above: Option<Rate>,
    /// What gave way there.
    pub gave_way: Option<GaveWay>,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held = match self.gave_way {
            None => "held".to_owned(),
            Some(what) => format!("did not hold: {}", what.words()),
        };
        let (errors, scheduled) = (self.errors, self.scheduled);
        let (achieved, p99) = (self.achieved * 100.0, self.p99_us as f64 / 1000.0);
        write!(
            f,
            "{} {held} ({errors} of {scheduled} failed, {achieved:.0} % answered in time, p99 {p99:.1} ms)",
            self.rate
        )
    }
}

impl std::fmt::Display for Capacity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = self.gave_way.map_or("", GaveWay::words);
        match (self.rate, self.above) {
            (Some(rate), Some(above)) => {
                let twice = if self.confirmed { "confirmed twice" } else { "not confirmed" };
                write!(f, "the limit is {rate} ({twice}); at {above} {what} gave way first")
            }
            (Some(rate), None) => {
                write!(f, "the limit was not reached: every step up to {rate} held")
            }
            (None, Some(above)) => write!(f, "no step held: at {above} {what} gave way"),
            (None, None) => write!(f, "no step was tried"),
        }
    }
}
