//! The Docker engine: the connection, and what is known of it.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::TargetError;
use super::error::engine_text;
use crate::units;

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// What is known of an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// Where it is: `unix:///var/run/docker.sock`.
    pub host: String,
    /// Its version.
    pub version: String,
    /// The API version both sides speak.
    pub api: String,
    /// Control group version, 1 or 2; `None` when it does not say.
    pub cgroup_version: Option<u8>,
    /// Control group driver: `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
    /// Whether its containers' process ids are ours too: a Unix socket, and the engine's own process is
    /// visible from here.
    pub local: bool,
    /// CPUs of its machine.
    pub cpus: u32,
    /// Memory of its machine, bytes.
    pub memory: u64,
}

impl std::fmt::Display for EngineInfo {
    /// `Docker 20.10.24, API 1.41, cgroup v1 (cgroupfs)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cgroup = self.cgroup_version.map_or("cgroup".to_owned(), |v| format!("cgroup v{v}"));
        write!(f, "Docker {}, API {}, {cgroup} ({})", self.version, self.api, self.cgroup_driver)
    }
}

/// A connected engine. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    docker: Docker,
    info: EngineInfo,
    image: OnceCell<String>,
}

impl Engine {
    /// Connects to `DOCKER_HOST`, or else to the default socket, and agrees on an API version.
    /// Gives up after 5 s.
    pub async fn connect() -> Result<Self, TargetError> {
        let host = std::env::var("DOCKER_HOST")
            .ok()
            .filter(|host| !host.trim().is_empty())
            .unwrap_or_else(|| DEFAULT_HOST.to_owned());
        Self::connect_to(&host).await
    }

    /// Connects to the engine at `host`: `unix:///path` or `tcp://host:port` (without TLS).
    pub async fn connect_to(host: &str) -> Result<Self, TargetError> {
        Self::connect_within(host, CONNECT_TIMEOUT).await
    }

    async fn connect_within(host: &str, bound: Duration) -> Result<Self, TargetError> {
        let failed = |reason: String| TargetError::Connect { host: host.to_owned(), reason };
        let greet = async {
            let docker = Docker::connect_with_host(host)
                .map_err(|e| failed(engine_text(&e)))?
                .with_timeout(CALL_TIMEOUT)
                .negotiate_version()
                .await
                .map_err(|e| failed(engine_text(&e)))?;
            let info = docker.info().await.map_err(|e| failed(engine_text(&e)))?;
            let api = docker.client_version();
            let info = EngineInfo {
                host: host.to_owned(),
                version: info.server_version.unwrap_or_default(),
                api: format!("{}.{}", api.major_version, api.minor_version),
                cgroup_version: info.cgroup_version.and_then(|v| v.to_string().parse().ok()),
                cgroup_driver: info.cgroup_driver.map(|d| d.to_string()).unwrap_or_default(),
                local: shares_processes(host).await,
                cpus: info.ncpu.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                memory: info.mem_total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            };
            Ok(Self(Arc::new(Inner { docker, info, image: OnceCell::new() })))
        };
        tokio::time::timeout(bound, greet)
            .await
            .unwrap_or_else(|_| Err(failed(format!("no answer within {}", units::duration(bound)))))
    }

    /// What is known of it. Read once, when it was connected.
    pub fn describe(&self) -> EngineInfo {
        self.0.info.clone()
    }

    /// longhaul's own executable as an image, built once per content: `longhaul:<12 hex digits of its
    /// SHA-256>`, labelled `longhaul.image=1`.
    pub async fn self_image(&self) -> Result<String, TargetError> {
        self.0.image.get_or_try_init(|| super::image::build(self)).await.cloned()
    }

    /// Whether it answers now; an error that says where it was looked for when it does not.
    pub async fn answers(&self) -> Result<(), TargetError> {
        let gone =
            |e| TargetError::Connect { host: self.0.info.host.clone(), reason: engine_text(&e) };
        self.docker().ping().await.map(|_| ()).map_err(gone)
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.0.docker
    }

    /// The client with another bound on the time until an answer begins.
    pub(super) fn patient(&self, timeout: Duration) -> Docker {
        self.0.docker.clone().with_timeout(timeout)
    }

    /// The client for an action that takes up to `more` on the engine's side.
    pub(super) fn patient_by(&self, more: Duration) -> Docker {
        self.patient(CALL_TIMEOUT + more)
    }
}

/// Whether the process that listens at `host` is visible here.
async fn shares_processes(host: &str) -> bool {
    let Some(path) = host.strip_prefix("unix://") else { return false };
    let Ok(stream) = tokio::net::UnixStream::connect(path).await else { return false };
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid()).filter(|pid| *pid > 0);
    pid.is_some_and(|pid| std::path::Path::new("/proc").join(pid.to_string()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_engine_is_named_with_its_address() {
        let error = Engine::connect_to("unix:///nowhere/docker.sock").await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/docker.sock"), "{error}");
        let error = Engine::connect_to("carrier-pigeon://x").await.unwrap_err();
        assert!(error.to_string().contains("carrier-pigeon"), "{error}");
    }

    #[tokio::test]
    async fn a_silent_engine_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("silent.sock");
        let _listener = tokio::net::UnixListener::bind(&path).unwrap();
        let host = format!("unix://{}", path.display());
        let error = Engine::connect_within(&host, Duration::from_millis(50)).await.unwrap_err();
        assert!(error.to_string().contains("no answer within 50ms"), "{error}");
    }
}
