use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::bucket::Bucket;
use super::{LeakedDescriptor, Switches};

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is served.
    Serve,
    /// It is answered with 500.
    Fail,
    /// It is answered with 429.
    Refuse,
}

/// The switches at work. Shares are spread evenly and leaks are exact: nothing is drawn at random.
pub(super) struct Mischief {
    switches: Switches,
    /// Where leaked connections lead.
    store: String,
    memory: Mutex<Memory>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    tasks: TaskTracker,
}

/// Longest wait for a connection that is to leak.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Memory {
    requests: u64,
    bucket: Bucket,
    bytes: Vec<Vec<u8>>,
    files: Vec<File>,
}

impl Mischief {
    pub(super) fn new(switches: Switches, store: String) -> Self {
        Self {
            switches,
            store,
            memory: Mutex::default(),
            connections: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Decides on a request that arrived at `now`, and leaks for it unless it is refused. Call it within a
    /// runtime when sockets leak.
    pub(super) fn decide(&self, now: Instant) -> Fate {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rate) = self.switches.rate_limit_per_s
            && !memory.bucket.grant(rate, now)
        {
            return Fate::Refuse;
        }
        memory.requests += 1;
        let n = memory.requests;
        let size = self.switches.leak_bytes_per_request;
        if size > 0 {
            // Written, not merely reserved: it must be resident.
            memory.bytes.push(vec![0xa5; size]);
        }
        let share = |n: u64| n * self.switches.leak_fds_per_1000 / 1000;
        for _ in share(n - 1)..share(n) {
            match self.switches.leak_fds_kind {
                LeakedDescriptor::File => match File::open("/etc/hosts") {
                    Ok(file) => memory.files.push(file),
                    Err(error) => tracing::warn!(%error, "no file left to leak"),
                },
                LeakedDescriptor::Socket => self.leak_connection(),
            }
        }
        let failures = |n: u64| (n as f64 * self.switches.error_percent / 100.0).floor();
        if failures(n) > failures(n - 1) { Fate::Fail } else { Fate::Serve }
    }

    fn leak_connection(&self) {
        let (store, kept) = (self.store.clone(), Arc::clone(&self.connections));
        self.tasks.spawn(async move {
            match timeout(PATIENCE, TcpStream::connect(&store)).await {
                Ok(Ok(stream)) => kept.lock().unwrap_or_else(PoisonError::into_inner).push(stream),
                Ok(Err(error)) => tracing::warn!(%error, "no connection left to leak"),
                Err(_) => tracing::warn!("the store takes no connection to leak"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    fn fates(switches: Switches, n: usize) -> (Mischief, Vec<Fate>) {
        let mischief = Mischief::new(switches, String::new());
        let now = monotonic();
        let fates = (0..n).map(|_| mischief.decide(now)).collect();
        (mischief, fates)
    }

    #[test]
    fn the_share_of_errors_is_exact_and_spread() {
        let (_, fates) = fates(Switches { error_percent: 2.5, ..Switches::default() }, 1000);
        assert_eq!(fates.iter().filter(|f| **f == Fate::Fail).count(), 25);
        assert_eq!(fates[..500].iter().filter(|f| **f == Fate::Fail).count(), 12);
    }

    #[test]
    fn leaks_are_exact() {
        let switches =
            Switches { leak_bytes_per_request: 100, leak_fds_per_1000: 5, ..Switches::default() };
        let (mischief, fates) = fates(switches, 1000);
        let memory = mischief.memory.lock().unwrap();
        assert_eq!(memory.bytes.iter().map(Vec::len).sum::<usize>(), 100_000);
        assert_eq!(memory.files.len(), 5);
        assert!(fates.iter().all(|f| *f == Fate::Serve));
    }

    #[tokio::test]
    async fn leaked_connections_stay_open_until_the_other_side_has_had_enough() {
        let store = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let switches = Switches {
            leak_fds_per_1000: 1000,
            leak_fds_kind: LeakedDescriptor::Socket,
            ..Switches::default()
        };
        let mischief = Mischief::new(switches, store.local_addr().unwrap().to_string());
        let mut others = Vec::new();
        for _ in 0..3 {
            assert_eq!(mischief.decide(monotonic()), Fate::Serve);
            others.push(store.accept().await.unwrap().0);
        }
        while mischief.connections.lock().unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
        for other in others {
            let silent = other.try_read(&mut [0]).unwrap_err();
            assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock, "open and unused");
        }
    }

    #[test]
    fn past_the_rate_requests_are_refused_until_time_passes() {
        let switches = Switches { rate_limit_per_s: Some(10.0), ..Switches::default() };
        let mischief = Mischief::new(switches, String::new());
        let now = monotonic();
        let served = |at| (0..100).filter(|_| mischief.decide(at) == Fate::Serve).count();
        assert_eq!(served(now), 10);
        assert_eq!(served(now + Duration::from_millis(500)), 5);
        assert_eq!(served(now + Duration::from_mins(1)), 10);
    }
}
