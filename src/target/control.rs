//! The verbs that act on one instance of a target.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::ControlError;
use crate::experiment::Signal;
use crate::record::{Instance, Victim};

/// What a verb gives back, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ControlError>>;

/// Acts on one container or process by its exact id (`Instance::id`), so that an undo in a journal can
/// never hit a namesake. Every verb but `signal` is idempotent: "already so" is `Ok`.
pub trait Control: Send + Sync {
    /// A fresh look at it; [`ControlError::Gone`] when it no longer exists.
    fn instance(&self, id: &str) -> Answer<'_, Instance>;
    /// Sends a signal to its main process. Refused when it is not running.
    fn signal(&self, id: &str, signal: &Signal) -> Answer<'_, ()>;
    /// SIGTERM (or the container's stop signal), then SIGKILL after `grace` (whole seconds for containers).
    fn stop(&self, id: &str, grace: Duration) -> Answer<'_, ()>;
    /// Starts it again: a process on the same port.
    fn start(&self, id: &str) -> Answer<'_, ()>;
    /// [`Control::stop`] and [`Control::start`].
    fn restart(&self, id: &str, grace: Duration) -> Answer<'_, ()>;
    /// Freezes it: cgroup freezer for containers, SIGSTOP for processes.
    fn pause(&self, id: &str) -> Answer<'_, ()>;
    /// Thaws it.
    fn unpause(&self, id: &str) -> Answer<'_, ()>;
    /// The networks it is attached to, with all that is needed to attach it again. Empty for processes.
    fn attachments(&self, id: &str) -> Answer<'_, Vec<Attachment>>;
    /// Takes it off a network (the engine's name or id).
    fn detach(&self, id: &str, network: &str) -> Answer<'_, ()>;
    /// Puts it back as it was: aliases always, the address where the engine lets one choose it.
    fn attach(&self, id: &str, attachment: &Attachment) -> Answer<'_, ()>;
    /// Who fills this place now, from the roster; `None` when nobody does.
    fn find(&self, victim: &Victim) -> Option<Instance>;
}

/// How an instance hangs on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The engine's name of the network.
    pub network: String,
    /// The engine's id of the network.
    pub network_id: String,
    /// Its key in the compose file.
    pub key: Option<String>,
    /// Names by which others on the network find it.
    pub aliases: Vec<String>,
    /// Legacy links.
    #[serde(default)]
    pub links: Vec<String>,
    /// The address it has, IPv4.
    pub ipv4: Option<IpAddr>,
    /// The address it has, IPv6.
    pub ipv6: Option<IpAddr>,
    /// Whether the addresses were asked for by the user.
    pub fixed: bool,
    /// Options of the network's driver.
    #[serde(default)]
    pub driver_opts: BTreeMap<String, String>,
}
