//! A figure over many runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Difference, Figure, VerdictOutcome};
use crate::ids::RunId;

/// One run of a trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// Which run.
    pub run: RunId,
    /// When it started.
    pub started: Timestamp,
    /// How it was judged.
    pub outcome: Option<VerdictOutcome>,
    /// The experiment's tags.
    pub tags: BTreeMap<String, String>,
    /// Image or program by service.
    pub versions: BTreeMap<String, String>,
    /// What changed of tags and versions since the run before it, in a few words; empty: nothing.
    pub changed: Vec<String>,
    /// The figure; `None` when it could not be measured.
    pub value: Option<f64>,
    /// What makes the run unlike the newest one: then it is shown and not counted.
    pub unlike: Vec<Difference>,
}

/// A run from which on the figure is another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrendChange {
    /// The first run with the new figure: index into the points.
    pub at: usize,
    /// The figure before: mean over the runs since the change before.
    pub before: f64,
    /// The figure from there on.
    pub after: f64,
    /// From `before` to `after`: as a fraction of `before`, or as a difference.
    pub change: f64,
}

/// What was found in a trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TrendFinding {
    /// Too few runs to tell.
    TooFew {
        /// Runs that count.
        runs: usize,
        /// Runs that are needed.
        needed: usize,
    },
    /// Where the figure changed; none: it stayed the same within its noise.
    Changes {
        /// In order of time.
        changes: Vec<TrendChange>,
        /// Where the next run of the newest version should lie, 95 %: from the runs since the last change; `None`
        /// with fewer than five of them.
        expected: Option<(f64, f64)>,
    },
}

/// A figure over the runs of one experiment, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// The experiment's name.
    pub experiment: String,
    /// The figure.
    #[serde(flatten)]
    pub figure: Figure,
    /// The runs.
    pub points: Vec<TrendPoint>,
    /// What was found.
    pub finding: TrendFinding,
}
