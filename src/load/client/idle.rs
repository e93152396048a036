use std::collections::VecDeque;
use std::net::SocketAddr;

use super::link::Link;
use super::websocket;
use crate::load::failure::Failure;

/// A connection that is kept from one request to the next.
pub(super) enum Conn {
    Redis(Link),
    WebSocket(Box<websocket::Session>),
    #[cfg(feature = "postgres")]
    Postgres(Box<super::postgres::Session>),
}

impl Conn {
    /// Where it leads.
    pub(super) fn addr(&self) -> SocketAddr {
        match self {
            Self::Redis(link) => link.tag().addr(),
            Self::WebSocket(session) => session.tag.addr(),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.tag.addr(),
        }
    }

    /// Waits with it while nobody uses it, until it is gone.
    pub(super) async fn attend(&mut self) -> Failure {
        match self {
            Self::WebSocket(session) => session.attend().await,
            _ => std::future::pending().await,
        }
    }

    /// Whether it is still open and nothing came on it that nobody asked for.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Redis(link) => link.is_quiet(),
            Self::WebSocket(session) => session.is_quiet(),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.is_quiet(),
        }
    }
}

/// Connections that nobody uses now, by pool; the last used last.
pub(super) struct Idle(Vec<VecDeque<(usize, Conn)>>);

impl Idle {
    pub(super) fn new(pools: usize) -> Self {
        Self((0..pools).map(|_| VecDeque::new()).collect())
    }

    /// Keeps a connection that leads to an origin.
    pub(super) fn put(&mut self, pool: usize, origin: usize, conn: Conn) {
        self.0[pool].push_back((origin, conn));
    }

    /// The one that was used last.
    pub(super) fn take(&mut self, pool: usize) -> Option<Conn> {
        self.0[pool].pop_back().map(|(_, conn)| conn)
    }

    /// Closes the one of the largest pool that has been idle for longest; says whether there was one.
    pub(super) fn give_way(&mut self) -> bool {
        let largest = self.0.iter_mut().max_by_key(|pool| pool.len());
        largest.and_then(VecDeque::pop_front).is_some()
    }

    /// Closes those that lead where nobody is any more.
    pub(super) fn retain(&mut self, leads: impl Fn(usize, SocketAddr) -> bool) {
        for pool in &mut self.0 {
            pool.retain(|(origin, conn)| leads(*origin, conn.addr()));
        }
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(VecDeque::clear);
    }
}
