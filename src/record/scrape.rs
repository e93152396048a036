//! Series that were scraped from the target's own metrics.

use serde::{Deserialize, Serialize};

use super::Subject;
use crate::clock::Offset;

/// How a scraped series behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScrapedKind {
    /// It goes up and down; also a metric without a type.
    Gauge,
    /// It only grows within a process's life.
    Counter,
}

/// A stretch of scrapes of one instance, as it travels to the store: one column for each series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scrapes {
    /// Whose.
    pub subject: Subject,
    /// When; one entry for each scrape.
    pub at: Vec<Offset>,
    /// The series.
    pub columns: Vec<ScrapedColumn>,
}

/// One series' part of [`Scrapes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrapedColumn {
    /// The metric's name with its labels, as scraped: `go_goroutines`, `jvm_memory_used_bytes{area="heap"}`.
    pub name: String,
    /// How it behaves.
    pub kind: ScrapedKind,
    /// One for each scrape, finite; `None` where the metric was missing.
    pub values: Vec<Option<f64>>,
}

/// The series that each probe has. A question that got no answer has no [`probe_series::VALUE`].
pub mod probe_series {
    /// The number that was read.
    pub const VALUE: &str = "value";
    /// How long the answer took, or for how long it was waited for in vain, seconds: one for each question.
    pub const SECONDS: &str = "seconds";
    /// 1 for a question that was not answered as it should be, else 0: one for each question.
    pub const FAILED: &str = "failed";
}

/// All scraped values of one series of one instance, in time order. A failed scrape is an absence of points.
/// Which process life a point belongs to, the samples of the same instance tell by their epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrapedSeries {
    /// Whose.
    pub subject: Subject,
    /// The metric's name with its labels, as scraped.
    pub name: String,
    /// How it behaves.
    pub kind: ScrapedKind,
    /// The values.
    pub points: Vec<(Offset, f64)>,
}

impl ScrapedSeries {
    /// The metric's name, without labels.
    pub fn metric(&self) -> &str {
        metric(&self.name)
    }
}

/// The metric's name in that of a series.
pub(super) fn metric(series: &str) -> &str {
    series.split('{').next().unwrap_or(series)
}

/// Words in the names of metrics that may tell why a process grows.
const TELLING: [&str; 16] = [
    "mem",
    "heap",
    "alloc",
    "resident",
    "rss",
    "gc",
    "goroutine",
    "thread",
    "fd",
    "conn",
    "pool",
    "queue",
    "cache",
    "buffer",
    "session",
    "pending",
];

/// Whether a metric by this name may tell why a process grows.
pub fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|word| name.contains(word))
}
