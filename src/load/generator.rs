use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::LoadError;
use crate::clock::{Clock, Offset};
use crate::experiment::{Load, Secrets};
use crate::record::{Counts, Endpoints, Event, LoadSlice};
use crate::seed::Seed;

/// Something that can put a load on a target.
pub trait Generator: Send + Sync {
    /// Checks the job, claims threads and timers, and starts. Nothing is sent before [`Job::begin`].
    fn start(&self, job: Job) -> Result<Running, LoadError>;
}

/// One load to put on a target.
#[derive(Clone, Debug)]
pub struct Job {
    /// Shape and scenarios.
    pub load: Load,
    /// The values of secrets in the scenarios.
    pub secrets: Arc<Secrets>,
    /// The run's seed; this room splits it by the name `load`.
    pub seed: Seed,
    /// The run's clock.
    pub clock: Clock,
    /// When the load starts (its warm-up, if it has one).
    pub begin: Offset,
    /// Where `http://<service>.target` leads, as it changes.
    pub endpoints: watch::Receiver<Endpoints>,
    /// Ends the load early: nothing more falls due, what waits is counted as not sent, what is under
    /// way has one more second.
    pub stop: CancellationToken,
}

/// A load under way.
pub struct Running {
    /// Slice k covers `[begin + k s, begin + (k+1) s)`; the last one may be shorter. Closes when the last arrival has
    /// ended. A consumer that falls behind by more than some seconds gets longer slices, never fewer
    /// counts. Dropping the receiver stops the load.
    pub slices: mpsc::Receiver<LoadSlice>,
    /// What a search for a limit has to tell, if the load ends with one: each step, and what was found. Sixteen wait at
    /// most; then the search waits.
    pub events: Option<mpsc::Receiver<Event>>,
    /// Requests sent a second time because the idle connection they were put on turned out to be closed.
    pub retried: Arc<AtomicU64>,
    /// Resolves when the last slice has been handed over: all arrivals by fate.
    pub done: BoxFuture<'static, Result<Counts, LoadError>>,
}
