//! How two runs compare.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Aspect, Digest, Figure, Metric, Tier, VerdictOutcome};
use crate::ids::RunId;
use crate::units::Percent;

/// How much worse a figure may become.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Warn beyond. For a metric compared by difference in percentage points.
    pub warn: Percent,
    /// Fail beyond.
    pub fail: Percent,
}

/// The metrics that are compared, and how much worse each may become. A metric without a line is not compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lines(pub BTreeMap<Metric, Line>);

impl Default for Lines {
    /// mean +10/+20 %, p95 +15/+25 %, memory +20/+50 %, throughput -5/-10 %, error rate +0.5/+1 percentage points.
    fn default() -> Self {
        let lines = [
            (Metric::Mean, 10.0, 20.0),
            (Metric::P95, 15.0, 25.0),
            (Metric::Throughput, 5.0, 10.0),
            (Metric::ErrorRate, 0.5, 1.0),
            (Metric::Memory, 20.0, 50.0),
        ];
        let line = |warn, fail| Line { warn: Percent::of(warn), fail: Percent::of(fail) };
        Self(lines.into_iter().map(|(metric, warn, fail)| (metric, line(warn, fail))).collect())
    }
}

/// How much equal runs of one version differ, measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many runs it was measured on.
    pub runs: u32,
    /// Per figure the standard deviation between runs: of its logarithm, or of the share itself.
    pub sigmas: Vec<(Figure, f64)>,
}

impl Spread {
    /// The figure's standard deviation between runs.
    pub fn of(&self, figure: &Figure) -> Option<f64> {
        self.sigmas.iter().find(|(f, _)| f == figure).map(|(_, sigma)| *sigma)
    }
}

/// By what rules two runs are compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// How much worse a figure may become.
    pub lines: Lines,
    /// Aspects in which the runs may differ all the same.
    pub accepted: Vec<Aspect>,
    /// How much equal runs differ, where that was measured.
    pub spread: Option<Spread>,
}

/// What a run is to be compared with when it is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// How it was called: a baseline's name, a file or a run.
    pub name: String,
    /// The other run.
    pub digest: Digest,
    /// By what rules.
    pub terms: Terms,
}

/// One of two runs that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedRun {
    /// How it was called: a baseline's name, a file or a run.
    pub name: String,
    /// Its id.
    pub run: RunId,
    /// The experiment's name.
    pub experiment: String,
    /// When it started.
    pub started: Timestamp,
    /// How it was judged.
    pub outcome: Option<VerdictOutcome>,
    /// longhaul's version.
    pub longhaul: String,
    /// The experiment's tags.
    pub tags: BTreeMap<String, String>,
    /// Image or program by service.
    pub versions: BTreeMap<String, String>,
}

/// A respect in which two runs are unlike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What kind of thing.
    pub aspect: Aspect,
    /// What: `profile`, `api replicas`.
    pub what: String,
    /// As it is in the first run; `None`: not there.
    pub a: Option<String>,
    /// As it is in the second run.
    pub b: Option<String>,
}

/// How much a figure changed from the first run to the second: as a fraction of the first (0.1: a tenth more), or,
/// for one compared by difference, as that difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The figure in the first run: the median over its windows (of a share: over all windows together).
    pub a: f64,
    /// The figure in the second run.
    pub b: f64,
    /// The change.
    pub change: f64,
    /// Lower bound of the change, 98 %.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// One figure, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    #[serde(flatten)]
    pub figure: Figure,
    /// `Fail`: worse beyond the fail line, and surely worse. `Warn`: likewise for the warn line. `Unknown`: not compared.
    pub tier: Tier,
    /// Whether it became better by more than the warn line, and surely better.
    pub better: bool,
    /// By how much; `None` when it could not be compared.
    pub change: Option<Change>,
    /// How much worse it may become.
    pub line: Line,
    /// Windows behind it, of either run.
    pub windows: (u32, u32),
    /// The run-to-run standard deviation that its bounds allow for.
    pub sigma: f64,
    /// Why it was not compared.
    pub note: Option<String>,
}

/// How a second run compares with a first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The first run: what is compared with.
    pub a: ComparedRun,
    /// The second run: what is compared.
    pub b: ComparedRun,
    /// What keeps them from being compared; then there are no findings.
    pub refused: Vec<Difference>,
    /// Differences that were accepted.
    pub accepted: Vec<Difference>,
    /// Runs that the spread between equal runs was measured on; `None`: an assumed spread.
    pub spread_runs: Option<u32>,
    /// Every figure.
    pub findings: Vec<Finding>,
}

impl Comparison {
    /// Findings of a tier.
    pub fn of_tier(&self, tier: Tier) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.tier == tier)
    }

    /// Whether any figure became worse beyond its fail line.
    pub fn regressed(&self) -> bool {
        self.of_tier(Tier::Fail).next().is_some()
    }

    /// Whether anything could be compared.
    pub fn compared(&self) -> bool {
        self.findings.iter().any(|f| f.change.is_some())
    }

    /// The worst tier of all; `Unknown` when nothing could be compared.
    pub fn tier(&self) -> Tier {
        if self.regressed() {
            Tier::Fail
        } else if !self.compared() {
            Tier::Unknown
        } else if self.of_tier(Tier::Warn).next().is_some() {
            Tier::Warn
        } else {
            Tier::Pass
        }
    }
}
