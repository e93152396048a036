//! Containers that are already running: found by name, never created or removed.

use super::error::engine_text;
use super::watcher::Members;
use super::{Engine, TargetError};
use crate::experiment::External;
use crate::record::Victim;

/// The containers by id, numbered per service in the order of the file. An error names the first that is
/// missing.
pub(super) async fn members(engine: &Engine, external: &External) -> Result<Members, TargetError> {
    let mut all = Vec::new();
    for (service, names) in &external.containers {
        for (ordinal, name) in (1..).zip(names) {
            let missing = |reason: String| TargetError::Missing {
                service: service.clone(),
                container: name.clone(),
                reason,
            };
            let found = engine
                .docker()
                .inspect_container(name, None)
                .await
                .map_err(|e| missing(engine_text(&e)))?;
            let id = found.id.ok_or_else(|| missing("it has no id".to_owned()))?;
            all.push((Victim { service: service.clone(), ordinal }, id));
        }
    }
    Ok(Members::Fixed(all))
}
