//! Ports for child processes: free now, and not what the kernel hands out by itself while a child is down.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use crate::seed::Seed;
use rand::RngExt as _;

const LOWEST: u16 = 10_240;

/// Every port this process has handed out: two targets in one process never share one.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port on 127.0.0.1 that nobody listens at. `seed` says where the search begins.
pub(super) fn pick(seed: Seed) -> io::Result<u16> {
    let mut rng = seed.rng();
    let end = ephemeral_start().max(LOWEST + 1024);
    for _ in 0..1000 {
        let port = rng.random_range(LOWEST..end);
        let Ok(mut taken) = TAKEN.lock() else { break };
        if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            taken.insert(port);
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free port was found on 127.0.0.1"))
}

/// Where the kernel's own range begins: below it, no outgoing connection takes a port by chance.
fn ephemeral_start() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_different_and_outside_the_kernels_range() {
        let (a, b) = (pick(Seed(7)).unwrap(), pick(Seed(7)).unwrap());
        assert_ne!(a, b);
        for port in [a, b] {
            assert!(port >= LOWEST);
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
