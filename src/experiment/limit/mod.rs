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
mod drift;
mod efficiency;
mod error_budget;
mod error_rate;
mod latency;
mod leak;
mod load;
mod longhaul;
mod memory;
mod memory_growth;
mod probe;
mod reading;
mod recovery;
mod restarts;
mod scope;
mod scraped;
mod throughput;

pub use bound::{Bound, BoundSide, Quantity};
pub use cpu::CpuBase;
pub use drift::DriftFigure;
pub use latency::LatencyFigure;
pub use leak::Accepted;
use load::LoadLimitForm;
pub use load::{Condition, LoadMeasure};
pub(super) use load::{LoadEntry, refuse};
pub use longhaul::OwnFigure;
pub use probe::ProbeFigure;
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
    /// Gauges of a service's instances that leak, or are not shown not to.
    Leak {
        /// Whose.
        service: Option<String>,
        /// Which verdicts hold.
        accepted: Accepted,
    },
    /// A gauge among a service's own metrics.
    Scraped {
        /// Which figure.
        statistic: Statistic,
        /// Whose.
        service: String,
        /// Its name: of one series, or of all that differ in their labels alone.
        metric: String,
    },
    /// How much worse a figure of the load is at the run's end than at its beginning.
    Drift {
        /// Which figure.
        figure: DriftFigure,
        /// Only this step, `scenario/step`; default: all together.
        step: Option<String>,
    },
    /// What longhaul itself uses more, per hour.
    Longhaul {
        /// Of what.
        figure: OwnFigure,
    },
    /// What a probe reads.
    Probe {
        /// Which probe.
        probe: String,
        /// Which figure of it.
        figure: ProbeFigure,
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
        /// Memory, descriptors and threads of each instance, judged for leaks.
        Leak["leak"]: leak::Leak,
        /// What longhaul itself uses more, per hour.
        Longhaul["longhaul"]: longhaul::Longhaul,
        /// CPU use of each instance.
        Cpu["cpu"]: cpu::Cpu,
        /// A gauge among the metrics that `sampling.scrape` asks a service for.
        Scraped["scraped"]: scraped::Scraped,
        /// Latency and throughput at the run's end against those at its beginning.
        Drift["drift"]: drift::Drift,
        /// Starts that were not the first.
        Restarts["restarts"]: restarts::Restarts,
        /// What a probe reads, and how long its answers take.
        Probe["probe"]: probe::ProbeLimits,
        /// How fast a probe's number grows.
        Progress["progress"]: probe::Progress,
        /// Time until the workload is back in its band after a fault.
        Recovery["recovery"]: recovery::Recovery,
        /// What each size of the sweep carries, against as many times what one instance alone carries.
        Efficiency["efficiency"]: efficiency::Efficiency,
        /// Ends the run early, as failed, when it is breached over the last window.
        AbortWhen["abort_when"]: AbortForm,
    }
    also Load: LoadLimitForm
}

/// What one entry of `limits` gives.
#[derive(Debug)]
pub(super) enum Entry {
    /// Limits: one for each figure.
    Limits(Vec<Limit>),
    /// What ends the run early.
    Abort(Vec<AbortWhen>),
    /// What the sweep as a whole must hold.
    Efficiency(Bound),
}

impl Decode for Entry {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        Some(Self::Limits(match LimitForm::decode(node, cx)? {
            LimitForm::AbortWhen(entry) => return Some(Self::Abort(entry.0)),
            LimitForm::Efficiency(entry) => return Some(Self::Efficiency(entry.0)),
            LimitForm::Load(form) => LoadEntry::from(*form).limits(),
            LimitForm::ErrorBudget(entry) => entry.0,
            LimitForm::Memory(entry) => entry.0,
            LimitForm::MemoryGrowth(entry) => entry.0,
            LimitForm::MemoryBack(entry) => entry.0,
            LimitForm::Leak(entry) => vec![entry.0],
            LimitForm::Longhaul(entry) => entry.0,
            LimitForm::Cpu(entry) => entry.0,
            LimitForm::Scraped(entry) => entry.0,
            LimitForm::Drift(entry) => entry.0,
            LimitForm::Restarts(entry) => vec![entry.0],
            LimitForm::Probe(entry) => entry.0,
            LimitForm::Progress(entry) => vec![entry.0],
            LimitForm::Recovery(entry) => entry.0,
        }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        LimitForm::schema(defs)
    }
}
