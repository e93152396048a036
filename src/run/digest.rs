//! A stored run in short: worked out once, then kept.

use std::time::Duration;

use crate::ids::RunId;
use crate::record::{Digest, RunRecord, RunStatus};
use crate::store::{Store, StoreError};
use crate::verdict::{self, NoDigest};

/// Why a run has no digest. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// Its records can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to work it out from.
    #[error("compare run {run}: {reason}")]
    Nothing {
        /// Which run.
        run: RunId,
        /// Why.
        reason: NoDigest,
    },
    /// It goes on.
    #[error("compare run {0}: it is still under way")]
    Running(RunId),
}

/// A run in short, by windows of its own choice.
///
/// # Errors
/// When the run is under way or never came to its judged phase, or its records can't be read.
pub fn digest(store: &Store, run: &RunRecord) -> Result<Digest, DigestError> {
    if run.status == RunStatus::Running {
        return Err(DigestError::Running(run.id.clone()));
    }
    let digest = if let Some(kept) = store.kept_digest(&run.id) {
        kept
    } else {
        let fresh = fresh(store, &run.id, None)?;
        if let Err(error) = store.keep_digest(&run.id, &fresh) {
            tracing::warn!(run = %run.id, %error, "a digest is not kept and will be worked out again");
        }
        fresh
    };
    // A run may be judged again, by other rules than when its digest was kept.
    Ok(Digest { outcome: run.verdict.as_ref().map(|v| v.outcome), ..digest })
}

/// A run in short by windows of this length.
///
/// # Errors
/// The same.
pub fn digest_by(store: &Store, run: &RunRecord, window: Duration) -> Result<Digest, DigestError> {
    fresh(store, &run.id, Some(window))
}

fn fresh(store: &Store, id: &RunId, window: Option<Duration>) -> Result<Digest, DigestError> {
    let data = store.load(id)?;
    let digest = match window {
        Some(window) => verdict::digest_by(&data, window),
        None => verdict::digest(&data),
    };
    digest.map_err(|reason| DigestError::Nothing { run: id.clone(), reason })
}
