//! An instance's sockets by state and peer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::descriptors::Open;
use super::fold::Counter;
use super::processes::denied;
use crate::record::Sockets;

/// Peers told.
const TOP: usize = 30;
/// So much of each table is read: about 100 000 sockets.
const LARGEST: u64 = 16 << 20;

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
    let table = |name: &str| text(main, name);
    let tcp = table("tcp").map_err(|e| denied(&e))?;
    let tables = Tables {
        tcp: [tcp, table("tcp6").unwrap_or_default()],
        udp: [table("udp").unwrap_or_default(), table("udp6").unwrap_or_default()],
        unix: table("unix").unwrap_or_default(),
    };
    let mut sockets = count(&tables, &open.sockets, own);
    sockets.total = open.socket_descriptors;
    Ok(sockets)
}

fn text(pid: u32, name: &str) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/net/{name}"))?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Tables {
    tcp: [String; 2],
    udp: [String; 2],
    unix: String,
}

struct Tcp {
    local: SocketAddr,
    remote: SocketAddr,
    state: &'static str,
    inode: u64,
}

fn count(tables: &Tables, held: &BTreeSet<u64>, own: bool) -> Sockets {
    let tcp: Vec<Tcp> = tables.tcp.iter().flat_map(|t| t.lines().skip(1)).filter_map(tcp).collect();
    let listening: BTreeSet<u16> =
        tcp.iter().filter(|s| s.state == "LISTEN").map(|s| s.local.port()).collect();
    let mut left = held.clone();
    let (mut states, mut unowned) = (BTreeMap::new(), BTreeMap::new());
    let mut peers = Counter::default();
    for socket in tcp {
        if left.remove(&socket.inode) {
            *states.entry(format!("tcp {}", socket.state)).or_default() += 1;
            peers.add(peer(&socket, &listening));
        } else if socket.inode == 0 && own {
            *unowned.entry(socket.state.to_owned()).or_default() += 1;
        }
    }
    let mut others = |name: &str, inodes: Vec<u64>| {
        let n = inodes.into_iter().filter(|inode| left.remove(inode)).count() as u64;
        if n > 0 {
            states.insert(name.to_owned(), n);
        }
    };
    let udp = tables.udp.iter().flat_map(|t| t.lines().skip(1));
    others("udp", udp.filter_map(|line| word(line, 9)?.parse().ok()).collect());
    let unix = tables.unix.lines().skip(1);
    others("unix", unix.filter_map(|line| word(line, 6)?.parse().ok()).collect());
    if !left.is_empty() {
        // Netlink and raw sockets, and those of a process that is in another namespace.
        states.insert("other".to_owned(), left.len() as u64);
    }
    Sockets { total: 0, states, peers: peers.top(TOP), unowned }
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

    fn tables(tcp: &str, tcp6: &str) -> Tables {
        let udp = format!("{HEAD}{}", line("0100007F:0035", "00000000:0000", "07", 60));
        let unix = "Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 70 /run/x\n";
        Tables {
            tcp: [format!("{HEAD}{tcp}"), format!("{HEAD}{tcp6}")],
            udp: [udp, String::new()],
            unix: unix.to_owned(),
        }
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
        let tcp6 = line(
            "0000000000000000FFFF0000020012AC:1F90",
            "0000000000000000FFFF0000030012AC:9997",
            "01",
            22,
        );
        let held: BTreeSet<u64> =
            [1, 10, 11, 12, 13, 14, 20, 21, 22, 60, 70, 80].into_iter().collect();
        let found = count(&tables(&tcp, &tcp6), &held, true);
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
        let shared = count(&tables(&tcp, &tcp6), &held, false);
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
        let found = count(
            &Tables {
                tcp: [text(me.main, "tcp").unwrap(), String::new()],
                udp: [String::new(), String::new()],
                unix: String::new(),
            },
            &open.sockets,
            false,
        );
        assert!(found.states["tcp LISTEN"] >= 1);
        assert!(found.states["tcp ESTABLISHED"] >= 2);
        assert!(read(me.main, &open, false).unwrap().total >= 3);
        assert!(read(u32::MAX, &open, false).is_err());
    }
}
