//! A run as a whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Against, Event, Evidence, HistogramRow, LedgerRow, PlannedFault, ScrapedSeries, Series,
    SliceRow, SweepPart, Verdict,
};
use crate::clock::Offset;
use crate::experiment::Experiment;
use crate::ids::RunId;

/// The phases of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The schedule is resolved; nothing was touched.
    Planned,
    /// The target is coming up.
    Preparing,
    /// Load ramps up; not judged.
    Warming,
    /// The load profile; judged.
    Holding,
    /// No load; sampling goes on.
    Cooling,
    /// Every open fault is being undone.
    Healing,
    /// The records are being judged.
    Judging,
    /// Over.
    Finished,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Under way, or killed without a trace: `cleanup` tells the two apart.
    Running,
    /// Judged; see the verdict.
    Finished,
    /// Ended without longhaul having had a chance to finish it.
    Interrupted,
}

/// When a phase began. It lasts until the next mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseMark {
    /// Which.
    pub phase: Phase,
    /// When.
    pub at: Offset,
}

/// Where the figures come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// longhaul's version.
    pub longhaul: String,
    /// The machine's name.
    pub host: String,
    /// Operating system and kernel.
    pub kernel: String,
    /// CPU count and model.
    pub cpu: String,
    /// Memory, bytes.
    pub memory: u64,
    /// Docker engine version, API version, cgroup version; `None` without an engine.
    pub engine: Option<String>,
    /// Image digest or id per service.
    pub images: BTreeMap<String, String>,
    /// Memory and CPU that a container of each service may use; absent where it may use all.
    #[serde(default)]
    pub resources: BTreeMap<String, String>,
    /// SHA-256 of the experiment file, in hex.
    pub experiment_sha256: String,
}

/// A run's fixed facts: known when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Wall-clock time of offset zero.
    pub anchor: Timestamp,
    /// What was asked for, with all defaults filled in.
    pub experiment: Experiment,
    /// The faults, resolved.
    pub faults: Vec<PlannedFault>,
    /// What it is to be compared with when it is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Box<Against>>,
    /// Which sweep it is a part of, and which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepPart>,
    /// Where it ran.
    pub provenance: Provenance,
    /// How it stands.
    pub status: RunStatus,
    /// How it was judged.
    pub verdict: Option<Verdict>,
}

/// Everything that was recorded of a run: what `verdict` judges and `report` draws.
#[derive(Clone, Debug)]
pub struct RunData {
    /// The fixed facts.
    pub run: RunRecord,
    /// One row a second, in time order.
    pub slices: Vec<SliceRow>,
    /// Latencies per step, in time order.
    pub histograms: Vec<HistogramRow>,
    /// Readings, one series per subject, ordered by subject.
    pub series: Vec<Series>,
    /// Events, in time order.
    pub events: Vec<Event>,
    /// The ledger as it was written during the run.
    pub ledger: Vec<LedgerRow>,
    /// What was captured of the target, in the order of time, then of instances.
    pub evidence: Vec<Evidence>,
    /// Series scraped from the target's metrics, ordered by subject and name.
    pub scraped: Vec<ScrapedSeries>,
}

impl RunData {
    /// When a phase began and ended: `None` if it was never entered; open ends close at the last record. A gap is the
    /// lack of one.
    pub fn phase(&self, phase: Phase) -> Option<(Offset, Offset)> {
        let marks: Vec<PhaseMark> = self
            .events
            .iter()
            .filter_map(|e| match e.kind {
                super::EventKind::Phase { phase } => Some(PhaseMark { phase, at: e.at }),
                _ => None,
            })
            .collect();
        let i = marks.iter().position(|m| m.phase == phase)?;
        let end = marks.get(i + 1).map_or_else(
            || {
                let slices = self.slices.last().map(|s| s.to);
                let told = |e: &&Event| !matches!(e.kind, super::EventKind::Gap { .. });
                let events = self.events.iter().rev().find(told).map(|e| e.at);
                slices.max(events).unwrap_or(marks[i].at)
            },
            |m| m.at,
        );
        Some((marks[i].at, end))
    }
}
