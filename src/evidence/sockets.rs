//! An instance's sockets by state and peer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::descriptors::Open;
use super::fold::Counter;
use super::lines;
use super::processes::denied;
use crate::record::Sockets;

/// Peers told.
const TOP: usize = 30;
/// So much of each table is read: about 100 000 sockets.
const LARGEST: u64 = 16 << 20;
/// Where a line of a table names the socket, words from 0.
const UDP_INODE: usize = 9;
const UNIX_INODE: usize = 6;

/// The states of TCP by the kernel's numbers, from 1.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];

/// Matches the sockets that are held open with the tables of the network namespace of process `main`. `own`:
/// whether that namespace is the instance's own.
pub(super) fn read(main: u32, open: &Open, own: bool) -> Result<Sockets, String> {
    let mut tally = Tally::new(&open.sockets, own);
    let table = |name: &str, take: &mut dyn FnMut(&str)| {
        lines::of_file(&format!("/proc/{main}/net/{name}"), LARGEST, take)
    };
    table("tcp", &mut |line| tally.tcp(line)).map_err(|e| denied(&e))?;
    // A kernel may lack any of the others.
    table("tcp6", &mut |line| tally.tcp(line)).ok();
    table("udp", &mut |line| tally.other("udp", line, UDP_INODE)).ok();
    table("udp6", &mut |line| tally.other("udp", line, UDP_INODE)).ok();
    table("unix", &mut |line| tally.other("unix", line, UNIX_INODE)).ok();
    Ok(Sockets { total: open.socket_descriptors, ..tally.finish() })
}

struct Tcp {
    local: SocketAddr,
    remote: SocketAddr,
    state: &'static str,
    inode: u64,
}

/// What the tables tell of some sockets. Of those that somebody else holds nothing is kept: there may be many.
struct Tally {
    /// Inodes of held sockets that no table has told of.
    left: BTreeSet<u64>,
    own: bool,
    held: Vec<Tcp>,
    listening: BTreeSet<u16>,
    states: BTreeMap<String, u64>,
    unowned: BTreeMap<String, u64>,
}

impl Tally {
    fn new(held: &BTreeSet<u64>, own: bool) -> Self {
        Self {
            left: held.clone(),
            own,
            held: Vec::new(),
            listening: BTreeSet::new(),
            states: BTreeMap::new(),
            unowned: BTreeMap::new(),
        }
    }

    fn tcp(&mut self, line: &str) {
        let Some(socket) = tcp(line) else { return };
        if socket.state == "LISTEN" {
            self.listening.insert(socket.local.port());
        }
        if self.left.remove(&socket.inode) {
            self.held.push(socket);
        } else if socket.inode == 0 && self.own {
            *self.unowned.entry(socket.state.to_owned()).or_default() += 1;
        }
    }

    fn other(&mut self, name: &str, line: &str, inode: usize) {
        let inode = word(line, inode).and_then(|inode| inode.parse().ok());
        if inode.is_some_and(|inode| self.left.remove(&inode)) {
            *self.states.entry(name.to_owned()).or_default() += 1;
        }
    }

    fn finish(mut self) -> Sockets {
        let mut peers = Counter::default();
        for socket in &self.held {
            *self.states.entry(format!("tcp {}", socket.state)).or_default() += 1;
            peers.add(peer(socket, &self.listening));
        }
        if !self.left.is_empty() {
            // Netlink and raw sockets, and those of a process that is in another namespace.
            self.states.insert("other".to_owned(), self.left.len() as u64);
        }
        Sockets { total: 0, states: self.states, peers: peers.top(TOP), unowned: self.unowned }
    }
}

fn peer(socket: &Tcp, listening: &BTreeSet<u16>) -> String {
    let (state, port) = (socket.state, socket.local.port());
    if state == "LISTEN" {
        format!("LISTEN at :{port}")
    } else if listening.contains(&port) {
        format!("{state} from :{port}")
    } else {
        format!("{state} to {}", socket.remote)
    }
}

fn word(line: &str, n: usize) -> Option<&str> {
    line.split_ascii_whitespace().nth(n)
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 ...`
fn tcp(line: &str) -> Option<Tcp> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    let state = usize::from_str_radix(state, 16).ok()?;
    Some(Tcp {
        local: address(local)?,
        remote: address(remote)?,
        state: STATES.get(state.checked_sub(1)?)?,
        inode: words.nth(5)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: each 32-bit word of the address in the machine's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let words: Option<Vec<[u8; 4]>> = (0..ip.len() / 8)
        .map(|n| Some(u32::from_str_radix(ip.get(n * 8..n * 8 + 8)?, 16).ok()?.to_ne_bytes()))
        .collect();
    let ip = match words?.as_slice() {
        [v4] => IpAddr::from(Ipv4Addr::from(*v4)),
        [a, b, c, d] => {
            let bytes: [u8; 16] = [*a, *b, *c, *d].concat().try_into().ok()?;
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(local: &str, remote: &str, state: &str, inode: u64) -> String {
        format!(
            "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0000 20 4 30 10 -1\n"
        )
    }

    fn count(tcp: &str, held: &BTreeSet<u64>, own: bool) -> Sockets {
        let mut tally = Tally::new(held, own);
        format!("{HEAD}{tcp}").lines().for_each(|line| tally.tcp(line));
        let udp = format!("{HEAD}{}", line("0100007F:0035", "00000000:0000", "07", 60));
        udp.lines().for_each(|line| tally.other("udp", line, UDP_INODE));
        let unix = "Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 70 /run/x\n";
        unix.lines().for_each(|line| tally.other("unix", line, UNIX_INODE));
        tally.finish()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn states_and_peers_of_held_sockets_are_counted() {
        let store = "040012AC:1B58";
        let mut tcp = line("00000000:1F90", "00000000:0000", "0A", 1);
        for inode in 10..15 {
            tcp += &line("020012AC:C000", store, "08", inode);
        }
        tcp += &line("020012AC:1F90", "030012AC:9999", "01", 20);
        tcp += &line("020012AC:1F90", "030012AC:9998", "01", 21);
        tcp += &line("020012AC:C001", store, "06", 0);
        tcp += &line("020012AC:C002", store, "01", 99);
        tcp += &line(
            "0000000000000000FFFF0000020012AC:1F90",
            "0000000000000000FFFF0000030012AC:9997",
            "01",
            22,
        );
        let held: BTreeSet<u64> =
            [1, 10, 11, 12, 13, 14, 20, 21, 22, 60, 70, 80].into_iter().collect();
        let found = count(&tcp, &held, true);
        let states: Vec<_> = found.states.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        assert_eq!(
            states,
            [
                ("other", 1),
                ("tcp CLOSE_WAIT", 5),
                ("tcp ESTABLISHED", 3),
                ("tcp LISTEN", 1),
                ("udp", 1),
                ("unix", 1)
            ]
        );
        let peers: Vec<_> = found.peers.top.iter().map(|c| (c.name.as_str(), c.count)).collect();
        assert_eq!(
            peers,
            [
                ("CLOSE_WAIT to 172.18.0.4:7000", 5),
                ("ESTABLISHED from :8080", 3),
                ("LISTEN at :8080", 1)
            ]
        );
        assert_eq!(found.unowned, [("TIME_WAIT".to_owned(), 1)].into());
        let shared = count(&tcp, &held, false);
        assert!(shared.unowned.is_empty(), "the host's TIME_WAIT is not the instance's");
    }

    #[test]
    fn a_real_connection_is_found_at_both_ends() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let _server = listener.accept().unwrap();
        let me = super::super::processes::Processes {
            main: std::process::id(),
            pids: vec![std::process::id()],
            left_out: 0,
        };
        let open = super::super::descriptors::read(&me).unwrap();
        let found = read(me.main, &open, false).unwrap();
        assert!(found.states["tcp LISTEN"] >= 1);
        assert!(found.states["tcp ESTABLISHED"] >= 2);
        assert!(found.total >= 3);
        assert!(read(u32::MAX, &open, false).is_err());
    }
}
