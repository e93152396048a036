//! What a run will do, resolved before anything is touched.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::experiment::Experiment;
use crate::fault;
use crate::record::PlannedFault;
use crate::target;

/// Why an experiment can't be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The fault list does not fit the target.
    #[error(transparent)]
    Faults(#[from] fault::FaultError),
}

/// An experiment with its faults resolved from the seed: time, parameters, victims.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The experiment.
    pub experiment: Experiment,
    /// Instances expected per service.
    pub replicas: BTreeMap<String, u32>,
    /// The faults in order of time.
    pub faults: Vec<PlannedFault>,
    /// What the reader of the plan should know: moved and dropped faults.
    pub notes: Vec<String>,
}

impl Plan {
    /// Resolves an experiment. Reads the compose file; starts nothing.
    pub async fn resolve(experiment: Experiment) -> Result<Self, PlanError> {
        let replicas = target::replicas(&experiment.target).await;
        let schedule = fault::resolve(&experiment, &replicas)?;
        Ok(Self { experiment, replicas, faults: schedule.faults, notes: schedule.notes })
    }

    /// From the moment the target is ready to the end of the cool-down.
    pub fn length(&self) -> Duration {
        let load = &self.experiment.load;
        load.settle + load.timeline().total + load.cooldown
    }

    /// Disk that the records and reports will take, bytes: an estimate from measured sizes. Heap profiles and
    /// kept logs, which nobody knows beforehand, are not in it.
    pub fn disk_estimate(&self) -> u64 {
        let seconds = self.length().as_secs();
        let instances: u64 = self.replicas.values().map(|n| u64::from(*n)).sum();
        let ticks = seconds * 1000 / self.experiment.sampling.interval.as_millis().max(1) as u64;
        let steps = self.experiment.load.step_names().len() as u64;
        let experiment = &self.experiment;
        let ledger = experiment.sampling.ledger_interval(experiment.load.profile_length());
        let every = experiment.capture.interval(ledger).as_secs().max(1);
        let looks = (seconds / every + 2) * instances;
        2_000_000 + looks * 10_000 + ticks * (instances + 2) * 60 + seconds * (150 + steps * 100)
    }
}
