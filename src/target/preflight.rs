//! Whether this machine can bring a target up, looked at before anything is started.

use super::claim::Claim;
use super::compose::Project;
use super::{Engine, TargetError, external};
use crate::experiment::{System, Target};

/// Looks for what a target needs from its surroundings: an engine that answers, Compose, a project that
/// nobody else has, containers that are there and that no other run has. Changes nothing. Child processes need none of it.
///
/// # Errors
/// The first thing that is missing, or in the way.
pub async fn preflight(target: &Target) -> Result<(), TargetError> {
    match &target.system {
        System::Process(_) => Ok(()),
        System::Compose(compose) => Project::preflight(&Engine::connect().await?, compose).await,
        System::External(external) => {
            let members = external::members(&Engine::connect().await?, external).await?;
            Claim::take(&members).map(drop)
        }
    }
}
