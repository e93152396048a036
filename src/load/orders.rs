use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Arrivals;
use super::crowd::Crowd;
use super::departures::Departures;
use super::feeds::Feeds;
use super::http1::Bell;
use super::script::Script;
use crate::clock::{Clock, Offset};
use crate::record::{Endpoints, LoadSlice};
use crate::seed::Seed;

/// What a worker is told before it starts.
pub(super) struct Orders {
    pub(super) clock: Clock,
    pub(super) begin: Offset,
    pub(super) script: Arc<Script>,
    /// What the values in templates are drawn from.
    pub(super) seed: Seed,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) endpoints: watch::Receiver<Endpoints>,
    /// Rung when `endpoints` or `stop` change.
    pub(super) bell: Bell,
    pub(super) stop: CancellationToken,
    pub(super) retried: Arc<AtomicU64>,
    pub(super) departures: Departures,
    /// The schedule as it grows, if it does; the bell is rung then.
    pub(super) schedule: Option<watch::Receiver<Arc<Arrivals>>>,
    /// Users of the closed model.
    pub(super) crowd: Crowd,
    /// Rows of data files.
    pub(super) feeds: Feeds,
    /// Arrivals under way at once, at most, and connections: each uses one.
    pub(super) slots: usize,
    /// Connections to open to each origin before the load begins.
    pub(super) ahead: usize,
    /// The timer's wake-ups are at least so far apart: what falls due in between goes out together.
    pub(super) quantum: Duration,
    pub(super) parts: mpsc::Sender<LoadSlice>,
    /// The arrival at which to panic.
    #[cfg(test)]
    pub(super) panic_at: Option<u64>,
}
