//! How a run was judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Comparison, Counts, InstanceClues, LeakResult, LedgerRow, OwnGauge};
use crate::clock::Offset;
use crate::ids::FaultId;
use crate::units::Percent;

/// One limit's tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Held.
    Pass,
    /// Past the `warn` value.
    Warn,
    /// Could not be measured.
    Unknown,
    /// Past the limit.
    Fail,
}

/// The run's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// Every limit held.
    Passed,
    /// Every limit held, some past their `warn` value.
    Warned,
    /// A limit was breached.
    Failed,
    /// The figures can't carry a verdict.
    Inconclusive,
    /// Stopped by a person or a signal before the end.
    Aborted,
    /// Could not be carried out.
    Errored,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The system under test.
    Target,
    /// Host, engine, network.
    Environment,
    /// longhaul itself.
    Longhaul,
}

/// One limit, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitResult {
    /// The limit in words: `error_rate outside faults`, `memory api max`.
    pub name: String,
    /// The bound as written: `<= 1%`.
    pub bound: String,
    /// The `warn` bound as written.
    pub warn: Option<String>,
    /// What was measured, with its unit; `not measured` when unknown.
    pub measured: String,
    /// Distance to the bound in its unit, signed: positive is inside. `None` when unknown.
    pub margin: Option<String>,
    /// The tier.
    pub tier: Tier,
    /// The bound, the measured value: in the limit's base unit (fraction, seconds, bytes, count).
    pub bound_value: f64,
    /// See `bound_value`.
    pub measured_value: Option<f64>,
    /// The worst window, for a limit with one.
    pub window: Option<(Offset, Offset)>,
    /// What else to know: why unknown, which service or fault.
    pub note: Option<String>,
}

/// When the target was itself again after a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "recovery")]
pub enum Recovery {
    /// Back in its band.
    Recovered {
        /// From the fault's end.
        from_end: Duration,
        /// From the fault's start.
        from_start: Duration,
    },
    /// Never left its band.
    Unaffected,
    /// Not back before the next fault or the end of the load (censored: at least this long).
    NotRecovered {
        /// Watched for so long after the fault's end.
        watched: Duration,
    },
    /// No band to measure against: too little undisturbed time before the fault.
    NoBaseline {
        /// Why.
        reason: String,
    },
}

/// One fault, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultResult {
    /// Which.
    pub id: FaultId,
    /// What was done, in words: `kill api#2 with SIGKILL`.
    pub what: String,
    /// When it was planned, as an offset of the run; `None` when the load profile never started.
    pub planned_at: Option<Offset>,
    /// When it was injected.
    pub injected_at: Option<Offset>,
    /// When it was healed.
    pub healed_at: Option<Offset>,
    /// Whether it was seen to be in force and seen to be undone.
    pub verified: bool,
    /// How it ended, in words.
    pub ending: String,
    /// Arrivals that ended between its start and its recovery (or the end of watching).
    pub impact: Counts,
    /// From injection to the first error.
    pub first_error: Option<Duration>,
    /// Highest p99 of one second in that time, microseconds.
    pub worst_p99_us: Option<u64>,
    /// From fault end until every victim was running (and healthy, where it has a health check).
    pub healthy_after: Option<Duration>,
    /// Recovery of the workload.
    pub recovery: Recovery,
}

/// Median and largest of some times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Median; of an even number the longer of the two in the middle.
    pub median: Duration,
    /// The longest.
    pub max: Duration,
}

/// The recoveries from all faults of one entry of the file. Censored ones are counted, never averaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recoveries {
    /// Name of the entry.
    pub fault: String,
    /// How many faults of it were injected.
    pub injected: u32,
    /// Of these: the workload never left its band. Their recovery took no time.
    pub unaffected: u32,
    /// It left its band and came back.
    pub recovered: u32,
    /// It was not back before the next fault or the end of the load.
    pub censored: u32,
    /// There was no band to measure against.
    pub no_baseline: u32,
    /// From the fault's end until the workload was back; `None` when it never was.
    pub from_end: Option<Times>,
    /// From the fault's start.
    pub from_start: Option<Times>,
    /// From the injection to the first error, where there was one.
    pub first_error: Option<Times>,
}

/// What an objective of availability leaves to lose, and where it went. Counts are arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBudget {
    /// The objective.
    pub objective: Percent,
    /// What may be lost in the whole profile, as it was planned.
    pub allowed: f64,
    /// What was lost.
    pub spent: u64,
    /// Of that, outside faults and recovery.
    pub outside_faults: u64,
    /// While a fault was in force.
    pub during_faults: u64,
    /// Between a fault's end and recovery.
    pub recovering: u64,
    /// Per fault that was injected, by start: from its start to recovery. Where faults overlap, what was lost counts for each.
    pub faults: Vec<(FaultId, u64)>,
    /// Per ledger row: how many times as fast as would spend the budget over the profile. `None` when nothing fell due.
    pub burn_rates: Vec<Option<f64>>,
}

/// ok / scheduled, split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// Over the whole profile, 0 to 1.
    pub total: Option<f64>,
    /// Outside faults and recovery.
    pub outside_faults: Option<f64>,
    /// While a fault was in force.
    pub during_faults: Option<f64>,
    /// Between a fault's end and recovery.
    pub recovering: Option<f64>,
}

/// The judgement of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The outcome.
    pub outcome: VerdictOutcome,
    /// The process exit code that goes with it.
    pub exit_code: u8,
    /// One sentence for people.
    pub headline: String,
    /// Whose fault, for anything but a pass.
    pub side: Option<Side>,
    /// Why, with evidence, most important first.
    pub reasons: Vec<String>,
    /// Every limit.
    pub limits: Vec<LimitResult>,
    /// Every planned fault.
    pub faults: Vec<FaultResult>,
    /// How it compares with its baseline, if it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Box<Comparison>>,
    /// The ledger, computed from the records.
    pub ledger: Vec<LedgerRow>,
    /// Arrivals of the judged phase.
    pub totals: Counts,
    /// Availability of the judged phase.
    pub availability: Availability,
    /// Every gauge of every instance that was judged for leaks, ordered by instance and gauge.
    #[serde(default)]
    pub leaks: Vec<LeakResult>,
    /// Every gauge of longhaul itself.
    #[serde(default)]
    pub own: Vec<OwnGauge>,
    /// Where to look first, for each instance of which anything is to be said.
    #[serde(default)]
    pub clues: Vec<InstanceClues>,
    /// Recoveries by entry of the file, in its order.
    #[serde(default)]
    pub recoveries: Vec<Recoveries>,
    /// The error budget, when the experiment states an objective.
    #[serde(default)]
    pub error_budget: Option<ErrorBudget>,
}
