//! `target:` the system under test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration_text;

/// The system under test, and how to tell that it is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// How it is brought up.
    #[serde(flatten)]
    pub system: System,
    /// What must be true before load starts; all of them.
    pub ready: Vec<Ready>,
}

/// How the target is brought up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// A Compose project of its own.
    Compose(Compose),
    /// Child processes, without Docker.
    Process(Process),
    /// Containers that are already running: observed and hurt, never created or removed.
    External(External),
}

/// A Compose project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compose {
    /// The compose file; absolute once loaded (relative to the experiment file in the text).
    pub file: PathBuf,
    /// Project name; default: the experiment's name.
    pub project: String,
    /// Whether images are built first.
    pub build: bool,
    /// Replicas by service.
    pub scale: BTreeMap<String, u32>,
    /// Environment for the compose file.
    pub env: BTreeMap<String, String>,
}

/// Child processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// The services by name. The short form `process: { command: [...] }` is one service called `app`.
    pub services: BTreeMap<String, ProcessService>,
}

/// One service of a process target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessService {
    /// Program and arguments. `{{self}}` is longhaul's own executable, `{{listen}}` the address
    /// `127.0.0.1:PORT` that longhaul picked for the instance, `{{port}}` its port.
    pub command: Vec<String>,
    /// Environment. longhaul adds `PORT`, and the variables of `links`.
    pub env: BTreeMap<String, String>,
    /// How many.
    pub replicas: u32,
    /// A fixed port instead of a picked one; only with one replica.
    pub port: Option<u16>,
    /// Environment variable -> service: the variable holds that service's addresses, comma-separated,
    /// each through a proxy of longhaul's, so that a partition can cut it. Also sets the start order.
    pub links: BTreeMap<String, String>,
    /// Working directory; default: the experiment file's folder.
    pub dir: Option<PathBuf>,
}

/// Containers that are already running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct External {
    /// Container names or ids by service.
    pub containers: BTreeMap<String, Vec<String>>,
}

/// One readiness condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// What is asked.
    #[serde(flatten)]
    pub probe: Probe,
    /// For how long it is asked before the run is given up (exit 12).
    #[serde(with = "duration_text")]
    pub within: Duration,
}

/// How readiness is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// `GET` answers 2xx. `http://<service>.target:PORT/...` asks every instance.
    Http(String),
    /// A TCP connection is accepted at `host:port`; `<service>.target:PORT` asks every instance.
    Tcp(String),
    /// Every container of these services reports healthy.
    Healthy(Vec<String>),
}
