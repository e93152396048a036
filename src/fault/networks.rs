//! How the network namespace of an instance is reached.

use std::fs::File;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::probe;
use crate::helper::{self, Namespace, OneShot};
use crate::ids::RunId;
use crate::record::Instance;
use crate::target::Engine;

/// Which way leads into a container's network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// By process id where that works, else by a helper container.
    #[default]
    Auto,
    /// From the host, by process id: root and a local engine, 1 to 5 ms.
    Pid,
    /// By a helper container of longhaul's own image, about 0.2 s.
    Container,
}

/// Reaches network namespaces.
pub(super) trait Networks: Send + Sync {
    /// The network namespace of a running instance; else why it can't be reached.
    fn of<'a>(&'a self, who: &'a Instance) -> BoxFuture<'a, Result<Box<dyn Namespace>, String>>;

    /// Sends a packet from inside `from` to `to`, as best it can, to see whether it is dropped. Whether
    /// that could be tried.
    fn prod<'a>(&'a self, from: &'a Instance, to: IpAddr) -> BoxFuture<'a, bool>;
}

/// Namespaces of an engine's containers.
pub(super) struct EngineNetworks {
    engine: Option<Engine>,
    run: RunId,
    transport: Transport,
    /// Whether rules can be set by process id; found out at the first use.
    by_pid: OnceCell<bool>,
}

impl EngineNetworks {
    pub(super) fn new(engine: Option<Engine>, run: RunId, transport: Transport) -> Self {
        Self { engine, run, transport, by_pid: OnceCell::new() }
    }

    async fn pid(&self, who: &Instance) -> Option<u32> {
        let pid = who.pid?;
        let here = match self.transport {
            Transport::Pid => true,
            Transport::Container => false,
            Transport::Auto => {
                let probe = async {
                    rustix::process::geteuid().is_root()
                        && self.engine.as_ref().is_none_or(|e| e.describe().local)
                        && File::open(format!("/proc/{pid}/ns/net")).is_ok()
                        && helper::available(pid).await.is_ok()
                };
                *self.by_pid.get_or_init(|| probe).await
            }
        };
        here.then_some(pid)
    }
}

impl Networks for EngineNetworks {
    fn of<'a>(&'a self, who: &'a Instance) -> BoxFuture<'a, Result<Box<dyn Namespace>, String>> {
        Box::pin(async move {
            if let Some(pid) = self.pid(who).await {
                return Ok(helper::by_pid(pid));
            }
            match (&self.engine, self.transport) {
                (Some(engine), Transport::Auto | Transport::Container) => {
                    let one_shot = EngineOneShot { engine: engine.clone(), run: self.run.clone() };
                    Ok(helper::by_container(who.id.clone(), Arc::new(one_shot)))
                }
                _ => Err(format!("the network namespace of {} is out of reach", who.label())),
            }
        })
    }

    fn prod<'a>(&'a self, from: &'a Instance, to: IpAddr) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // Whichever way the rules went in: a packet needs no helper where process ids are ours.
            let local = self.engine.as_ref().is_none_or(|e| e.describe().local);
            match from.pid.filter(|_| local) {
                Some(pid) => probe::send_from(pid, to).await.is_ok(),
                None => false,
            }
        })
    }
}

/// Runs the helper in a container of longhaul's own image.
struct EngineOneShot {
    engine: Engine,
    run: RunId,
}

impl OneShot for EngineOneShot {
    fn run(&self, container: &str, args: Vec<String>) -> BoxFuture<'_, Result<String, String>> {
        let container = container.to_owned();
        Box::pin(async move {
            let output = self
                .engine
                .one_shot(&container, args, &self.run)
                .await
                .map_err(|e| e.to_string())?;
            if output.stdout.trim().is_empty() {
                return Err(format!(
                    "exit code {} without an answer: {}",
                    output.exit_code,
                    output.stderr.trim()
                ));
            }
            Ok(output.stdout)
        })
    }
}
