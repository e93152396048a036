//! Recorded runs with their verdicts.

use crate::ids::RunId;
use crate::record::{RunRecord, RunStatus};
use crate::store::{Store, StoreError};
use crate::verdict;

/// A run's fixed facts with its verdict. One that came to its end and whose verdict can't be read any more is judged
/// again from its records, and the verdict stored: a verdict is a pure function of them.
///
/// # Errors
/// When there is no such run, or its records can't be read.
pub fn recorded(store: &Store, id: &RunId) -> Result<RunRecord, StoreError> {
    with_verdict(store, store.run(id)?)
}

/// All runs that can be read, newest first, with their verdicts.
///
/// # Errors
/// When the database can't be read.
pub fn all_recorded(store: &Store) -> Result<Vec<RunRecord>, StoreError> {
    let judged = |run: RunRecord| {
        let id = run.id.clone();
        with_verdict(store, run)
            .inspect_err(|error| tracing::warn!(run = %id, %error, "leaving out a run"))
            .ok()
    };
    Ok(store.runs()?.into_iter().filter_map(judged).collect())
}

fn with_verdict(store: &Store, run: RunRecord) -> Result<RunRecord, StoreError> {
    if run.status != RunStatus::Finished || run.verdict.is_some() {
        return Ok(run);
    }
    let data = store.load(&run.id)?;
    let verdict = verdict::judge(&data);
    if let Err(error) = store.set_verdict(&run.id, &verdict, RunStatus::Finished) {
        tracing::warn!(run = %run.id, %error, "the verdict is not kept and will be worked out again");
    }
    Ok(RunRecord { verdict: Some(verdict), ..run })
}
