//! One Compose project: up, down, and what went wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::inspect::{KEPT_LABEL, OWNER_LABEL, RUN_LABEL};
use super::super::owner::Owner;
use super::super::{BringUp, Engine, TargetError};
use super::cli::{Cli, Ended};
use super::{file, leftovers, overlay};
use crate::experiment::{Compose, Secrets};
use crate::ids::RunId;

const OVERLAY_FILE: &str = "compose.longhaul.yaml";
const IMAGE_VARIABLE: &str = "LONGHAUL_IMAGE";
const LOG_LINES: usize = 20;
/// How long containers may take to end in order, seconds; and in a hurry.
const GRACE: &str = "5";
const NO_GRACE: &str = "0";

/// A project of a run, up or coming up.
pub(in super::super) struct Project {
    engine: Engine,
    cli: Cli,
    run: RunId,
    name: String,
    file: PathBuf,
    folder: PathBuf,
    overlay: PathBuf,
    /// With the values of secrets.
    env: BTreeMap<String, String>,
    secrets: Arc<Secrets>,
    hurry: CancellationToken,
}

impl Project {
    /// Brings the project up. When that fails, or is stopped, what came up is removed again.
    pub(in super::super) async fn up(
        engine: Engine,
        compose: &Compose,
        opts: &BringUp,
    ) -> Result<Self, TargetError> {
        let project = match Self::prepare(engine.clone(), compose, opts).await {
            Ok(project) => project,
            Err(error) => {
                // It may hold the image by now.
                if let Err(left) = engine.sweep(Some(&opts.run), false).await {
                    tracing::error!(error = %left, "a target that was not begun left something");
                }
                return Err(error);
            }
        };
        let outcome = project.start(compose, &opts.progress, &opts.stop).await;
        if let Err(error) = outcome {
            if let Err(left) = project.down(&opts.progress).await {
                tracing::error!(error = %left, "a target that did not come up is not all removed");
            }
            return Err(error);
        }
        Ok(project)
    }

    /// Whether it could be brought up: the file can be read, there is a compose command, and nothing of
    /// somebody else's is in the way. Changes nothing.
    pub(in super::super) async fn preflight(
        engine: &Engine,
        compose: &Compose,
    ) -> Result<(), TargetError> {
        file::parse(&compose.file, &file::read(&compose.file)?)?;
        Cli::find().await?;
        leftovers::earlier_runs(engine, &project_name(&compose.project)).await.map(|_| ())
    }

    /// Its name as it is in labels.
    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    /// Everything short of starting something.
    async fn prepare(
        engine: Engine,
        compose: &Compose,
        opts: &BringUp,
    ) -> Result<Self, TargetError> {
        let text = file::read(&compose.file)?;
        let raw = file::parse(&compose.file, &text)?;
        let cli = Cli::find().await?.keeping(Arc::clone(&opts.secrets));
        let name = project_name(&compose.project);
        leftovers::clear(&engine, &name, &opts.progress).await?;
        let env = compose.env.iter();
        let mut env: BTreeMap<String, String> =
            env.map(|(name, value)| (name.clone(), opts.secrets.fill(value))).collect();
        if text.contains(IMAGE_VARIABLE) && !env.contains_key(IMAGE_VARIABLE) {
            opts.progress.try_send("building longhaul's own image".to_owned()).ok();
            env.insert(IMAGE_VARIABLE.to_owned(), engine.hold_image(&opts.run).await?);
        }
        let folder = compose.file.parent().map_or_else(PathBuf::new, Path::to_owned);
        let overlay = opts.dir.join(OVERLAY_FILE);
        let project = Self {
            engine,
            cli,
            run: opts.run.clone(),
            name,
            file: compose.file.clone(),
            folder,
            overlay,
            env,
            secrets: Arc::clone(&opts.secrets),
            hurry: opts.hurry.clone(),
        };
        let resolved = project.resolve().await?;
        leftovers::volumes_are_free(&project.engine, &project.name, &resolved).await?;
        let mut labels =
            vec![(RUN_LABEL, opts.run.to_string()), (OWNER_LABEL, Owner::this().to_string())];
        if opts.keep_up {
            let dir = std::path::absolute(&opts.dir).unwrap_or_else(|_| opts.dir.clone());
            labels.push((KEPT_LABEL, dir.display().to_string()));
        }
        let version = raw.get("version").filter(|_| project.cli.old);
        let overlay = overlay::overlay(&resolved, version, &labels, project.cli.old);
        let path = &project.overlay;
        tokio::fs::create_dir_all(&opts.dir)
            .await
            .map_err(TargetError::io("make the folder", &opts.dir))?;
        tokio::fs::write(path, overlay).await.map_err(TargetError::io("write", path))?;
        Ok(project)
    }

    /// The project as compose itself understands it: variables, extensions and includes resolved.
    async fn resolve(&self) -> Result<serde_json::Map<String, Value>, TargetError> {
        let args = self.args(&[], &words(&["config"]));
        let text =
            self.cli.read(&args, &self.env, &self.folder).await.map_err(|e| e.into_error(""))?;
        file::parse(&self.file, &text)
    }

    async fn start(
        &self,
        compose: &Compose,
        progress: &mpsc::Sender<String>,
        stop: &CancellationToken,
    ) -> Result<(), TargetError> {
        let words = up_words(compose);
        let args = self.args(&[&self.overlay], &words);
        let ended = self.cli.run(&args, &self.env, &self.folder, progress, stop).await?;
        if ended.succeeded {
            return Ok(());
        }
        Err(self.explain(ended).await)
    }

    /// Takes it down with its volumes, and removes whatever else of the run is left. In a hurry no
    /// container has time to end in order.
    pub(in super::super) async fn down(
        &self,
        progress: &mpsc::Sender<String>,
    ) -> Result<(), TargetError> {
        let ended = match self.compose_down(GRACE, progress, &self.hurry).await {
            Err(TargetError::Stopped) => {
                self.compose_down(NO_GRACE, progress, &CancellationToken::new()).await
            }
            ended => ended,
        };
        match ended {
            Ok(ended) if ended.succeeded => {}
            // The sweep decides.
            Ok(ended) => {
                tracing::warn!(error = %ended.into_error(""), "compose did not take all down");
            }
            Err(error) => tracing::warn!(%error, "compose did not take all down"),
        }
        self.engine.sweep(Some(&self.run), false).await?;
        Ok(())
    }

    async fn compose_down(
        &self,
        grace: &str,
        progress: &mpsc::Sender<String>,
        stop: &CancellationToken,
    ) -> Result<Ended, TargetError> {
        if stop.is_cancelled() {
            return Err(TargetError::Stopped);
        }
        let args = self.args(&[&self.overlay], &down_words(grace));
        self.cli.run(&args, &self.env, &self.folder, progress, stop).await
    }

    /// The error with the last log lines of every container that did not come up; when the engine is gone
    /// that is the error.
    async fn explain(&self, ended: Ended) -> TargetError {
        use std::fmt::Write as _;
        if let Err(gone) = self.engine.answers().await {
            return gone;
        }
        let mut more = String::new();
        for id in self.engine.project_containers(&self.name).await.unwrap_or_default() {
            let Some((label, state)) = self.engine.trouble(&id).await else { continue };
            let log = self.secrets.redact(self.engine.container_log(&id, LOG_LINES).await);
            write!(more, "\n--- {label} {state}; its last lines:\n{}", log.trim_end()).ok();
        }
        ended.into_error(&more)
    }

    fn args(&self, more_files: &[&Path], words: &[String]) -> Vec<String> {
        args(&self.name, &self.file, more_files, words)
    }

    /// The command lines that bring a project up and take it down, in their order. Starts nothing.
    pub(in super::super) async fn commands(compose: &Compose) -> Vec<String> {
        let cli = Cli::find().await.unwrap_or_else(|_| Cli::usual());
        let overlay = Path::new("RUN").join(OVERLAY_FILE);
        let line = |more: &[&Path], words: &[String]| {
            cli.line(&args(&project_name(&compose.project), &compose.file, more, words))
        };
        vec![
            line(&[], &words(&["config"])),
            line(&[&overlay], &up_words(compose)),
            line(&[&overlay], &down_words(GRACE)),
        ]
    }
}

fn args(project: &str, file: &Path, more_files: &[&Path], words: &[String]) -> Vec<String> {
    let mut args = vec!["-p".to_owned(), project.to_owned()];
    for file in std::iter::once(file).chain(more_files.iter().copied()) {
        args.extend(["-f".to_owned(), file.display().to_string()]);
    }
    args.extend_from_slice(words);
    args
}

fn up_words(compose: &Compose) -> Vec<String> {
    let mut all = words(&["up", "-d"]);
    if compose.build {
        all.push("--build".to_owned());
    }
    for (service, count) in &compose.scale {
        all.extend(["--scale".to_owned(), format!("{service}={count}")]);
    }
    all
}

fn down_words(grace: &str) -> Vec<String> {
    words(&["down", "-v", "--remove-orphans", "-t", grace])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A name as every version of compose accepts it: a-z, 0-9, `-` and `_`, not beginning with a sign.
pub(in super::super) fn project_name(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        .collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_name_suits_every_compose() {
        assert_eq!(project_name("Checkout.Soak 2"), "checkoutsoak2");
        assert_eq!(project_name("-x_y-1"), "x_y-1");
    }
}
