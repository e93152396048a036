//! A sweep: a run for each size, and the judgement of them all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::{Plan, PlanError, RunError};
use crate::experiment::Experiment;
use crate::ids::SweepId;
use crate::record::{RunRecord, RunStatus, SweepPart, SweepRun, SweepVerdict};
use crate::report::{self, Format};
use crate::store::{Store, StoreError};
use crate::units::duration_text;
use crate::verdict;

/// The plans of an experiment: one, or for a sweep one for each size, in its order.
///
/// # Errors
/// When one of them can't be planned.
pub async fn plans(experiment: Experiment) -> Result<Vec<Plan>, PlanError> {
    let Some(sweep) = &experiment.sweep else { return Ok(vec![Plan::resolve(experiment).await?]) };
    let mut plans = Vec::new();
    for size in &sweep.sizes {
        plans.push(Plan::resolve(experiment.at_size(*size)).await?);
    }
    Ok(plans)
}

impl Plan {
    /// How many instances the service has that the experiment's sweep is over; `None` without a sweep.
    pub fn size(&self) -> Option<u32> {
        self.replicas.get(&self.experiment.sweep.as_ref()?.service).copied()
    }

    /// The place that a run of this plan has in a sweep.
    pub fn part(&self, id: &SweepId) -> Option<SweepPart> {
        let service = self.experiment.sweep.as_ref()?.service.clone();
        Some(SweepPart { id: id.clone(), service, size: self.size()? })
    }
}

/// Whether the next size may be run after a run that ended with this exit code: not after it was asked to stop, while
/// something is left behind, or when longhaul itself could not go on.
pub fn goes_on(exit_code: u8) -> bool {
    !matches!(exit_code, 1 | 14 | 130 | 143)
}

/// What the runs of a sweep come to, for whoever reads it before them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepForecast {
    /// The service.
    pub service: String,
    /// The runs in their order.
    pub runs: Vec<SizeForecast>,
    /// All of them, from the ready target to the end of the cool-down each.
    #[serde(with = "duration_text")]
    pub length: Duration,
    /// Disk that records and reports of all will take, bytes.
    pub disk_bytes: u64,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeForecast {
    /// How many instances.
    pub size: u32,
    /// From the ready target to the end of the cool-down.
    #[serde(with = "duration_text")]
    pub length: Duration,
    /// How many faults are planned.
    pub faults: usize,
    /// Disk that its records and reports will take, bytes.
    pub disk_bytes: u64,
}

impl SweepForecast {
    /// Of the plans of a sweep; `None` without one.
    pub fn of(plans: &[Plan]) -> Option<Self> {
        let service = plans.first()?.experiment.sweep.as_ref()?.service.clone();
        let runs: Vec<SizeForecast> = plans
            .iter()
            .filter_map(|plan| {
                Some(SizeForecast {
                    size: plan.size()?,
                    length: plan.length(),
                    faults: plan.faults.len(),
                    disk_bytes: plan.disk_estimate(),
                })
            })
            .collect();
        let length = runs.iter().map(|run| run.length).sum();
        let disk_bytes = runs.iter().map(|run| run.disk_bytes).sum();
        Some(Self { service, runs, length, disk_bytes })
    }
}

/// A sweep's verdict, and what was written of it.
#[derive(Debug)]
pub struct JudgedSweep {
    /// The verdict.
    pub verdict: SweepVerdict,
    /// The same for programs, as `summary.json` holds it.
    pub summary: serde_json::Value,
    /// The report's files.
    pub files: Vec<PathBuf>,
}

/// The sweep that `text` means: its id.
///
/// # Errors
/// When the database can't be read.
pub fn find_sweep(store: &Store, text: &str) -> Result<Option<SweepId>, StoreError> {
    let ids = store.runs()?.into_iter().filter_map(|run| Some(run.sweep?.id));
    Ok(ids.into_iter().find(|id| id.as_str() == text))
}

/// Judges a sweep from its stored runs, and writes its report into its own folder among the reports. `None` when no
/// run of it is recorded.
///
/// # Errors
/// When the records can't be read or the report can't be written.
pub fn judge_sweep(
    store: &Store,
    id: &SweepId,
    reports: &Path,
    formats: &[Format],
) -> Result<Option<JudgedSweep>, RunError> {
    let of_sweep = |run: &RunRecord| run.sweep.as_ref().is_some_and(|part| part.id == *id);
    let mut records: Vec<RunRecord> = store.runs()?.into_iter().filter(of_sweep).collect();
    records.reverse();
    let runs = records.iter().map(|run| sized(store, run)).collect::<Result<Vec<_>, _>>()?;
    let Some(verdict) = records
        .first()
        .and_then(|first| verdict::sweep(first, runs.into_iter().flatten().collect()))
    else {
        return Ok(None);
    };
    let files = report::write_sweep(&verdict, &reports.join(id.as_str()), formats)?;
    let summary = report::sweep_summary(&verdict);
    Ok(Some(JudgedSweep { verdict, summary, files }))
}

/// What a run of a sweep comes to; `None` while it is under way.
fn sized(store: &Store, run: &RunRecord) -> Result<Option<SweepRun>, StoreError> {
    if run.status == RunStatus::Running {
        return Ok(None);
    }
    let data = store.load(&run.id)?;
    let judged = run.verdict.clone().unwrap_or_else(|| verdict::judge(&data));
    Ok(verdict::sweep_run(&data, &judged))
}
