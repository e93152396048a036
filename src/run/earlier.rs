//! What earlier runs left: healed before anything new is started.

use std::path::Path;

use super::{RunError, mark_interrupted};
use crate::experiment::Target;
use crate::fault;
use crate::store::Store;
use crate::target::{Engine, Remains};

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// What was healed and removed.
    pub lines: Vec<String>,
    /// What could not be, and can't touch the target.
    pub passed_over: Vec<Remains>,
    /// What could not be, and may touch the target: nothing must be started on it.
    pub in_the_way: Vec<Remains>,
}

/// Heals what dead runs left, and marks them as interrupted.
///
/// # Errors
/// When the folder of all runs, or the database, can't be read.
pub async fn heal_earlier(
    store: &Store,
    data: &Path,
    target: &Target,
) -> Result<Earlier, RunError> {
    let engine = Engine::connect().await.ok();
    let report = fault::cleanup(data, engine.clone(), None, false, false).await?;
    mark_interrupted(store)?;
    let mut earlier = Earlier { lines: report.lines, ..Earlier::default() };
    for remains in report.remains {
        if remains.can_touch(target, engine.as_ref()).await {
            earlier.in_the_way.push(remains);
        } else {
            earlier.passed_over.push(remains);
        }
    }
    Ok(earlier)
}
