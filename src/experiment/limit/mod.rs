//! `limits:` what the target must hold, one file per family.
//!
//! Owns the entries' forms, what they measure ([`Measure`]), what it is held against ([`Bound`]) and over which part
//! of the run ([`Scope`]). In goes an entry; out come limits, one for each figure. What makes no sense together is a
//! problem, never passed over. Never measures anything.

mod achieved_rate;
mod apdex;
mod availability;
mod bound;
mod cpu;
mod error_budget;
mod error_rate;
mod latency;
mod load;
mod memory;
mod memory_growth;
mod reading;
mod recovery;
mod restarts;
mod scope;
mod throughput;

pub use bound::{Bound, BoundSide, Quantity};
pub use cpu::CpuBase;
pub use latency::LatencyFigure;
use load::LoadLimitForm;
pub use load::{Condition, LoadMeasure};
pub(super) use load::{LoadEntry, refuse};
pub use reading::Statistic;
pub use recovery::RecoveryClock;
pub use scope::Scope;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AbortWhen;
use super::source::{Context, Decode, Definitions, Lasting, Node, Placed, choice};
use super::steady_state::AbortForm;
use crate::units::{Percent, optional_duration_text};

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is measured.
    pub measure: Measure,
    /// What it is held against.
    pub bound: Bound,
    /// Which part of the run counts.
    pub scope: Scope,
    /// Judged over every window of this length instead of the whole; the worst counts.
    #[serde(with = "optional_duration_text")]
    pub window: Option<Duration>,
}

impl Limit {
    /// A limit over the whole profile.
    pub fn new(measure: Measure, bound: Bound) -> Self {
        Self { measure, bound, scope: Scope::Total, window: None }
    }
}

/// What a limit measures. A service or fault left out means each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Something of the load alone.
    Load(LoadMeasure),
    /// How much of the error budget is spent.
    BudgetSpent {
        /// The objective of availability.
        objective: Percent,
    },
    /// How many times as fast as would spend it over the profile the error budget burns.
    BurnRate {
        /// The objective of availability.
        objective: Percent,
    },
    /// Anonymous memory of an instance.
    Memory {
        /// Which figure.
        statistic: Statistic,
        /// Whose.
        service: Option<String>,
    },
    /// Growth of a service's mean memory from the first to the last judged ledger row.
    MemoryGrowth {
        /// Whose.
        service: Option<String>,
    },
    /// The same, bytes for every 1000 requests answered.
    MemoryPerRequests {
        /// Whose.
        service: Option<String>,
    },
    /// A service's memory at the end of the cool-down, beyond that before the load.
    MemoryBack {
        /// Whose.
        service: Option<String>,
    },
    /// CPU use of an instance.
    Cpu {
        /// Which figure.
        statistic: Statistic,
        /// Of what it is a share.
        of: CpuBase,
        /// Whose.
        service: Option<String>,
    },
    /// Starts that were not the first.
    Restarts {
        /// Only of this service; default: all together.
        service: Option<String>,
        /// Whether restarts that a fault of ours caused are left out.
        unless_injected: bool,
    },
    /// Time until the workload is back in its band after a fault, each time.
    Recovery {
        /// After which.
        fault: Option<String>,
        /// Where the clock starts.
        from: RecoveryClock,
    },
    /// The median of these times.
    MedianRecovery {
        /// After which; default: all together.
        fault: Option<String>,
        /// Where the clock starts.
        from: RecoveryClock,
    },
}

/// A window: a second to a week.
pub(super) type Window = Lasting<1_000, 604_800_000>;

/// What is given, as something else.
fn placed<T, U>(given: Option<Placed<T>>, map: impl FnOnce(T) -> U) -> Option<Placed<U>> {
    given.map(|given| Placed { value: map(given.value), span: given.span })
}

choice! {
    /// One limit, or what ends the run early.
    enum LimitForm {
        /// The error budget: what an objective of availability leaves to lose.
        ErrorBudget["error_budget"]: error_budget::ErrorBudget,
        /// Anonymous memory of each instance.
        Memory["memory"]: memory::Memory,
        /// Growth of memory from the first to the last judged ledger row.
        MemoryGrowth["memory_growth"]: memory_growth::MemoryGrowth,
        /// Whether memory comes back after the load.
        MemoryBack["memory_back"]: memory_growth::MemoryBack,
        /// CPU use of each instance.
        Cpu["cpu"]: cpu::Cpu,
        /// Starts that were not the first.
        Restarts["restarts"]: restarts::Restarts,
        /// Time until the workload is back in its band after a fault.
        Recovery["recovery"]: recovery::Recovery,
        /// Ends the run early, as failed, when it is breached over the last window.
        AbortWhen["abort_when"]: AbortForm,
    }
    also Load: LoadLimitForm
    later "leak"
}

/// What one entry of `limits` gives.
#[derive(Debug)]
pub(super) enum Entry {
    /// Limits: one for each figure.
    Limits(Vec<Limit>),
    /// What ends the run early.
    Abort(Vec<AbortWhen>),
}

impl Decode for Entry {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        Some(Self::Limits(match LimitForm::decode(node, cx)? {
            LimitForm::AbortWhen(entry) => return Some(Self::Abort(entry.0)),
            LimitForm::Load(form) => LoadEntry::from(*form).limits(),
            LimitForm::ErrorBudget(entry) => entry.0,
            LimitForm::Memory(entry) => entry.0,
            LimitForm::MemoryGrowth(entry) => entry.0,
            LimitForm::MemoryBack(entry) => entry.0,
            LimitForm::Cpu(entry) => entry.0,
            LimitForm::Restarts(entry) => vec![entry.0],
            LimitForm::Recovery(entry) => entry.0,
        }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        LimitForm::schema(defs)
    }
}
