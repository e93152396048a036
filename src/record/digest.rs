//! A run in short: figures per window, and everything that decides what it may be compared with.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Figure, Metric, VerdictOutcome};
use crate::ids::RunId;
use crate::units::duration_text;

/// A run in short. All a comparison needs, and small: about 30 kB for a night with five steps.
///
/// Only undisturbed moments of the judged phase count: seconds that a fault or its recovery touched are left out,
/// and of a window that keeps less than half of its length no figure is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// Which run.
    pub run: RunId,
    /// The experiment's name.
    pub experiment: String,
    /// When it started.
    pub started: Timestamp,
    /// How it was judged; `None` before it was.
    pub outcome: Option<VerdictOutcome>,
    /// longhaul's version.
    pub longhaul: String,
    /// The experiment's tags.
    pub tags: BTreeMap<String, String>,
    /// Image digest or id, or program, by service.
    pub versions: BTreeMap<String, String>,
    /// What must be alike in runs that are compared.
    pub conditions: BTreeMap<Aspect, BTreeMap<String, String>>,
    /// Length of a window.
    #[serde(with = "duration_text")]
    pub window: Duration,
    /// Undisturbed seconds of each window of the judged phase, in order.
    pub clear_s: Vec<f64>,
    /// Load: all steps together first, then each step.
    pub load: Vec<LoadDigest>,
    /// Services, by name.
    pub services: Vec<ServiceDigest>,
}

/// Load per window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadDigest {
    /// The step, `scenario/step`; `None`: arrivals, and the latency of all steps together.
    pub step: Option<String>,
    /// How many ended.
    pub ended: Vec<u64>,
    /// How many of them otherwise than well.
    pub errors: Vec<u64>,
    /// Mean latency, microseconds; `None` where too few ended well.
    pub mean_us: Vec<Option<f64>>,
    /// Median.
    pub p50_us: Vec<Option<u64>>,
    /// 95th percentile.
    pub p95_us: Vec<Option<u64>>,
    /// 99th percentile.
    pub p99_us: Vec<Option<u64>>,
}

/// One service per window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceDigest {
    /// Its name.
    pub service: String,
    /// Mean anonymous memory of all instances together, bytes.
    pub memory: Vec<Option<u64>>,
    /// CPU in percent of one core.
    pub cpu_percent: Vec<Option<f64>>,
    /// Open descriptors, highest of any instance.
    pub descriptors: Vec<Option<u64>>,
    /// Threads, highest of any instance.
    pub threads: Vec<Option<u64>>,
}

/// Why runs may be unlike: the kinds of things that must be alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Shape, rate and limits of the load.
    Load,
    /// What arrives, in what mix.
    Scenarios,
    /// How long the judged phase was.
    Length,
    /// What hurts the target, and how often.
    Faults,
    /// Kind of target, services and replicas.
    Target,
    /// Memory and CPU that containers may use.
    Resources,
    /// How often memory and CPU are read.
    Sampling,
    /// CPU and memory of the machine.
    Machine,
    /// Whether the run's figures can carry a verdict at all.
    Outcome,
}

impl Aspect {
    /// Every aspect, in the order in which differences are told.
    pub const ALL: [Self; 9] = [
        Self::Load,
        Self::Scenarios,
        Self::Length,
        Self::Faults,
        Self::Target,
        Self::Resources,
        Self::Sampling,
        Self::Machine,
        Self::Outcome,
    ];

    /// Its name, as in commands and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Scenarios => "scenarios",
            Self::Length => "length",
            Self::Faults => "faults",
            Self::Target => "target",
            Self::Resources => "resources",
            Self::Sampling => "sampling",
            Self::Machine => "machine",
            Self::Outcome => "outcome",
        }
    }

    /// What a comparison that accepts a difference in this aspect still says; `None`: nothing honest.
    pub fn accepted_means(self) -> Option<&'static str> {
        match self {
            Self::Load | Self::Scenarios => None,
            Self::Length => Some("only the stretch that both runs have is compared"),
            Self::Faults => Some("undisturbed windows are compared, after different faults"),
            Self::Target => Some("the two targets as a whole are compared"),
            Self::Resources => {
                Some("the targets with their different resources are compared as a whole")
            }
            Self::Sampling => Some("memory and CPU are compared although they were read otherwise"),
            Self::Machine => Some("targets and machines are compared together"),
            Self::Outcome => {
                Some("figures are compared that could not carry a verdict of their own")
            }
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Aspect {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(aspect) = Self::ALL.into_iter().find(|a| a.name() == text) else {
            let can = Self::ALL.into_iter().filter(|a| a.accepted_means().is_some());
            let names: Vec<&str> = can.map(Self::name).collect();
            return Err(format!("write one of {}", names.join(", ")));
        };
        match aspect.accepted_means() {
            Some(_) => Ok(aspect),
            None => Err(format!(
                "a difference in {text} can't be accepted: figures under another load say nothing about the target"
            )),
        }
    }
}

impl Digest {
    /// The figures that there are, in the order of [`Metric::ALL`]: all steps first, then each step or service.
    pub fn figures(&self) -> Vec<Figure> {
        let of = |metric: Metric| -> Vec<Option<String>> {
            if metric.per_service() {
                self.services.iter().map(|s| Some(s.service.clone())).collect()
            } else {
                self.load.iter().map(|l| l.step.clone()).collect()
            }
        };
        Metric::ALL
            .into_iter()
            .flat_map(|metric| of(metric).into_iter().map(move |of| Figure { metric, of }))
            .collect()
    }

    /// A figure per window; `None` where it could not be measured. Empty when the run has no such figure.
    pub fn values(&self, figure: &Figure) -> Vec<Option<f64>> {
        let whole = |values: &[Option<u64>]| values.iter().map(|v| v.map(|v| v as f64)).collect();
        if figure.metric.per_service() {
            let mut services = self.services.iter();
            let service = services.find(|s| Some(&s.service) == figure.of.as_ref());
            return service.map_or_else(Vec::new, |s| match figure.metric {
                Metric::Memory => whole(&s.memory),
                Metric::Cpu => s.cpu_percent.clone(),
                Metric::Descriptors => whole(&s.descriptors),
                _ => whole(&s.threads),
            });
        }
        let Some(load) = self.load.iter().find(|l| l.step == figure.of) else { return Vec::new() };
        match figure.metric {
            Metric::Mean => load.mean_us.clone(),
            Metric::P50 => whole(&load.p50_us),
            Metric::P95 => whole(&load.p95_us),
            Metric::P99 => whole(&load.p99_us),
            Metric::Throughput => self
                .counts(figure)
                .iter()
                .zip(&self.clear_s)
                .map(|(c, s)| c.map(|(errors, ended)| (ended - errors) as f64 / s))
                .collect(),
            _ => self
                .counts(figure)
                .iter()
                .map(|c| c.filter(|c| c.1 > 0).map(|(errors, ended)| errors as f64 / ended as f64))
                .collect(),
        }
    }

    /// Whether every column has as many windows as the first and holds what a run can have: a digest may come from
    /// a file.
    pub fn is_sound(&self) -> bool {
        let n = self.clear_s.len();
        let load = self.load.iter().all(|l| {
            let lengths = [l.ended.len(), l.errors.len(), l.mean_us.len(), l.p50_us.len()];
            lengths.into_iter().chain([l.p95_us.len(), l.p99_us.len()]).all(|m| m == n)
                && l.errors.iter().zip(&l.ended).all(|(errors, ended)| errors <= ended)
        });
        let services = self.services.iter().all(|s| {
            [s.memory.len(), s.cpu_percent.len(), s.descriptors.len(), s.threads.len()]
                .into_iter()
                .all(|m| m == n)
        });
        let clear = |s: &f64| s.is_finite() && *s >= 0.0;
        load && services && self.clear_s.iter().all(clear) && !self.window.is_zero()
    }

    /// Errors and ended per window behind a figure of the load; `None` for a window that counts for nothing.
    pub fn counts(&self, figure: &Figure) -> Vec<Option<(u64, u64)>> {
        let Some(load) = self.load.iter().find(|l| l.step == figure.of) else { return Vec::new() };
        let counts = load.errors.iter().copied().zip(load.ended.iter().copied());
        counts
            .zip(&self.clear_s)
            .map(|(c, clear)| (*clear >= self.window.as_secs_f64() / 2.0).then_some(c))
            .collect()
    }
}
