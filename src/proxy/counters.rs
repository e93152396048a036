//! What passed a link and what is held in it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Directions;
use crate::record::Victim;
use crate::units::{Bytes, optional_duration_text};

/// A link at this moment. Whether a cut is in force is told by `cut`; that it is felt, by `withheld`
/// growing while the relayed bytes of the cut directions stand still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// Client service.
    pub client: String,
    /// Server instance.
    pub server: Victim,
    /// Where the client connects to.
    pub listen: SocketAddr,
    /// Where the server listens.
    pub upstream: SocketAddr,
    /// What is cut.
    pub cut: Directions,
    /// How long the cut lasts unless renewed; `None` when nothing is cut.
    #[serde(with = "optional_duration_text")]
    pub lease_left: Option<Duration>,
    /// Bytes handed to the server so far.
    pub relayed_to_server: Bytes,
    /// Bytes handed to the client so far.
    pub relayed_to_client: Bytes,
    /// Bytes that were read and wait for the end of a cut; more may wait in socket buffers.
    pub held_bytes: Bytes,
    /// New connections that wait for the end of a cut.
    pub held_connections: u64,
    /// How often a cut held something back so far: a piece of data, an end, a new connection.
    pub withheld: u64,
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections open now, held ones included.
    pub open: u64,
    /// Connections reset because the server did not take them, so far.
    pub refused: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) relayed_to_server: AtomicU64,
    pub(super) relayed_to_client: AtomicU64,
    pub(super) held_bytes: AtomicU64,
    pub(super) held_connections: AtomicU64,
    pub(super) withheld: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Counters {
    /// Counts something held back, and `amount` on `gauge` until the guard goes.
    pub(super) fn hold<'a>(&self, gauge: &'a AtomicU64, amount: u64) -> Raised<'a> {
        self.withheld.fetch_add(1, Relaxed);
        Raised::new(gauge, amount)
    }
}

/// An amount on a gauge for as long as this lives.
#[derive(Debug)]
pub(super) struct Raised<'a> {
    gauge: &'a AtomicU64,
    amount: u64,
}

impl<'a> Raised<'a> {
    pub(super) fn new(gauge: &'a AtomicU64, amount: u64) -> Self {
        gauge.fetch_add(amount, Relaxed);
        Self { gauge, amount }
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.gauge.fetch_sub(self.amount, Relaxed);
    }
}
