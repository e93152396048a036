//! Cuts on the real kernel, between two network namespaces made for it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
use longhaul::clock::monotonic;
use longhaul::helper::{
    Cut, CutState, HelperError, Namespace, OneShot, available, by_container, by_pid, main,
};

use crate::netlab::{Host, Lab, PATIENCE, arrived, deliver, send};

const TABLE: &str = "longhaul_cut_1";
const LONG: Duration = Duration::from_mins(10);

fn cut(sources: &[IpAddr], lease: Duration) -> Cut {
    Cut { table: TABLE.into(), sources: sources.to_vec(), lease }
}

async fn dropped_reaches(namespace: &dyn Namespace, count: u64) -> CutState {
    let deadline = monotonic() + PATIENCE;
    loop {
        let state = namespace.state(TABLE).await.unwrap();
        if state.dropped >= count {
            return state;
        }
        assert!(monotonic() < deadline, "{count} packets expected: {state:?}");
    }
}

/// Arms, shows that nothing passes, disarms, shows that all does: by either transport.
async fn cuts_and_restores(lab: &Lab, namespace: &dyn Namespace) {
    let sources = lab.near.addresses;
    for family in [0, 1] {
        let (from, to) = (lab.near.udp(family), lab.far.udp(family));
        deliver(&from, &to);
        namespace.arm(&cut(&sources, LONG)).await.unwrap();
        // Neighbours still find each other, so senders get no error: packets are lost, that is all.
        lab.near.ip(&["neighbour", "flush", "dev", "v0"]);
        send(&from, to.local_addr().unwrap(), 100);
        let state = dropped_reaches(namespace, 100).await;
        assert_eq!(arrived(&to), 0);
        assert_eq!(state, CutState { present: true, armed: sources.to_vec(), dropped: 100 });
        assert_eq!(namespace.tables().await.unwrap(), [TABLE]);

        namespace.disarm(TABLE).await.unwrap();
        deliver(&from, &to);
        namespace.disarm(TABLE).await.unwrap();
        assert_eq!(namespace.state(TABLE).await.unwrap(), CutState::default());
        assert_eq!(namespace.tables().await.unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn an_armed_cut_cuts_at_once_and_a_disarmed_one_is_gone_at_once() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    cuts_and_restores(&lab, &*by_pid(lab.far.pid())).await;
}

/// The engine's part, without an engine: runs the helper's command inside the namespace.
struct Beside(Arc<Lab>);

impl OneShot for Beside {
    fn run(&self, container: &str, args: Vec<String>) -> BoxFuture<'_, Result<String, String>> {
        assert_eq!((container, args[0].as_str()), ("far", "helper"));
        let mut out = Vec::new();
        let code = self.0.far.inside(|| main(&args[1..], &mut out));
        assert_eq!(code, 0);
        Box::pin(async move { String::from_utf8(out).map_err(|e| e.to_string()) })
    }
}

#[tokio::test]
async fn the_command_in_a_helper_container_does_the_same() {
    if !Lab::wanted() {
        return;
    }
    let lab = Arc::new(Lab::new());
    let beside = Arc::new(Beside(Arc::clone(&lab)));
    cuts_and_restores(&lab, &*by_container("far".into(), beside)).await;
}

/// Sends without a pause from a thread of its own, until told to stop or dropped.
struct Stream {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Stream {
    fn start(from: UdpSocket, to: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut sent = 0;
            let end = monotonic() + PATIENCE;
            while !told.load(Relaxed) && monotonic() < end {
                send(&from, to, 1);
                sent += 1;
            }
            sent
        });
        Self { stop, thread }
    }

    /// How many it sent.
    fn finish(self) -> u64 {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

#[tokio::test]
async fn renewals_let_nothing_through() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    let (from, to) = (lab.near.udp(0), lab.far.udp(0));
    // Much longer than any hold-up between two renewals, and several of them in all.
    let lease = Duration::from_millis(700);
    let cut = cut(&lab.near.addresses, lease);
    namespace.arm(&cut).await.unwrap();
    let stream = Stream::start(from, to.local_addr().unwrap());
    let end = monotonic() + lease * 4;
    let mut renewals = 0;
    while monotonic() < end {
        namespace.arm(&cut).await.unwrap();
        renewals += 1;
    }
    let sent = stream.finish();
    assert_eq!(arrived(&to), 0, "a renewal let packets through");
    let state = dropped_reaches(&*namespace, sent).await;
    assert_eq!((arrived(&to), state.dropped), (0, sent));
    assert!(renewals > 20 && sent > 1000, "{renewals} renewals, {sent} packets: nothing was shown");
}

#[tokio::test]
async fn without_renewal_traffic_flows_again_by_itself() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let (from, to) = (lab.near.udp(0), lab.far.udp(0));
    let lease = Duration::from_secs(2);
    let cut = cut(&lab.near.addresses, lease);
    let before = monotonic();
    {
        let namespace = by_pid(lab.far.pid());
        namespace.arm(&cut).await.unwrap();
        namespace.arm(&cut).await.unwrap();
    }
    // From here on nobody acts on the rules.
    let renewed = monotonic();
    to.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut lost = 0;
    loop {
        send(&from, to.local_addr().unwrap(), 1);
        if to.recv(&mut [0; 8]).is_ok() {
            break;
        }
        lost += 1;
        assert!(renewed.elapsed() < PATIENCE, "still cut after {lost} packets");
    }
    let (least, most) = (renewed.elapsed(), before.elapsed());
    // The kernel counts in ticks of up to 10 ms.
    let tick = Duration::from_millis(20);
    assert!(most + tick >= lease, "flowed after {most:?} already");
    assert!(least < lease + Duration::from_secs(1), "flowed only after {least:?}");
    assert!(lost > 10, "{lost}");

    // What is left is inert, says so, and can be armed again.
    let namespace = by_pid(lab.far.pid());
    let state = namespace.state(TABLE).await.unwrap();
    assert!(state.present && state.armed.is_empty() && state.dropped >= lost, "{state:?}");
    namespace.arm(&cut).await.unwrap();
    arrived(&to);
    send(&from, to.local_addr().unwrap(), 10);
    dropped_reaches(&*namespace, state.dropped + 10).await;
    assert_eq!(arrived(&to), 0);
}

#[tokio::test]
async fn only_the_one_direction_is_cut() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    let (near, far) = (lab.near.udp(0), lab.far.udp(0));
    namespace.arm(&cut(&lab.near.addresses, LONG)).await.unwrap();
    deliver(&far, &near);
    send(&near, far.local_addr().unwrap(), 5);
    dropped_reaches(&*namespace, 5).await;
    assert_eq!(arrived(&far), 0);
    // The engine's name server answers on loopback: that stays.
    let local = |_| lab.far.inside(|| UdpSocket::bind("127.0.0.11:0").unwrap());
    let (question, answer) = (local(0), local(1));
    answer.set_read_timeout(Some(PATIENCE)).unwrap();
    deliver(&question, &answer);
}

#[tokio::test]
async fn an_open_connection_is_cut_too_and_goes_on_afterwards() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    let listener = lab.far.inside(|| TcpListener::bind((lab.far.addresses[0], 0)).unwrap());
    let to = listener.local_addr().unwrap();
    let mut client = lab.near.inside(|| TcpStream::connect(to).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    let mut got = [0; 4];
    client.write_all(b"ping").unwrap();
    server.read_exact(&mut got).unwrap();

    namespace.arm(&cut(&lab.near.addresses, LONG)).await.unwrap();
    client.write_all(b"pong").unwrap();
    dropped_reaches(&*namespace, 2).await;
    server.set_nonblocking(true).unwrap();
    let heard = server.read(&mut got).unwrap_err();
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);

    namespace.disarm(TABLE).await.unwrap();
    server.set_nonblocking(false).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"pong");
}

/// A table that somebody else made.
async fn foreign(host: &Host, name: &str) {
    use nlink::netlink::nftables::Family;
    let kernel = nlink::Connection::<nlink::Nftables>::new_in(
        &nlink::netlink::namespace::Netns::from_pid(host.pid()).unwrap(),
    );
    kernel.unwrap().add_table(name, Family::Inet).await.unwrap();
}

async fn all_tables(host: &Host) -> Vec<String> {
    let namespace = nlink::netlink::namespace::Netns::from_pid(host.pid()).unwrap();
    let kernel = nlink::Connection::<nlink::Nftables>::new_in(&namespace).unwrap();
    let mut names: Vec<_> =
        kernel.list_tables().await.unwrap().into_iter().map(|t| t.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn nothing_but_the_named_table_is_ever_touched() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    foreign(&lab.far, "other").await;
    foreign(&lab.far, "longhaulish").await;
    let second = Cut { table: "longhaul_cut_2".into(), ..cut(&lab.near.addresses, LONG) };
    namespace.arm(&cut(&lab.near.addresses, LONG)).await.unwrap();
    namespace.arm(&second).await.unwrap();
    assert_eq!(namespace.tables().await.unwrap(), [TABLE, "longhaul_cut_2"]);

    namespace.disarm(TABLE).await.unwrap();
    assert_eq!(all_tables(&lab.far).await, ["longhaul_cut_2", "longhaulish", "other"]);
    let (from, to) = (lab.near.udp(0), lab.far.udp(0));
    send(&from, to.local_addr().unwrap(), 3);
    while namespace.state("longhaul_cut_2").await.unwrap().dropped < 3 {}
    assert_eq!(arrived(&to), 0);

    let refused = namespace.disarm("other").await;
    assert!(matches!(refused, Err(HelperError::Invalid(_))), "{refused:?}");
    namespace.disarm("longhaul_cut_2").await.unwrap();
    assert_eq!(all_tables(&lab.far).await, ["longhaulish", "other"]);
}

#[tokio::test]
async fn a_cut_follows_its_peers_to_new_addresses() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    let (from, to) = (lab.near.udp(0), lab.far.udp(0));
    let [v4, v6] = lab.near.addresses;
    namespace.arm(&cut(&[v4], LONG)).await.unwrap();
    send(&from, to.local_addr().unwrap(), 3);
    dropped_reaches(&*namespace, 3).await;
    namespace.arm(&cut(&[v6], LONG)).await.unwrap();
    deliver(&from, &to);
    assert_eq!(namespace.state(TABLE).await.unwrap().armed, [v6]);
    // A renewal keeps what was counted.
    assert_eq!(namespace.state(TABLE).await.unwrap().dropped, 3);
}

#[tokio::test]
async fn a_table_of_another_make_is_replaced() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    foreign(&lab.far, TABLE).await;
    let expected = CutState { present: true, ..CutState::default() };
    assert_eq!(namespace.state(TABLE).await.unwrap(), expected);
    namespace.arm(&cut(&lab.near.addresses, LONG)).await.unwrap();
    assert_eq!(namespace.state(TABLE).await.unwrap().armed, lab.near.addresses);
}

#[tokio::test]
async fn the_probe_says_yes_and_leaves_nothing() {
    if !Lab::wanted() {
        return;
    }
    let lab = Lab::new();
    available(lab.far.pid()).await.unwrap();
    assert_eq!(all_tables(&lab.far).await, [""; 0]);
}

#[tokio::test]
async fn a_namespace_is_held_though_its_process_ends() {
    if !Lab::wanted() {
        return;
    }
    let mut lab = Lab::new();
    let namespace = by_pid(lab.far.pid());
    lab.far.end_process();
    namespace.arm(&cut(&lab.near.addresses, LONG)).await.unwrap();
    assert_eq!(namespace.tables().await.unwrap(), [TABLE]);
    assert_eq!(by_pid(lab.far.pid()).tables().await, Err(HelperError::Gone(lab.far.pid())));
}
