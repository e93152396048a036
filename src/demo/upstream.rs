use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::monotonic;

/// How often names are looked up again.
const LOOK_UP: Duration = Duration::from_secs(1);
/// For so long an address that could not be reached is left alone.
const SKIP: Duration = Duration::from_secs(1);
/// A neighbour answers within a millisecond; a vanished one never does.
const CONNECT: Duration = Duration::from_millis(300);
/// From request to complete answer; longer than an api replica waits for its store.
const ANSWER: Duration = Duration::from_secs(3);
/// Idle connections kept for each address.
const IDLE: usize = 32;
/// Longest answer passed on, bytes.
const MAX_ANSWER: usize = 8 << 20;

/// Why an address gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("no address of the api is known")]
    Nobody,
    #[error("the api can't be reached at {0}")]
    Connect(SocketAddr),
    #[error("the api gave no answer at {0} within 3 s")]
    TimedOut(SocketAddr),
    #[error("the connection to the api broke at {0}")]
    Broken(SocketAddr),
}

/// The api's addresses, as they come and go, with connections kept open to each.
pub(super) struct Upstreams {
    names: Vec<String>,
    known: Mutex<Vec<Upstream>>,
    turn: AtomicUsize,
    connections: TaskTracker,
}

struct Upstream {
    addr: SocketAddr,
    /// Which name it was found under.
    name: usize,
    skip_until: Option<Instant>,
    idle: Vec<SendRequest<Full<Bytes>>>,
}

impl Upstreams {
    pub(super) fn new(names: Vec<String>) -> Self {
        Self {
            names,
            known: Mutex::default(),
            turn: AtomicUsize::new(0),
            connections: TaskTracker::new(),
        }
    }

    /// Looks the names up, now and once a second, until `stop`.
    pub(super) async fn keep_looking(&self, stop: CancellationToken) {
        loop {
            for (index, name) in self.names.iter().enumerate() {
                match lookup_host(name.as_str()).await {
                    Ok(found) => self.learn(index, found.collect()),
                    // What was known may still be right.
                    Err(error) => tracing::debug!(%name, %error, "look-up failed"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_UP) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn learn(&self, name: usize, mut found: Vec<SocketAddr>) {
        found.sort_unstable();
        found.dedup();
        let mut known = self.lock();
        known.retain(|u| u.name != name || found.contains(&u.addr));
        for addr in found {
            if !known.iter().any(|u| u.addr == addr) {
                known.push(Upstream { addr, name, skip_until: None, idle: Vec::new() });
            }
        }
    }

    /// The next address in turn. One that failed lately, or is `not`, only when there is no other.
    pub(super) fn pick(&self, not: Option<SocketAddr>) -> Result<SocketAddr, UpstreamError> {
        let known = self.lock();
        if known.is_empty() {
            return Err(UpstreamError::Nobody);
        }
        let now = monotonic();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || (0..known.len()).map(|i| &known[(first.wrapping_add(i)) % known.len()]);
        in_turn()
            .find(|u| Some(u.addr) != not && u.skip_until.is_none_or(|until| until <= now))
            .or_else(|| in_turn().find(|u| Some(u.addr) != not))
            .or_else(|| in_turn().next())
            .map(|u| u.addr)
            .ok_or(UpstreamError::Nobody)
    }

    /// Sends to one address and reads the whole answer.
    pub(super) async fn send(
        &self,
        addr: SocketAddr,
        request: &Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, UpstreamError> {
        let answer = tokio::time::timeout(ANSWER, self.attempt(addr, request)).await;
        let answer = answer.unwrap_or(Err(UpstreamError::TimedOut(addr)));
        if matches!(answer, Err(UpstreamError::Connect(_) | UpstreamError::TimedOut(_))) {
            self.with(addr, |u| {
                u.skip_until = Some(monotonic() + SKIP);
                u.idle.clear();
            });
        }
        answer
    }

    async fn attempt(
        &self,
        addr: SocketAddr,
        request: &Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, UpstreamError> {
        let broken = |_| UpstreamError::Broken(addr);
        let mut idle = self.with(addr, |u| {
            u.idle.retain(|c| !c.is_closed());
            u.idle.pop()
        });
        let response = loop {
            let fresh = idle.is_none();
            let mut connection = match idle.take() {
                Some(connection) => connection,
                None => self.connect(addr).await?,
            };
            match connection.try_send_request(request.clone()).await {
                Ok(response) => break (response, connection),
                // Closed at rest, with nothing sent: once more, on a new connection.
                Err(mut error) => {
                    if fresh || error.take_message().is_none() {
                        return Err(UpstreamError::Broken(addr));
                    }
                }
            }
        };
        let ((parts, body), connection) = (response.0.into_parts(), response.1);
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(broken)?.to_bytes();
        self.with(addr, |u| {
            if u.idle.len() < IDLE && !connection.is_closed() {
                u.idle.push(connection);
            }
        });
        Ok(Response::from_parts(parts, body))
    }

    async fn connect(&self, addr: SocketAddr) -> Result<SendRequest<Full<Bytes>>, UpstreamError> {
        let unreachable = || UpstreamError::Connect(addr);
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(addr)).await;
        let stream = stream.map_err(|_| unreachable())?.map_err(|_| unreachable())?;
        stream.set_nodelay(true).map_err(|_| unreachable())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|_| unreachable())?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%addr, %error, "connection ended");
            }
        });
        Ok(sender)
    }

    fn with<T: Default>(&self, addr: SocketAddr, act: impl FnOnce(&mut Upstream) -> T) -> T {
        self.lock().iter_mut().find(|u| u.addr == addr).map(act).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Upstream>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(n: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], n))
    }

    #[test]
    fn addresses_take_turns_and_a_failed_one_rests() {
        let upstreams = Upstreams::new(vec!["api:1".to_owned()]);
        assert!(upstreams.pick(None).is_err());
        upstreams.learn(0, vec![addr(1), addr(2)]);
        let mut picks: Vec<_> = (0..4).map(|_| upstreams.pick(None).unwrap()).collect();
        picks.sort_unstable();
        assert_eq!(picks, [addr(1), addr(1), addr(2), addr(2)]);
        upstreams.with(addr(1), |u| u.skip_until = Some(monotonic() + SKIP));
        assert!((0..4).all(|_| upstreams.pick(None).unwrap() == addr(2)));
        assert_eq!(
            upstreams.pick(Some(addr(2))).unwrap(),
            addr(1),
            "rather a resting one than the same"
        );
        upstreams.learn(0, vec![addr(1)]);
        assert_eq!(upstreams.pick(Some(addr(1))).unwrap(), addr(1), "rather the same than none");
    }

    #[test]
    fn a_look_up_replaces_only_what_its_own_name_gave() {
        let upstreams = Upstreams::new(vec!["a:1".to_owned(), "b:1".to_owned()]);
        upstreams.learn(0, vec![addr(1)]);
        upstreams.learn(1, vec![addr(2)]);
        upstreams.learn(0, vec![addr(3)]);
        let known: Vec<_> = upstreams.lock().iter().map(|u| u.addr).collect();
        assert_eq!(known, [addr(2), addr(3)]);
    }
}
