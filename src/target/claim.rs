//! Containers that somebody else runs belong to one run at a time on this machine.

use std::collections::BTreeSet;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use rustix::net::sockopt::socket_peercred;

use super::TargetError;
use super::watcher::Members;

/// Containers that this process observes and hurts, for as long as this value lives. The kernel lets them go when the
/// process ends, however it ends: each is a Unix socket without a file, named after the container.
pub(super) struct Claim {
    _held: Vec<UnixListener>,
}

impl Claim {
    /// Claims the containers. An error names one that another process has, and that process.
    pub(super) fn take(members: &Members) -> Result<Self, TargetError> {
        let Members::Fixed(members) = members else { return Ok(Self { _held: Vec::new() }) };
        let mut known = BTreeSet::new();
        let mut held = Vec::new();
        for (victim, id) in members {
            if !known.insert(id) {
                continue;
            }
            match claim(id) {
                Ok(socket) => held.push(socket),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    let (container, pid) = (victim.to_string(), holder(id));
                    return Err(TargetError::Held { container, pid });
                }
                // Where there are no such sockets, nobody can claim anything.
                Err(error) => tracing::warn!(%error, %victim, "a container is not claimed"),
            }
        }
        Ok(Self { _held: held })
    }
}

fn address(id: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("longhaul/container/{id}"))
}

fn claim(id: &str) -> io::Result<UnixListener> {
    UnixListener::bind_addr(&address(id)?)
}

/// The process that has it.
fn holder(id: &str) -> Option<u32> {
    let stream = UnixStream::connect_addr(&address(id).ok()?).ok()?;
    let peer = socket_peercred(&stream).ok()?;
    u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Victim;

    fn members(ids: &[&str]) -> Members {
        let victim = |ordinal| Victim { service: "api".to_owned(), ordinal };
        let own = |id: &str| format!("{id}-{}", std::process::id());
        Members::Fixed((1..).zip(ids).map(|(n, id)| (victim(n), own(id))).collect())
    }

    #[test]
    fn a_container_is_claimed_once_and_its_holder_is_named() {
        let first = Claim::take(&members(&["a", "b", "a"])).ok().unwrap();
        drop(Claim::take(&members(&["c"])).ok().unwrap());
        let Err(TargetError::Held { container, pid }) = Claim::take(&members(&["c", "b"])) else {
            panic!("claimed twice")
        };
        assert_eq!((container.as_str(), pid), ("api#2", Some(std::process::id())));
        drop(first);
        assert!(Claim::take(&members(&["c", "b"])).is_ok());
    }
}
