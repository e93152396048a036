//! A sweep: which runs belong to it, what each size carries, and how that was judged.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LimitResult, VerdictOutcome};
use crate::experiment::Sweep;
use crate::ids::{RunId, SweepId};

/// A run's place in a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPart {
    /// The sweep.
    pub id: SweepId,
    /// The service that it is over.
    pub service: String,
    /// How many of it the run has.
    pub size: u32,
}

impl fmt::Display for SweepPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.service, self.size)
    }
}

/// A figure, or the side of it that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimate {
    /// The figure.
    Exactly(f64),
    /// It is this or more.
    AtLeast(f64),
    /// It is this or less.
    AtMost(f64),
}

impl Estimate {
    /// What is known of it.
    pub fn value(self) -> f64 {
        match self {
            Self::Exactly(value) | Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }

    /// What goes before the value in a sentence: nothing, `at least ` or `at most `.
    pub fn words(self) -> &'static str {
        match self {
            Self::Exactly(_) => "",
            Self::AtLeast(_) => "at least ",
            Self::AtMost(_) => "at most ",
        }
    }
}

/// What a rate was measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSource {
    /// The search at the profile's end: the highest rate that held.
    Limit,
    /// Arrivals that ended well, per second of the profile.
    Throughput,
}

impl RateSource {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Limit => "the limit that `steps` found",
            Self::Throughput => "throughput: arrivals that ended well, per second of the profile",
        }
    }
}

/// The rate that a run carried.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRate {
    /// Arrivals per second.
    pub rate: Estimate,
    /// What it was measured by.
    pub source: RateSource,
    /// How it came about, in words.
    pub note: String,
}

/// One size of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRun {
    /// How many instances.
    pub size: u32,
    /// Its run; `None` when there is none.
    pub run: Option<RunId>,
    /// How the run was judged: its outcome, exit code and headline.
    pub judged: Option<(VerdictOutcome, u8, String)>,
    /// What it carried.
    pub rate: Option<MeasuredRate>,
    /// `rate_n / (n x rate_1)`, a fraction; `None` where a rate is missing, or nothing follows from those there are.
    pub efficiency: Option<Estimate>,
    /// Why there is no rate, or no efficiency.
    pub why_not: Option<String>,
}

/// A sweep, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepVerdict {
    /// Which.
    pub id: SweepId,
    /// The experiment's name.
    pub experiment: String,
    /// When its first run started.
    pub started: Timestamp,
    /// What was asked for.
    pub sweep: Sweep,
    /// The outcome: the worst of the runs' and of its own.
    pub outcome: VerdictOutcome,
    /// The process exit code that goes with it.
    pub exit_code: u8,
    /// One sentence for people.
    pub headline: String,
    /// Why, most important first.
    pub reasons: Vec<String>,
    /// Its limit, judged at each size but 1; empty without one.
    pub limits: Vec<LimitResult>,
    /// Every size, in the order asked for.
    pub runs: Vec<SweepRun>,
}
