//! Two network namespaces with a cable between them, and nothing else: traffic to cut.
//!
//! Everything is named after this process and removed when the lab is dropped, a panic included.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use longhaul::clock::monotonic;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One end of the cable.
pub(crate) struct Host {
    name: String,
    process: Child,
    /// IPv4 and IPv6.
    pub(crate) addresses: [IpAddr; 2],
}

/// Both ends.
pub(crate) struct Lab {
    pub(crate) near: Host,
    pub(crate) far: Host,
}

impl Lab {
    /// Says whether to skip: only when asked to. Without root it fails, for then nothing was shown.
    pub(crate) fn wanted() -> bool {
        if std::env::var("LONGHAUL_TEST_NO_DOCKER").is_ok_and(|v| v == "1") {
            return false;
        }
        assert!(
            rustix::process::geteuid().is_root(),
            "network namespaces need root; LONGHAUL_TEST_NO_DOCKER=1 leaves these tests out"
        );
        true
    }

    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let (near, far) = (format!("lh{id}a"), format!("lh{id}b"));
        let lab = Self { near: Host::new(near, 1), far: Host::new(far, 2) };
        let (a, b) = (&lab.near.name, &lab.far.name);
        ip(&["link", "add", "v0", "netns", a, "type", "veth", "peer", "name", "v0", "netns", b]);
        for host in [&lab.near, &lab.far] {
            host.ip(&["link", "set", "lo", "up"]);
            host.ip(&["link", "set", "v0", "up"]);
            let [v4, v6] = host.addresses;
            host.ip(&["address", "add", &format!("{v4}/24"), "dev", "v0"]);
            host.ip(&["address", "add", &format!("{v6}/64"), "dev", "v0", "nodad"]);
        }
        lab
    }
}

impl Host {
    fn new(name: String, number: u16) -> Self {
        ip(&["netns", "add", &name]);
        let process = Command::new("ip")
            .args(["netns", "exec", &name, "sleep", "600"])
            .stdin(Stdio::null())
            .spawn()
            .expect("iproute2 is installed");
        let addresses = [
            IpAddr::from([198, 18, 0, u8::try_from(number).unwrap()]),
            IpAddr::from([0xfd00, 0x10, 0, 0, 0, 0, 0, number]),
        ];
        let host = Self { name, process, addresses };
        // The process starts in our own namespace, which nobody may cut.
        let inode = |path: String| std::fs::metadata(path).map(|m| m.ino()).ok();
        let wanted = inode(format!("/run/netns/{}", host.name));
        let deadline = monotonic() + PATIENCE;
        while inode(format!("/proc/{}/ns/net", host.pid())) != wanted {
            assert!(monotonic() < deadline, "no process entered {}", host.name);
            std::thread::yield_now();
        }
        host
    }

    /// A process in here.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends the process; the namespace stays.
    pub(crate) fn end_process(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Does `work` in here, on a thread of its own.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind).unwrap();
                work()
            });
            thread.join().unwrap()
        })
    }

    /// A UDP socket on the `family`th address.
    pub(crate) fn udp(&self, family: usize) -> UdpSocket {
        let socket = self.inside(|| UdpSocket::bind((self.addresses[family], 0)).unwrap());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    pub(crate) fn ip(&self, args: &[&str]) {
        ip(&[&["-n", &self.name], args].concat());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Each may have gone already: the other steps must still be taken.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
        let _gone = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said}", args.join(" "));
}

/// Sends one datagram and waits for it.
pub(crate) fn deliver(from: &UdpSocket, to: &UdpSocket) {
    from.send_to(b"x", to.local_addr().unwrap()).unwrap();
    to.recv(&mut [0; 8]).unwrap();
}

/// How many datagrams have arrived.
pub(crate) fn arrived(at: &UdpSocket) -> u64 {
    at.set_nonblocking(true).unwrap();
    let mut count = 0;
    loop {
        match at.recv(&mut [0; 8]) {
            Ok(_) => count += 1,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            Err(e) => panic!("{e}"),
        }
    }
    at.set_nonblocking(false).unwrap();
    count
}

/// Sends `count` datagrams.
pub(crate) fn send(from: &UdpSocket, to: SocketAddr, count: u64) {
    for _ in 0..count {
        from.send_to(b"x", to).unwrap();
    }
}
