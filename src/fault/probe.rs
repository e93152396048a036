//! One packet from inside a network namespace, so that a cut without traffic can be seen to work.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::AsFd as _;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// UDP's discard port: whoever gets the packet throws it away.
const DISCARD: u16 = 9;

/// Sends one datagram to `to` from the network namespace of process `pid`. Needs root.
pub(super) async fn send_from(pid: u32, to: IpAddr) -> io::Result<()> {
    let (done, told) = tokio::sync::oneshot::channel();
    // A thread of its own: a thread that has changed its namespace is of no use to anybody else.
    std::thread::Builder::new().name("probe".into()).spawn(move || {
        if done.send(send(pid, to)).is_err() {
            tracing::debug!(pid, "nobody waits for the probe any more");
        }
    })?;
    told.await.unwrap_or_else(|_| Err(io::Error::other("the probe ended early")))
}

fn send(pid: u32, to: IpAddr) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    let any: IpAddr =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0))?.send_to(b"longhaul", (to, DISCARD)).map(|_| ())
}
