//! What is there already under the project's name: removed when an earlier run left it, an error when somebody
//! means it to be there.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::super::error::is_absent;
use super::super::inspect::{KEPT_LABEL, OWNER_LABEL, PROJECT_LABEL, RUN_LABEL};
use super::super::kept;
use super::super::owner::Owner;
use super::super::{Engine, TargetError};
use super::{file, overlay};
use crate::ids::RunId;

/// One thing with its labels.
struct Thing {
    name: String,
    labels: HashMap<String, String>,
}

/// Makes room for the project: removes what [`earlier_runs`] left of it.
pub(super) async fn clear(
    engine: &Engine,
    project: &str,
    progress: &mpsc::Sender<String>,
) -> Result<(), TargetError> {
    for run in earlier_runs(engine, project).await? {
        for line in engine.sweep(Some(&run), false).await? {
            progress.try_send(format!("left by the earlier run {run}: {line}")).ok();
        }
    }
    Ok(())
}

/// The runs that left something of the project. Things without longhaul's labels, things of a run that is under
/// way, and things that a run kept up on purpose are an error.
pub(super) async fn earlier_runs(
    engine: &Engine,
    project: &str,
) -> Result<BTreeSet<RunId>, TargetError> {
    let things = things(engine, project).await?;
    let foreign: Vec<String> = things
        .iter()
        .filter(|t| !t.labels.contains_key(RUN_LABEL))
        .map(|t| t.name.clone())
        .collect();
    if !foreign.is_empty() {
        return Err(TargetError::Foreign { project: project.to_owned(), found: foreign });
    }
    let mut runs = BTreeSet::new();
    for thing in &things {
        let Some(run) = thing.labels.get(RUN_LABEL) else { continue };
        let owner = thing.labels.get(OWNER_LABEL).and_then(|text| text.parse::<Owner>().ok());
        if owner.is_some_and(|owner| owner.is_alive()) {
            return Err(TargetError::Busy { project: project.to_owned(), run: run.clone() });
        }
        if let Some(dir) = thing.labels.get(KEPT_LABEL).map(Path::new)
            && kept::stays(dir)
        {
            let data = kept::data_of(dir);
            return Err(TargetError::Kept { project: project.to_owned(), run: run.clone(), data });
        }
        runs.extend(run.parse::<RunId>().ok());
    }
    Ok(runs)
}

/// An error if a volume that the project would use is there already, made by somebody else under a name of its own: taking the
/// project down would remove it. To be called when nothing of the project is left.
pub(super) async fn volumes_are_free(
    engine: &Engine,
    project: &str,
    resolved: &Map<String, Value>,
) -> Result<(), TargetError> {
    let mut found = Vec::new();
    for (key, entry) in file::section(resolved, "volumes").filter(|(_, e)| !overlay::is_external(e))
    {
        let own = entry.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = own.unwrap_or_else(|| format!("{project}_{key}"));
        match engine.docker().inspect_volume(&name).await {
            Ok(_) => found.push(format!("volume {name}")),
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                return Err(TargetError::engine(format!("look for volume {name}"))(error));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TargetError::Foreign { project: project.to_owned(), found })
}

/// The runs that anything of the project belongs to, whoever else has some of it.
pub(in super::super) async fn runs(
    engine: &Engine,
    project: &str,
) -> Result<BTreeSet<RunId>, TargetError> {
    let things = things(engine, project).await?;
    Ok(things.iter().filter_map(|t| t.labels.get(RUN_LABEL)?.parse().ok()).collect())
}

async fn things(engine: &Engine, project: &str) -> Result<Vec<Thing>, TargetError> {
    let label = format!("{PROJECT_LABEL}={project}");
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let docker = engine.docker();
    let failed = || TargetError::engine(format!("look for leftovers of project {project}"));
    let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let mut things: Vec<Thing> = docker
        .list_containers(Some(containers))
        .await
        .map_err(failed())?
        .into_iter()
        .map(|c| Thing {
            name: format!(
                "container {}",
                c.names
                    .and_then(|names| names.first().map(|n| n.trim_start_matches('/').to_owned()))
                    .or(c.id)
                    .unwrap_or_default()
            ),
            labels: c.labels.unwrap_or_default(),
        })
        .collect();
    let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let networks = docker.list_networks(Some(networks)).await.map_err(failed())?;
    things.extend(networks.into_iter().map(|n| Thing {
        name: format!("network {}", n.name.unwrap_or_default()),
        labels: n.labels.unwrap_or_default(),
    }));
    let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = docker.list_volumes(Some(volumes)).await.map_err(failed())?;
    things.extend(
        volumes
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|v| Thing { name: format!("volume {}", v.name), labels: v.labels }),
    );
    Ok(things)
}
