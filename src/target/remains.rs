//! What is left of an earlier run, and whether it can touch a target.

use std::collections::BTreeSet;

use super::compose::{left_of_runs, project_name};
use super::inspect::PROJECT_LABEL;
use super::watcher::Members;
use super::{Engine, TargetError, external};
use crate::experiment::{External, System, Target};
use crate::ids::RunId;

/// What could not be healed or removed of a run whose process is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// The run.
    pub run: RunId,
    /// Ids of containers in which a fault may still be in force; `None` when nobody can tell.
    pub hurt: Option<BTreeSet<String>>,
    /// Whether a child process may still live.
    pub processes: bool,
    /// What is left and why, a line each.
    pub lines: Vec<String>,
}

impl Remains {
    /// Whether it can touch the target. In doubt it can.
    pub async fn can_touch(&self, target: &Target, engine: Option<&Engine>) -> bool {
        match (&target.system, engine) {
            // Nothing of a container is in a child process. Another child can be in the way of a fixed port.
            (System::Process(process), _) => {
                self.processes && process.services.values().any(|service| service.port.is_some())
            }
            (_, None) => true,
            (System::Compose(compose), Some(engine)) => {
                self.is_in(engine, &project_name(&compose.project)).await.unwrap_or(true)
            }
            (System::External(external), Some(engine)) => {
                self.is_among(engine, external).await.unwrap_or(true)
            }
        }
    }

    /// Whether a hurt container, or something that the run made, is of the project.
    async fn is_in(&self, engine: &Engine, project: &str) -> Result<bool, TargetError> {
        let Some(hurt) = &self.hurt else { return Ok(true) };
        if left_of_runs(engine, project).await?.contains(&self.run) {
            return Ok(true);
        }
        for id in hurt {
            if engine.label(id, PROJECT_LABEL).await?.is_some_and(|name| name == project) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a hurt container is among those that the experiment names.
    async fn is_among(&self, engine: &Engine, external: &External) -> Result<bool, TargetError> {
        let Some(hurt) = &self.hurt else { return Ok(true) };
        let Members::Fixed(members) = external::members(engine, external).await? else {
            return Ok(true);
        };
        Ok(members.iter().any(|(_, id)| hurt.contains(id)))
    }
}
