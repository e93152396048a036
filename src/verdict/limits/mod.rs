//! The limits, one file each.

mod achieved_rate;
mod bound;
mod error_rate;
mod latency;
mod memory;
mod memory_growth;
mod recovery;
mod restarts;
mod window;

pub(super) use bound::Bound;
pub(super) use latency::{Meter, pick_step, result as latency_result, step_index};

use super::case::Case;
use crate::experiment::{LimitKind, Scope};
use crate::record::{LimitResult, Side};

/// Fewer arrivals than this carry no figure.
pub(super) const MIN_ARRIVALS: u64 = 30;

/// One limit's result, and whose lack it is if it could not be measured.
pub(super) struct Judged {
    pub(super) result: LimitResult,
    pub(super) side: Side,
}

impl Judged {
    /// A limit on a run in which there was nothing to measure it on.
    fn never(kind: &LimitKind, name: String) -> Self {
        let why = "nothing was recorded that it could be measured on".to_owned();
        Self { result: Bound::of(kind).unknown(name, why), side: Side::Longhaul }
    }
}

/// Every limit of the experiment, in its order, and after them the recovery limits of the faults themselves.
pub(super) fn results(case: &Case) -> Vec<Judged> {
    let mut all = Vec::new();
    for (i, limit) in case.experiment().limits.iter().enumerate() {
        match &limit.kind {
            LimitKind::AchievedRate { .. } => all.push(achieved_rate::result(case, limit)),
            LimitKind::ErrorRate { scope, .. } => all.push(error_rate::result(case, limit, *scope)),
            LimitKind::Latency { .. } => all.push(latency::judged(case, i, limit)),
            LimitKind::MemoryMax { service, .. } => {
                all.extend(memory::results(case, limit, service.as_deref(), memory::Figure::Max));
            }
            LimitKind::MemoryMean { service, .. } => {
                all.extend(memory::results(case, limit, service.as_deref(), memory::Figure::Mean));
            }
            LimitKind::MemoryGrowth { service, .. } => {
                all.extend(memory_growth::results(case, limit, service.as_deref()));
            }
            LimitKind::Restarts { service, unless_injected, .. } => {
                all.push(restarts::result(case, limit, service.as_deref(), *unless_injected));
            }
            LimitKind::Recovery { fault, .. } => {
                all.extend(recovery::results(case, limit, fault.as_deref()));
            }
        }
    }
    all.extend(recovery::own(case));
    all
}

/// A limit in words: `error_rate outside faults`.
pub(super) fn name(kind: &LimitKind) -> String {
    let of = |what: &str, whose: Option<&String>| match whose {
        Some(whose) => format!("{what} {whose}"),
        None => what.to_owned(),
    };
    match kind {
        LimitKind::AchievedRate { .. } => "achieved_rate".to_owned(),
        LimitKind::ErrorRate { scope: Scope::Total, .. } => "error_rate".to_owned(),
        LimitKind::ErrorRate { scope: Scope::OutsideFaults, .. } => {
            "error_rate outside faults".to_owned()
        }
        LimitKind::Latency { figure, step, .. } => {
            of(&format!("latency {}", latency::figure_name(*figure)), step.as_ref())
        }
        LimitKind::MemoryMax { service, .. } => format!("{} max", of("memory", service.as_ref())),
        LimitKind::MemoryMean { service, .. } => format!("{} mean", of("memory", service.as_ref())),
        LimitKind::MemoryGrowth { service, .. } => of("memory_growth", service.as_ref()),
        LimitKind::Restarts { service, .. } => of("restarts", service.as_ref()),
        LimitKind::Recovery { fault, .. } => of("recovery", fault.as_ref()),
    }
}
