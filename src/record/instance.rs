//! Who is in the target right now.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Victim;

/// What a container or process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Not running (created, exited, dead).
    Stopped,
}

/// What its own health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// No health check.
    None,
    /// Not yet known.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// One container or process of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Service name.
    pub service: String,
    /// Number within the service, from 1.
    pub ordinal: u32,
    /// Container id, or the process's name within longhaul.
    pub id: String,
    /// Process id on the host; `None` when stopped or when the engine is remote.
    pub pid: Option<u32>,
    /// Addresses by network name; an IPv6 address beside an IPv4 one under `NETWORK (IPv6)`.
    pub addresses: BTreeMap<String, IpAddr>,
    /// The port that stands in for the one in a URL; `None` keeps the URL's (containers).
    pub port: Option<u16>,
    /// When it last started.
    pub started_at: Option<Timestamp>,
    /// What it is doing.
    pub state: InstanceState,
    /// What its health check says.
    pub health: Health,
    /// How often it has started since the target came up, less one.
    pub restarts: u32,
}

impl Instance {
    /// How people call it: `api#2`.
    pub fn label(&self) -> String {
        format!("{}#{}", self.service, self.ordinal)
    }

    /// Where its service listens, for a URL that says `port`; `None` while it has no address.
    pub fn address(&self, port: u16) -> Option<SocketAddr> {
        self.addresses.values().next().map(|ip| SocketAddr::new(*ip, self.port.unwrap_or(port)))
    }

    /// Its place in the target.
    pub fn victim(&self) -> Victim {
        Victim { service: self.service.clone(), ordinal: self.ordinal }
    }

    /// Whether it is a container and not a plain process: then its id is the engine's.
    pub fn is_container(&self) -> bool {
        self.id.len() >= 12 && self.id.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

/// Everybody in the target, ordered by service and ordinal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The instances, stopped ones included.
    pub instances: Vec<Instance>,
}

impl Roster {
    /// The instances of one service, by ordinal.
    pub fn service<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.iter().filter(move |i| i.service == name)
    }

    /// Where requests for `http://<service>.target:PORT` go: running instances, and frozen ones too, since a
    /// real client would not know either.
    pub fn endpoints(&self) -> Endpoints {
        let mut map: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
        for i in &self.instances {
            let list = map.entry(i.service.clone()).or_default();
            if i.state != InstanceState::Stopped
                && let Some(ip) = i.addresses.values().next()
            {
                list.push(Endpoint { ip: *ip, port: i.port });
            }
        }
        Endpoints(Arc::new(map))
    }
}

/// One address of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address.
    pub ip: IpAddr,
    /// The port that stands in for the one in the URL.
    pub port: Option<u16>,
}

/// Addresses by service. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints(pub Arc<BTreeMap<String, Vec<Endpoint>>>);
