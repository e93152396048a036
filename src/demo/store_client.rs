use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::wire::{MAX_LINE, Reply, Request};

/// Longest wait for the store, look-up and connection included. A partition shows as an error after this.
const PATIENCE: Duration = Duration::from_secs(2);
/// Idle connections kept.
const IDLE: usize = 16;

/// Why the store gave no answer. A write may have been kept all the same.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("no answer from the store within 2 s")]
    TimedOut,
    #[error("the store can't be reached: {0}")]
    Broken(#[from] std::io::Error),
    #[error("the store gave an answer that is none: {0:?}")]
    Garbled(String),
}

/// The store as the api sees it: connections kept open, every call with a deadline.
pub(super) struct StoreClient {
    addr: String,
    idle: Mutex<Vec<BufReader<TcpStream>>>,
    /// Requests under way, each with a connection of its own.
    waiting: AtomicUsize,
}

/// A request under way, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl StoreClient {
    pub(super) fn new(addr: String) -> Self {
        Self { addr, idle: Mutex::new(Vec::new()), waiting: AtomicUsize::new(0) }
    }

    /// Requests that wait for the store.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Connections to the store, idle ones included.
    pub(super) fn connections(&self) -> usize {
        self.waiting() + self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Asks once. Nothing is repeated: an order that was kept without its answer arriving would be kept twice.
    pub(super) async fn ask(&self, request: &Request) -> Result<Reply, StoreError> {
        let _under_way = Waiting::begin(&self.waiting);
        timeout(PATIENCE, self.attempt(request)).await.unwrap_or(Err(StoreError::TimedOut))
    }

    async fn attempt(&self, request: &Request) -> Result<Reply, StoreError> {
        let mut stream = if let Some(stream) = self.take_idle() {
            stream
        } else {
            let stream = TcpStream::connect(&self.addr).await?;
            stream.set_nodelay(true)?;
            BufReader::new(stream)
        };
        stream.get_mut().write_all(format!("{request}\n").as_bytes()).await?;
        let mut line = String::new();
        (&mut stream).take(MAX_LINE as u64).read_line(&mut line).await?;
        let Some(text) = line.strip_suffix('\n') else {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        };
        let reply = Reply::parse(text).ok_or_else(|| StoreError::Garbled(text.to_owned()))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(stream);
        }
        Ok(reply)
    }

    fn take_idle(&self) -> Option<BufReader<TcpStream>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(stream) = idle.pop() {
            // Anything but "nothing to read yet" means that the store closed it.
            let state = stream.get_ref().try_read(&mut [0]);
            if state.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock) {
                return Some(stream);
            }
        }
        None
    }
}
