//! The handle that a run records through.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::scribe::Scribe;
use crate::clock::Offset;
use crate::record::{
    Event, Evidence, HistogramRow, LedgerRow, LoadSlice, Provenance, RunRecord, Sample, Scrapes,
    SliceRow,
};

/// Records on their way to the thread.
const QUEUE: usize = 256;
/// Pages of the database that the thread keeps, KiB: it appends, and would only fill SQLite's usual 2 MiB with pages that it
/// does not come back to.
const CACHE_KIB: i64 = 256;
/// How long a record waits for room in the queue before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Records one run. Copies feed the same thread, in the order of their calls.
///
/// A call returns when the record is queued. When the thread can't keep up, a call waits up to one second; then the
/// record counts as lost, and a [`Gap`](crate::record::EventKind::Gap) event says so once writing works again.
/// So a full or hanging disk slows a run by at most one second a record and never stops it.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Item>,
    losses: Arc<Losses>,
}

/// What travels to the thread. Slices travel as stored: their histograms would weigh a megabyte each.
pub(super) enum Item {
    Slice(Box<SliceRow>, Vec<HistogramRow>),
    Samples(Vec<Sample>),
    Event(Event),
    Ledger(Box<LedgerRow>),
    Evidence(Box<Evidence>),
    Scrapes(Box<Scrapes>),
    Provenance(Box<Provenance>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

impl Item {
    /// When it happened, if it belongs to a moment.
    pub(super) fn at(&self) -> Option<Offset> {
        match self {
            Self::Slice(slice, _) => Some(slice.from),
            Self::Samples(samples) => samples.first().map(|s| s.at),
            Self::Event(event) => Some(event.at),
            Self::Ledger(row) => Some(row.from),
            Self::Evidence(evidence) => Some(evidence.from),
            Self::Scrapes(scrapes) => scrapes.at.first().copied(),
            Self::Provenance(_) | Self::Close(_) => None,
        }
    }
}

/// Records that were not stored.
#[derive(Default)]
pub(super) struct Losses {
    total: AtomicU64,
    unreported: Mutex<Option<Loss>>,
}

/// A stretch of lost records that no gap event tells of yet.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) from: Offset,
    pub(super) to: Offset,
    pub(super) records: u64,
    pub(super) reason: String,
}

impl Losses {
    /// Counts one lost record.
    pub(super) fn add(&self, at: Option<Offset>, reason: &str) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let mut unreported = self.unreported.lock().unwrap_or_else(PoisonError::into_inner);
        let first = at.unwrap_or_default();
        let loss = unreported.get_or_insert_with(|| Loss {
            from: first,
            to: first,
            records: 0,
            reason: reason.to_owned(),
        });
        loss.records += 1;
        if let Some(at) = at {
            loss.from = loss.from.min(at);
            loss.to = loss.to.max(at);
        }
    }

    /// What a gap event has still to tell.
    pub(super) fn unreported(&self) -> Option<Loss> {
        self.unreported.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A gap event has told of `records` of them.
    pub(super) fn reported(&self, records: u64) {
        let mut unreported = self.unreported.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loss) = unreported.as_mut() {
            loss.records -= records.min(loss.records);
            loss.from = loss.to;
            if loss.records == 0 {
                *unreported = None;
            }
        }
    }
}

impl Writer {
    pub(super) fn start(
        db: Connection,
        file: PathBuf,
        key: i64,
        run: &RunRecord,
    ) -> Result<Self, StoreError> {
        db.pragma_update(None, "cache_size", -CACHE_KIB)
            .map_err(|e| StoreError::sqlite(&file, e))?;
        let (queue, items) = mpsc::channel(QUEUE);
        let losses = Arc::<Losses>::default();
        let profile = run.experiment.load.profile_length();
        let scribe = Scribe::new(db, file, key, profile, Arc::clone(&losses));
        let clock = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StoreError::Thread)?;
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || clock.block_on(scribe.work(items)))
            .map_err(StoreError::Thread)?;
        Ok(Self { queue, losses })
    }

    /// Records a second of load.
    pub async fn slice(&self, slice: LoadSlice) {
        let rows =
            slice.steps.iter().map(|step| HistogramRow::of(slice.from, slice.to, step)).collect();
        self.send(Item::Slice(Box::new(SliceRow::from(&slice)), rows)).await;
    }

    /// Records one tick's readings.
    pub async fn samples(&self, samples: Vec<Sample>) {
        if !samples.is_empty() {
            self.send(Item::Samples(samples)).await;
        }
    }

    /// Records an event.
    pub async fn event(&self, event: Event) {
        self.send(Item::Event(event)).await;
    }

    /// Records a ledger row; one with the same number replaces it.
    pub async fn ledger(&self, row: LedgerRow) {
        self.send(Item::Ledger(Box::new(row))).await;
    }

    /// Records a look at an instance.
    pub async fn evidence(&self, evidence: Evidence) {
        self.send(Item::Evidence(Box::new(evidence))).await;
    }

    /// Records scraped values; each of the columns is as long as `at`.
    pub async fn scrapes(&self, scrapes: Scrapes) {
        self.send(Item::Scrapes(Box::new(scrapes))).await;
    }

    /// Replaces the run's provenance, for facts that are known only once the target is up.
    pub async fn provenance(&self, provenance: Provenance) {
        self.send(Item::Provenance(Box::new(provenance))).await;
    }

    /// How many calls' records were lost so far.
    pub fn lost(&self) -> u64 {
        self.losses.total.load(Ordering::Relaxed)
    }

    /// Stores what is still under way, packs it, and ends the thread. Tries for up to about three seconds
    /// when the disk fails. Records that other copies send afterwards are lost.
    pub async fn close(self) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        let gone = || StoreError::Unwritten {
            records: 0,
            reason: "the recording thread is gone".to_owned(),
        };
        self.queue.send(Item::Close(reply)).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }

    async fn send(&self, item: Item) {
        let at = item.at();
        match tokio::time::timeout(PATIENCE, self.queue.send(item)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => self.losses.add(at, "the recording thread is gone"),
            Err(_) => self.losses.add(at, "the disk could not keep up"),
        }
    }
}
