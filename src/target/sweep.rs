//! Removing what runs left behind, by label.

use std::collections::HashMap;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
    RemoveVolumeOptions,
};

use super::error::{engine_text, is_absent};
use super::inspect::{IMAGE_LABEL, RUN_LABEL};
use super::{Engine, TargetError};
use crate::ids::RunId;

/// What was found and what became of it.
#[derive(Default)]
struct Sweep {
    dry_run: bool,
    lines: Vec<String>,
    left: Vec<String>,
}

impl Sweep {
    fn note(&mut self, what: &str, outcome: Result<(), EngineError>) {
        match outcome {
            Ok(()) if self.dry_run => self.lines.push(format!("would remove {what}")),
            Ok(()) => self.lines.push(format!("removed {what}")),
            Err(error) if is_absent(&error) => {}
            Err(error) => self.left.push(format!("{what}: {}", engine_text(&error))),
        }
    }

    fn finish(self) -> Result<Vec<String>, TargetError> {
        if self.left.is_empty() {
            return Ok(self.lines);
        }
        for line in &self.lines {
            tracing::info!("{line}");
        }
        Err(TargetError::Left(self.left.join("; ")))
    }
}

impl Engine {
    /// Removes containers (running ones too), networks and volumes that carry the label
    /// `longhaul.run`: of one run, or of every run and then longhaul's own images as well. The caller
    /// makes sure that the run is over. Gives one line per thing; with `dry_run` nothing is touched.
    pub async fn sweep(
        &self,
        run: Option<&RunId>,
        dry_run: bool,
    ) -> Result<Vec<String>, TargetError> {
        let label = run.map_or_else(|| RUN_LABEL.to_owned(), |run| format!("{RUN_LABEL}={run}"));
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let mut sweep = Sweep { dry_run, ..Sweep::default() };
        self.sweep_containers(&filters, &mut sweep).await?;
        self.sweep_networks(&filters, &mut sweep).await?;
        self.sweep_volumes(&filters, &mut sweep).await?;
        let mut lines = sweep.finish()?;
        if run.is_none() {
            lines.extend(self.sweep_images(dry_run).await?);
        }
        Ok(lines)
    }

    /// Removes longhaul's own images (label `longhaul.image`) that no container uses and no run holds
    /// ([`Engine::hold_image`]).
    pub async fn sweep_images(&self, dry_run: bool) -> Result<Vec<String>, TargetError> {
        let filters = HashMap::from([("label", vec![IMAGE_LABEL])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = self
            .docker()
            .list_images(Some(options))
            .await
            .map_err(TargetError::engine("list images"))?;
        let mut sweep = Sweep { dry_run, ..Sweep::default() };
        for image in images {
            let mut names = image.repo_tags;
            names.retain(|name| name != "<none>:<none>");
            if names.is_empty() {
                names.push(image.id);
            }
            for name in names {
                let what = format!("image {name}");
                if dry_run {
                    sweep.note(&format!("{what}, unless a run uses it"), Ok(()));
                    continue;
                }
                let removal = self.docker().remove_image(&name, None::<RemoveImageOptions>, None);
                match removal.await.map(|_| ()) {
                    // By a run that is under way, perhaps one of another data folder.
                    Err(EngineError::DockerResponseServerError { status_code: 409, .. }) => {
                        sweep.lines.push(format!("kept {what}: it is in use"));
                    }
                    other => sweep.note(&what, other),
                }
            }
        }
        sweep.finish()
    }

    async fn sweep_containers(
        &self,
        filters: &HashMap<&str, Vec<&str>>,
        sweep: &mut Sweep,
    ) -> Result<(), TargetError> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(filters).build();
        let containers = self
            .docker()
            .list_containers(Some(options))
            .await
            .map_err(TargetError::engine("list containers"))?;
        for container in containers {
            let id = container.id.unwrap_or_default();
            let names = container.names.unwrap_or_default();
            let name = names.first().map_or(id.as_str(), |n| n.trim_start_matches('/'));
            let outcome = if sweep.dry_run { Ok(()) } else { self.remove_container(&id).await };
            sweep.note(&format!("container {name}"), outcome);
        }
        Ok(())
    }

    /// A label of a container; nothing when it has none of this name, or no longer exists.
    pub(super) async fn label(&self, id: &str, name: &str) -> Result<Option<String>, TargetError> {
        match self.docker().inspect_container(id, None).await {
            Ok(found) => Ok(found.config.and_then(|c| c.labels?.get(name).cloned())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(TargetError::engine(format!("look at container {id}"))(error)),
        }
    }

    /// Removes one container with its anonymous volumes, running or not.
    pub(super) async fn remove_container(&self, id: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker().remove_container(id, Some(options)).await {
            // Somebody else is at it already.
            Err(EngineError::DockerResponseServerError { status_code: 409, message })
                if message.contains("already in progress") =>
            {
                Ok(())
            }
            other => other,
        }
    }

    async fn sweep_networks(
        &self,
        filters: &HashMap<&str, Vec<&str>>,
        sweep: &mut Sweep,
    ) -> Result<(), TargetError> {
        let options = ListNetworksOptionsBuilder::new().filters(filters).build();
        let networks = self
            .docker()
            .list_networks(Some(options))
            .await
            .map_err(TargetError::engine("list networks"))?;
        for network in networks {
            let id = network.id.unwrap_or_default();
            let outcome =
                if sweep.dry_run { Ok(()) } else { self.docker().remove_network(&id).await };
            sweep.note(&format!("network {}", network.name.unwrap_or(id)), outcome);
        }
        Ok(())
    }

    async fn sweep_volumes(
        &self,
        filters: &HashMap<&str, Vec<&str>>,
        sweep: &mut Sweep,
    ) -> Result<(), TargetError> {
        let options = ListVolumesOptionsBuilder::new().filters(filters).build();
        let volumes = self
            .docker()
            .list_volumes(Some(options))
            .await
            .map_err(TargetError::engine("list volumes"))?;
        for volume in volumes.volumes.unwrap_or_default() {
            let outcome = if sweep.dry_run {
                Ok(())
            } else {
                self.docker().remove_volume(&volume.name, None::<RemoveVolumeOptions>).await
            };
            sweep.note(&format!("volume {}", volume.name), outcome);
        }
        Ok(())
    }
}
