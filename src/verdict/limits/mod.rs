//! The limits, one file each.

mod bound;
mod cpu;
mod drift;
mod error_budget;
mod in_words;
mod leak;
mod load;
mod longhaul;
mod median_recovery;
mod memory;
mod memory_back;
mod memory_growth;
mod probe;
mod readings;
mod recovery;
mod restarts;
mod scraped;

pub(super) use bound::Bound;
pub use in_words::LimitInWords;
pub(super) use load::{Feed, LiveMeter, Meter, Tally};

use super::case::Case;
use super::part;
use crate::experiment::{CpuBase, Limit, LoadMeasure, Measure, ProbeFigure, RecoveryClock};
use crate::record::{LimitResult, Side};
use crate::units;

/// Fewer arrivals than this carry no figure.
pub(super) const MIN_ARRIVALS: u64 = 30;

/// One limit's result, and whose lack it is if it could not be measured.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) result: LimitResult,
    pub(super) side: Side,
}

impl Judged {
    /// A limit on a run in which there was nothing to measure it on.
    fn never(limit: &Limit) -> Self {
        let why = "nothing was recorded that it could be measured on".to_owned();
        Self {
            result: Bound::of(&limit.bound).unknown(limit_name(limit), why),
            side: Side::Longhaul,
        }
    }
}

/// Every limit of the experiment, in its order, and after them the recovery limits of the faults themselves.
pub(super) fn results(case: &Case) -> Vec<Judged> {
    let mut all = Vec::new();
    for (i, limit) in case.experiment().limits.iter().enumerate() {
        match &limit.measure {
            Measure::Load(_) => {
                all.push(case.metered[i].clone().unwrap_or_else(|| Judged::never(limit)));
            }
            Measure::BudgetSpent { objective } => {
                all.push(error_budget::spent(case, limit, *objective));
            }
            Measure::BurnRate { objective } => {
                all.push(error_budget::burn_rate(case, limit, *objective));
            }
            Measure::Memory { statistic, service } => {
                all.extend(memory::results(case, limit, *statistic, service.as_deref()));
            }
            Measure::MemoryGrowth { service } | Measure::MemoryPerRequests { service } => {
                all.extend(memory_growth::results(case, limit, service.as_deref()));
            }
            Measure::MemoryBack { service } => {
                all.extend(memory_back::results(case, limit, service.as_deref()));
            }
            Measure::Leak { service, accepted } => {
                all.extend(leak::results(case, limit, service.as_deref(), *accepted));
            }
            Measure::Longhaul { figure } => all.push(longhaul::result(case, limit, *figure)),
            Measure::Cpu { statistic, of, service } => {
                all.extend(cpu::results(case, limit, *statistic, *of, service.as_deref()));
            }
            Measure::Scraped { statistic, service, metric } => {
                all.push(scraped::result(case, limit, *statistic, service, metric));
            }
            Measure::Drift { figure, step } => {
                all.push(drift::result(case, limit, *figure, step.as_deref()));
            }
            Measure::Restarts { service, unless_injected } => {
                all.push(restarts::result(case, limit, service.as_deref(), *unless_injected));
            }
            Measure::Probe { probe, figure } => {
                all.push(probe::result(case, limit, probe, *figure));
            }
            Measure::Recovery { fault, from } => {
                all.extend(recovery::results(case, limit, fault.as_deref(), *from));
            }
            Measure::MedianRecovery { fault, from } => {
                all.push(median_recovery::result(case, limit, fault.as_deref(), *from));
            }
        }
    }
    all.extend(recovery::own(case));
    all
}

/// A limit in words: `error_rate outside faults, worst 5m`.
fn limit_name(limit: &Limit) -> String {
    let name = name(&limit.measure) + &part::words(&limit.scope);
    match limit.window {
        Some(window) => format!("{name}, worst {}", units::duration(window)),
        None => name,
    }
}

/// The same for one of its services.
fn name_for(limit: &Limit, service: &str) -> String {
    let mut limit = limit.clone();
    if let Measure::Memory { service: of, .. }
    | Measure::MemoryGrowth { service: of }
    | Measure::MemoryPerRequests { service: of }
    | Measure::MemoryBack { service: of }
    | Measure::Leak { service: of, .. }
    | Measure::Cpu { service: of, .. } = &mut limit.measure
    {
        *of = Some(service.to_owned());
    }
    limit_name(&limit)
}

/// The services a limit is for: the one it names, or each that was sampled.
fn services<'a>(case: &Case<'a>, service: Option<&'a str>) -> Vec<&'a str> {
    service.map_or_else(|| case.services(), |service| vec![service])
}

fn name(measure: &Measure) -> String {
    let from = |clock: &RecoveryClock| match clock {
        RecoveryClock::End => "",
        RecoveryClock::Start => " from its start",
    };
    match measure {
        Measure::Load(measure) => load_name(measure),
        Measure::BudgetSpent { objective } => format!("error_budget {objective} spent"),
        Measure::BurnRate { objective } => format!("error_budget {objective} burn_rate"),
        Measure::Memory { statistic, service } => {
            format!("{} {}", of("memory", service.as_deref()), statistic.name())
        }
        Measure::MemoryGrowth { service } => of("memory_growth", service.as_deref()),
        Measure::MemoryPerRequests { service } => {
            of("memory_growth", service.as_deref()) + " per 1000 requests"
        }
        Measure::MemoryBack { service } => of("memory_back", service.as_deref()),
        Measure::Leak { service, .. } => of("leak", service.as_deref()),
        Measure::Longhaul { figure } => format!("longhaul {} per hour", figure.name()),
        Measure::Cpu { statistic, of: base, service } => {
            let base = match base {
                CpuBase::Core => "",
                CpuBase::Limit => " of its limit",
            };
            format!("{} {}{base}", of("cpu", service.as_deref()), statistic.name())
        }
        Measure::Scraped { statistic, service, metric } => {
            format!("scraped {service} {metric} {}", statistic.name())
        }
        Measure::Drift { figure, step } => of(&format!("drift {}", figure.name()), step.as_deref()),
        Measure::Restarts { service, unless_injected } => {
            let unless = if *unless_injected { " unless injected" } else { "" };
            of("restarts", service.as_deref()) + unless
        }
        Measure::Probe { probe, figure: ProbeFigure::Pace } => format!("progress {probe}"),
        Measure::Probe { probe, figure } => format!("probe {probe} {}", figure.name()),
        Measure::Recovery { fault, from: clock } => of("recovery", fault.as_deref()) + from(clock),
        Measure::MedianRecovery { fault, from: clock } => {
            format!("{} median{}", of("recovery", fault.as_deref()), from(clock))
        }
    }
}

/// A measure of the load in words: `latency p95 browse/item`.
fn load_name(measure: &LoadMeasure) -> String {
    let what = match measure {
        LoadMeasure::AchievedRate => "achieved_rate",
        LoadMeasure::Throughput { .. } => "throughput",
        LoadMeasure::ErrorRate { .. } => "error_rate",
        LoadMeasure::SuccessRate { .. } => "success_rate",
        LoadMeasure::Availability => "availability",
        LoadMeasure::Apdex { target, .. } => &format!("apdex {}", units::duration(*target)),
        LoadMeasure::Latency { figure, .. } => &format!("latency {}", figure.name()),
    };
    of(what, measure.step())
}

fn of(what: &str, whose: Option<&str>) -> String {
    match whose {
        Some(whose) => format!("{what} {whose}"),
        None => what.to_owned(),
    }
}
