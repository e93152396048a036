//! Helper containers: longhaul's own image, run once in the network namespace of a container.

use std::collections::HashMap;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;

use super::error::is_absent;
use super::inspect::{ROLE_LABEL, RUN_LABEL};
use super::{Engine, TargetError, image};
use crate::ids::RunId;

const RUN_TIMEOUT: Duration = Duration::from_secs(30);
const OUTPUT_LIMIT: usize = 1 << 20;

/// What a helper container left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneShotOutput {
    /// Exit code.
    pub exit_code: i64,
    /// Standard output, at most 1 MiB.
    pub stdout: String,
    /// Standard error, at most 1 MiB.
    pub stderr: String,
}

impl Engine {
    /// Runs longhaul with `args` next to `container`: in its network namespace, as root with no
    /// capability but `NET_ADMIN`, on a read-only file system. At most 30 s; removed afterwards. The image
    /// is built again when somebody has removed it.
    pub async fn one_shot(
        &self,
        container: &str,
        args: Vec<String>,
        run: &RunId,
    ) -> Result<OneShotOutput, TargetError> {
        let body = ContainerCreateBody {
            image: Some(self.self_image().await?),
            cmd: Some(args),
            user: Some("0".to_owned()),
            labels: Some(HashMap::from([
                (RUN_LABEL.to_owned(), run.to_string()),
                (ROLE_LABEL.to_owned(), "helper".to_owned()),
            ])),
            host_config: Some(HostConfig {
                network_mode: Some(format!("container:{container}")),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(vec!["NET_ADMIN".to_owned()]),
                readonly_rootfs: Some(true),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                pids_limit: Some(64),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let create =
            || self.docker().create_container(None::<CreateContainerOptions>, body.clone());
        let created = match create().await {
            // The image may have been removed meanwhile; if it is the container that is gone, the engine
            // says so again.
            Err(error) if is_absent(&error) => {
                image::build(self).await?;
                create().await
            }
            other => other,
        };
        let helper = created
            .map_err(TargetError::engine(format!("create a helper next to {container}")))?
            .id;
        let outcome = tokio::time::timeout(RUN_TIMEOUT, self.run_helper(&helper)).await;
        let removal = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker().remove_container(&helper, Some(removal)).await {
            Ok(()) => {}
            Err(error) if is_absent(&error) => {}
            // Its labels let a later sweep find it: what it did counts more.
            Err(error) => tracing::warn!(%helper, %error, "a helper container stays behind"),
        }
        outcome
            .unwrap_or(Err(EngineError::RequestTimeoutError))
            .map_err(TargetError::engine(format!("run a helper next to {container}")))
    }

    async fn run_helper(&self, helper: &str) -> Result<OneShotOutput, EngineError> {
        let docker = self.patient(RUN_TIMEOUT);
        docker.start_container(helper, None).await?;
        let wait = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut ends = std::pin::pin!(docker.wait_container(helper, Some(wait)));
        let exit_code = match ends.next().await {
            Some(Ok(end)) => end.status_code,
            Some(Err(EngineError::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) => return Err(error),
            None => return Err(EngineError::RequestTimeoutError),
        };
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut logs = std::pin::pin!(docker.logs(helper, Some(options)));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(piece) = logs.next().await {
            let (sink, message) = match piece? {
                LogOutput::StdErr { message } => (&mut stderr, message),
                LogOutput::StdOut { message }
                | LogOutput::Console { message }
                | LogOutput::StdIn { message } => (&mut stdout, message),
            };
            let room = OUTPUT_LIMIT.saturating_sub(sink.len());
            sink.extend_from_slice(&message[..message.len().min(room)]);
        }
        Ok(OneShotOutput {
            exit_code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}
