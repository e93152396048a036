//! `limits:`, `steady_state:` and `abort_when:` what the target must hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Percent, duration_text, optional_duration_text};

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is bounded.
    #[serde(flatten)]
    pub kind: LimitKind,
    /// Judged over every window of this length instead of the whole profile; the worst counts.
    #[serde(with = "optional_duration_text")]
    pub window: Option<Duration>,
}

/// The kinds of limits. `warn` is the stricter tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    AchievedRate {
        /// At least.
        min: Percent,
        /// Warn below.
        warn: Option<Percent>,
    },
    /// Arrivals that ended badly among those that ended.
    ErrorRate {
        /// At most.
        max: Percent,
        /// Warn above.
        warn: Option<Percent>,
        /// Which part of the profile.
        scope: Scope,
    },
    /// Latency of requests that ended well.
    Latency {
        /// Which figure.
        figure: LatencyFigure,
        /// At most.
        #[serde(with = "duration_text")]
        max: Duration,
        /// Warn above.
        #[serde(with = "optional_duration_text")]
        warn: Option<Duration>,
        /// Only this step, `scenario/step`; default: all.
        step: Option<String>,
    },
    /// Highest anonymous memory of an instance.
    MemoryMax {
        /// Only this service; default: each.
        service: Option<String>,
        /// At most.
        max: Bytes,
        /// Warn above.
        warn: Option<Bytes>,
    },
    /// Mean anonymous memory of an instance.
    MemoryMean {
        /// Only this service; default: each.
        service: Option<String>,
        /// At most.
        max: Bytes,
        /// Warn above.
        warn: Option<Bytes>,
    },
    /// Growth of a service's mean memory from the first to the last judged ledger row.
    MemoryGrowth {
        /// Only this service; default: each.
        service: Option<String>,
        /// At most.
        max: Percent,
        /// Warn above.
        warn: Option<Percent>,
    },
    /// Starts that were not the first.
    Restarts {
        /// Only this service; default: all together.
        service: Option<String>,
        /// At most.
        max: u32,
        /// Whether restarts that a fault of ours caused are left out.
        unless_injected: bool,
    },
    /// Time from a fault's end until the workload is back in its band.
    Recovery {
        /// Only this fault; default: each.
        fault: Option<String>,
        /// At most.
        #[serde(with = "duration_text")]
        max: Duration,
        /// Warn above.
        #[serde(with = "optional_duration_text")]
        warn: Option<Duration>,
    },
}

/// A figure of a latency distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's")]
pub enum LatencyFigure {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
    Mean,
}

/// Which part of the profile a limit looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of it.
    #[default]
    Total,
    /// Without the windows of faults and their recovery.
    OutsideFaults,
}

/// What must hold before the first fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    /// For how long, at the start of the profile.
    #[serde(rename = "for", with = "duration_text")]
    pub lasts: Duration,
    /// What. Only `achieved_rate`, `error_rate` and `latency`.
    pub require: Vec<LimitKind>,
}

/// What ends the run early, as failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortWhen {
    /// A limit that is breached. Only `achieved_rate`, `error_rate` and `latency`.
    pub breached: LimitKind,
    /// Over the last so long.
    #[serde(with = "duration_text")]
    pub window: Duration,
}
