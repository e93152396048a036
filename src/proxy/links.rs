//! All links of one target.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::link::Link;
use super::{Directions, LinkState, ProxyError};
use crate::record::Victim;

const MAX_LEASE: Duration = Duration::from_hours(1);

/// Cuttable TCP links. Cheap to clone; clones mean the same links. When the last clone goes, so do the
/// links and every connection over them.
#[derive(Clone, Debug, Default)]
pub struct Links {
    inner: Arc<Inner>,
}

type Key = (String, Victim);

#[derive(Debug)]
struct Inner {
    links: Mutex<BTreeMap<Key, Arc<Link>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Default for Inner {
    fn default() -> Self {
        let stop = CancellationToken::new();
        Self {
            links: Mutex::default(),
            tasks: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }
}

impl Links {
    /// No links yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a link on a free port of 127.0.0.1 from `client` (a service) to `server`, which listens at
    /// `upstream`, and gives back the address for the client to use. A link that is there keeps its
    /// address and its cut, and leads to `upstream` from now on: so a server may come back elsewhere.
    /// Errors: no socket to be had, or [`shutdown`](Self::shutdown) was called.
    pub async fn link(
        &self,
        client: &str,
        server: &Victim,
        upstream: SocketAddr,
    ) -> io::Result<SocketAddr> {
        if self.inner.stop.is_cancelled() {
            return Err(io::Error::other("the links are shut down"));
        }
        let key = (client.to_owned(), server.clone());
        if let Some(link) = self.lock().get(&key) {
            link.lead_to(upstream);
            return Ok(link.listen());
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let listen = listener.local_addr()?;
        let link = match self.lock().entry(key) {
            // Somebody was faster: that address may be in use already.
            Entry::Occupied(first) => {
                first.get().lead_to(upstream);
                return Ok(first.get().listen());
            }
            Entry::Vacant(place) => {
                Arc::clone(place.insert(Arc::new(Link::new(client, server, listen, upstream))))
            }
        };
        let (tasks, stop) = (self.inner.tasks.clone(), self.inner.stop.clone());
        self.inner.tasks.spawn(link.serve(listener, tasks, stop));
        Ok(listen)
    }

    /// Cuts the link in `directions`, and in no other, for `lease` (1 ms to 1 h) from now: call it again
    /// to renew or to change. A piece of at most 16 KiB that is being written at this moment may pass.
    pub fn cut(
        &self,
        client: &str,
        server: &Victim,
        directions: Directions,
        lease: Duration,
    ) -> Result<(), ProxyError> {
        if directions == Directions::NONE {
            return Err(ProxyError::NoDirection);
        }
        if !(Duration::from_millis(1)..=MAX_LEASE).contains(&lease) {
            return Err(ProxyError::Lease(lease));
        }
        self.find(client, server)?.gate.cut(directions, lease);
        Ok(())
    }

    /// Ends a cut. What was held flows on. Not cut is fine.
    pub fn restore(&self, client: &str, server: &Victim) -> Result<(), ProxyError> {
        self.find(client, server)?.gate.restore();
        Ok(())
    }

    /// What the link does at this moment; `None` when nobody made it.
    pub fn state(&self, client: &str, server: &Victim) -> Option<LinkState> {
        Some(self.find(client, server).ok()?.state())
    }

    /// All links, by client and server.
    pub fn states(&self) -> Vec<LinkState> {
        self.lock().values().map(|link| link.state()).collect()
    }

    /// Ends every connection and every link, for good. True when all of it has ended within `deadline`.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.lock().clear();
        tokio::time::timeout(deadline, self.inner.tasks.wait()).await.is_ok()
    }

    fn find(&self, client: &str, server: &Victim) -> Result<Arc<Link>, ProxyError> {
        let key = (client.to_owned(), server.clone());
        self.lock().get(&key).cloned().ok_or_else(|| {
            let (client, server) = key;
            ProxyError::Unknown { client, server }
        })
    }

    /// Held for a look-up only. Every change is a single step, so a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Link>>> {
        self.inner.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;
    use crate::units::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    const LONG: Duration = Duration::from_mins(1);
    /// Long enough for most things on loopback to arrive that are not held.
    const SOON: Duration = Duration::from_millis(150);

    fn api() -> Victim {
        Victim { service: "api".into(), ordinal: 1 }
    }

    /// A link with one connection over it: the client's end, the server's end.
    async fn connected(links: &Links) -> (TcpStream, TcpStream, TcpListener) {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = links.link("gateway", &api(), upstream.local_addr().unwrap()).await.unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = timeout(LONG, upstream.accept()).await.unwrap().unwrap();
        (client, server, upstream)
    }

    async fn hears(stream: &mut TcpStream, text: &[u8]) {
        let mut got = vec![0; text.len()];
        timeout(LONG, stream.read_exact(&mut got)).await.unwrap().unwrap();
        assert_eq!(got, text);
    }

    async fn hears_nothing(stream: &mut TcpStream) {
        let heard = timeout(SOON, stream.read(&mut [0])).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    fn state(links: &Links) -> LinkState {
        links.state("gateway", &api()).unwrap()
    }

    #[tokio::test]
    async fn a_cut_holds_both_directions_and_then_delivers_everything() {
        let links = Links::new();
        let (mut client, mut server, _upstream) = connected(&links).await;
        client.write_all(b"ping").await.unwrap();
        hears(&mut server, b"ping").await;
        links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap();
        client.write_all(b"question").await.unwrap();
        server.write_all(b"answer").await.unwrap();
        hears_nothing(&mut server).await;
        hears_nothing(&mut client).await;
        let cut = state(&links);
        assert_eq!((cut.cut, cut.held_bytes, cut.withheld), (Directions::BOTH, Bytes(14), 2));
        assert_eq!((cut.relayed_to_server, cut.relayed_to_client), (Bytes(4), Bytes(0)));
        links.restore("gateway", &api()).unwrap();
        hears(&mut server, b"question").await;
        hears(&mut client, b"answer").await;
        let healed = state(&links);
        assert_eq!((healed.cut, healed.held_bytes), (Directions::NONE, Bytes(0)));
    }

    #[tokio::test]
    async fn without_renewal_a_cut_ends_by_itself() {
        let links = Links::new();
        let (mut client, mut server, _upstream) = connected(&links).await;
        let lease = Duration::from_millis(300);
        links.cut("gateway", &api(), Directions::BOTH, Duration::from_millis(20)).unwrap();
        links.cut("gateway", &api(), Directions::BOTH, lease).unwrap();
        let start = monotonic();
        client.write_all(b"x").await.unwrap();
        timeout(LONG, server.read_exact(&mut [0])).await.unwrap().unwrap();
        let waited = start.elapsed();
        assert!(waited + Duration::from_millis(10) >= lease, "{waited:?}");
    }

    #[tokio::test]
    async fn a_cut_in_one_direction_leaves_the_other() {
        let links = Links::new();
        let (mut client, mut server, _upstream) = connected(&links).await;
        links.cut("gateway", &api(), Directions::TO_CLIENT, LONG).unwrap();
        client.write_all(b"question").await.unwrap();
        hears(&mut server, b"question").await;
        server.write_all(b"answer").await.unwrap();
        hears_nothing(&mut client).await;
        links.cut("gateway", &api(), Directions::TO_SERVER, LONG).unwrap();
        hears(&mut client, b"answer").await;
        client.write_all(b"again").await.unwrap();
        hears_nothing(&mut server).await;
    }

    #[tokio::test]
    async fn a_new_connection_hangs_until_the_cut_is_over() {
        let links = Links::new();
        let (_client, _server, upstream) = connected(&links).await;
        links.cut("gateway", &api(), Directions::TO_CLIENT, LONG).unwrap();
        let mut second = TcpStream::connect(state(&links).listen).await.unwrap();
        second.write_all(b"hello").await.unwrap();
        assert!(timeout(SOON, upstream.accept()).await.is_err());
        assert_eq!(state(&links).held_connections, 1);
        links.restore("gateway", &api()).unwrap();
        let (mut server, _) = timeout(LONG, upstream.accept()).await.unwrap().unwrap();
        hears(&mut server, b"hello").await;
        assert_eq!(state(&links).held_connections, 0);
    }

    #[tokio::test]
    async fn a_client_that_gave_up_during_the_cut_never_reaches_the_server() {
        let links = Links::new();
        let (_client, _server, upstream) = connected(&links).await;
        links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap();
        let mut ghost = TcpStream::connect(state(&links).listen).await.unwrap();
        ghost.write_all(b"order").await.unwrap();
        drop(ghost);
        let deadline = monotonic() + LONG;
        while state(&links).open > 1 || state(&links).accepted < 2 {
            assert!(monotonic() < deadline, "{:?}", state(&links));
            tokio::task::yield_now().await;
        }
        links.restore("gateway", &api()).unwrap();
        assert!(timeout(SOON, upstream.accept()).await.is_err());
    }

    #[tokio::test]
    async fn a_full_pipe_holds_the_sender_and_loses_nothing() {
        let links = Links::new();
        let (mut client, mut server, _upstream) = connected(&links).await;
        links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap();
        let data: Vec<u8> = (0..32_u32 << 20).map(|i| (i % 251) as u8).collect();
        let mut sent = 0;
        while let Ok(written) = timeout(SOON, client.write(&data[sent..])).await {
            sent += written.unwrap();
            assert!(sent < data.len(), "nothing held the sender back");
        }
        assert!(state(&links).held_bytes <= Bytes(16 * 1024), "{:?}", state(&links));
        links.restore("gateway", &api()).unwrap();
        let mut got = Vec::new();
        let (wrote, read) = tokio::join!(
            async {
                client.write_all(&data[sent..]).await?;
                client.shutdown().await
            },
            server.read_to_end(&mut got)
        );
        wrote.unwrap();
        read.unwrap();
        assert!(got == data, "{} of {} bytes", got.len(), data.len());
        assert_eq!(state(&links).relayed_to_server, Bytes(data.len() as u64));
    }

    #[tokio::test]
    async fn an_end_and_a_reset_are_felt_after_the_cut_only() {
        let links = Links::new();
        let (mut client, mut server, upstream) = connected(&links).await;
        links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap();
        server.write_all(b"last words").await.unwrap();
        drop(server);
        hears_nothing(&mut client).await;
        links.restore("gateway", &api()).unwrap();
        hears(&mut client, b"last words").await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);

        let mut client = TcpStream::connect(state(&links).listen).await.unwrap();
        let (server, _) = upstream.accept().await.unwrap();
        links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap();
        server.set_zero_linger().unwrap();
        drop(server);
        assert!(timeout(SOON, client.read(&mut [0])).await.is_err());
        links.restore("gateway", &api()).unwrap();
        let error = timeout(LONG, client.read(&mut [0])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_server_that_is_down_resets_and_one_that_moved_is_found() {
        let links = Links::new();
        let (_client, _server, upstream) = connected(&links).await;
        drop(upstream);
        let address = state(&links).listen;
        let mut refused = TcpStream::connect(address).await.unwrap();
        let error = timeout(LONG, refused.read(&mut [0])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(state(&links).refused, 1);

        let moved = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let same = links.link("gateway", &api(), moved.local_addr().unwrap()).await.unwrap();
        assert_eq!(same, address);
        let _client = TcpStream::connect(address).await.unwrap();
        timeout(LONG, moved.accept()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn of_many_links_only_the_one_is_cut() {
        let links = Links::new();
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = |ordinal| Victim { service: "api".into(), ordinal };
        for ordinal in 1..=40 {
            links.link("gateway", &server(ordinal), upstream.local_addr().unwrap()).await.unwrap();
        }
        links.cut("gateway", &server(7), Directions::BOTH, LONG).unwrap();
        for link in links.states() {
            let _client = TcpStream::connect(link.listen).await.unwrap();
            let cut = link.server == server(7);
            let patience = if cut { SOON } else { LONG };
            let arrives = timeout(patience, upstream.accept()).await.is_ok();
            assert_eq!(arrives, !cut, "{}", link.server);
        }
    }

    #[tokio::test]
    async fn a_shutdown_ends_everything_a_cut_included() {
        let links = Links::new();
        let (mut client, _server, _upstream) = connected(&links).await;
        let address = state(&links).listen;
        links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap();
        assert!(links.shutdown(Duration::from_secs(5)).await);
        assert_eq!(timeout(LONG, client.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
        assert!(TcpStream::connect(address).await.is_err());
        assert!(links.link("gateway", &api(), address).await.is_err());
        assert!(links.state("gateway", &api()).is_none());
    }

    #[tokio::test]
    async fn a_request_that_makes_no_sense_is_refused() {
        let links = Links::new();
        let unknown = links.cut("gateway", &api(), Directions::BOTH, LONG).unwrap_err();
        assert_eq!(unknown.to_string(), "find the link from gateway to api#1");
        let _ends = connected(&links).await;
        let cut = |ways, lease| links.cut("gateway", &api(), ways, lease);
        assert_eq!(cut(Directions::NONE, LONG), Err(ProxyError::NoDirection));
        assert_eq!(cut(Directions::BOTH, Duration::ZERO), Err(ProxyError::Lease(Duration::ZERO)));
        assert_eq!(state(&links).cut, Directions::NONE);
    }
}
