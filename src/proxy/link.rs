//! One link: a listening socket, its connections, its gate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Directions;
use super::counters::{Counters, LinkState, Raised};
use super::gate::{Gate, Watcher};
use super::pump::Pump;
use crate::record::Victim;
use crate::units::Bytes;

/// Most connections of one link at a time. When full, further ones wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 4096;
/// How long to wait when the kernel has no descriptor left for a connection.
const BREATHER: Duration = Duration::from_millis(50);
/// How often to look whether a client that is being held has given up.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Link {
    client: String,
    server: Victim,
    listen: SocketAddr,
    upstream: watch::Sender<SocketAddr>,
    pub(super) gate: Gate,
    counters: Counters,
}

impl Link {
    pub(super) fn new(
        client: &str,
        server: &Victim,
        listen: SocketAddr,
        upstream: SocketAddr,
    ) -> Self {
        Self {
            client: client.to_owned(),
            server: server.clone(),
            listen,
            upstream: watch::Sender::new(upstream),
            gate: Gate::new(),
            counters: Counters::default(),
        }
    }

    pub(super) fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// From now on new connections go to `upstream`.
    pub(super) fn lead_to(&self, upstream: SocketAddr) {
        self.upstream.send_replace(upstream);
    }

    pub(super) fn state(&self) -> LinkState {
        let (cut, lease_left) = self.gate.state();
        let c = &self.counters;
        LinkState {
            client: self.client.clone(),
            server: self.server.clone(),
            listen: self.listen,
            upstream: *self.upstream.borrow(),
            cut,
            lease_left,
            relayed_to_server: Bytes(c.relayed_to_server.load(Relaxed)),
            relayed_to_client: Bytes(c.relayed_to_client.load(Relaxed)),
            held_bytes: Bytes(c.held_bytes.load(Relaxed)),
            held_connections: c.held_connections.load(Relaxed),
            withheld: c.withheld.load(Relaxed),
            accepted: c.accepted.load(Relaxed),
            open: c.open.load(Relaxed),
            refused: c.refused.load(Relaxed),
        }
    }

    /// Accepts and relays until `stop`; every connection is a task of `tasks` that ends then too.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let accept = async {
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, link = %self.listen, "a link could not accept");
                        tokio::time::sleep(BREATHER).await;
                        continue;
                    }
                };
                let (link, stop) = (Arc::clone(&self), stop.clone());
                tasks.spawn(async move {
                    let _place = place;
                    // Nothing to report when it was stopped.
                    let _stopped = stop.run_until_cancelled(link.connection(stream)).await;
                });
            }
        };
        let _stopped = stop.run_until_cancelled(accept).await;
    }

    async fn connection(&self, mut client: TcpStream) {
        self.counters.accepted.fetch_add(1, Relaxed);
        let _open = Raised::new(&self.counters.open, 1);
        let mut gate = self.gate.watcher();
        if !self.wait_for_the_handshake(&client, &mut gate).await {
            return;
        }
        let upstream = *self.upstream.borrow();
        let mut server = match TcpStream::connect(upstream).await {
            Ok(server) => server,
            Err(error) => {
                tracing::debug!(%error, %upstream, "a link's server took no connection");
                self.counters.refused.fetch_add(1, Relaxed);
                // A refusal is a packet like any other: it arrives when a cut is over.
                gate.open(Directions::BOTH).await;
                reset(&client);
                return;
            }
        };
        if let Err(error) = self.relay(&mut client, &mut server).await {
            tracing::debug!(%error, link = %self.listen, "a link's connection broke");
            gate.open(Directions::BOTH).await;
            reset(&client);
            reset(&server);
        }
    }

    /// A handshake needs both directions. False when the client gave up meanwhile: its packets would
    /// then never have reached the server, so the server is not bothered either.
    async fn wait_for_the_handshake(&self, client: &TcpStream, gate: &mut Watcher) -> bool {
        if !gate.is_cut(Directions::BOTH) {
            return true;
        }
        let _held = self.counters.hold(&self.counters.held_connections, 1);
        loop {
            let opened = tokio::time::timeout(LOOK, gate.open(Directions::BOTH)).await.is_ok();
            if has_hung_up(client) {
                return false;
            }
            if opened {
                return true;
            }
        }
    }

    async fn relay(&self, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let pump = |way, relayed| Pump {
            way,
            gate: self.gate.watcher(),
            relayed,
            counters: &self.counters,
        };
        let there = pump(Directions::TO_SERVER, &self.counters.relayed_to_server);
        let back = pump(Directions::TO_CLIENT, &self.counters.relayed_to_client);
        tokio::try_join!(there.run(from_client, to_server), back.run(from_server, to_client))?;
        Ok(())
    }
}

fn has_hung_up(client: &TcpStream) -> bool {
    match client.ready(Interest::READABLE).now_or_never() {
        Some(Ok(ready)) => ready.is_read_closed(),
        Some(Err(_)) => true,
        None => false,
    }
}

/// Makes closing the stream a reset, as by a server that refuses or dies.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection ends without a reset");
    }
}
