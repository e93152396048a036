//! The thread that writes one run's records.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::StoreError;
use super::insert::Insert;
use super::pack::Packer;
use super::rollup::Rollup;
use super::writer::{Item, Loss, Losses};
use crate::clock::{Offset, monotonic};
use crate::record::{Event, EventKind, FaultStage, GapSource, Phase, Sample};

/// From the first record of a batch to its commit.
const GATHER: Duration = Duration::from_millis(250);
/// A batch is written at once when it has so many records.
const BATCH: usize = 512;
/// So many records are kept while the disk fails; about a quarter of an hour of a usual run, a few MB.
const KEPT: usize = 2048;
/// How often the last batch is tried again before a run closes without it.
const LAST_TRIES: u32 = 12;

/// One run's records on their way into its own connection.
pub(super) struct Scribe {
    db: Connection,
    file: PathBuf,
    key: i64,
    losses: Arc<Losses>,
    pending: Vec<Item>,
    packer: Packer,
    rollup: Rollup,
    newest: Offset,
    failing: Option<String>,
}

/// Row ids of what one batch stored.
#[derive(Default)]
struct Stored {
    samples: Vec<i64>,
    histograms: Vec<i64>,
}

impl Scribe {
    pub(super) fn new(
        db: Connection,
        file: PathBuf,
        key: i64,
        profile: Duration,
        losses: Arc<Losses>,
    ) -> Self {
        Self {
            db,
            file,
            key,
            losses,
            pending: Vec::new(),
            packer: Packer::default(),
            rollup: Rollup::new(profile),
            newest: Offset::ZERO,
            failing: None,
        }
    }

    /// Writes until the run closes or every handle is gone.
    pub(super) async fn work(mut self, mut items: mpsc::Receiver<Item>) {
        loop {
            let (ended, reply) = match self.gather(&mut items).await {
                Gathered::More => (false, None),
                Gathered::Close(reply) => (true, Some(reply)),
                Gathered::Abandoned => (true, None),
            };
            self.flush();
            if ended {
                items.close();
                let result = self.finish().await;
                if let Some(reply) = reply
                    && reply.send(result).is_err()
                {
                    tracing::debug!("nobody waited for the store to close");
                }
                return;
            }
        }
    }

    async fn gather(&mut self, items: &mut mpsc::Receiver<Item>) -> Gathered {
        // Without anything to write there is nothing to hurry for.
        if self.pending.is_empty() && self.losses.unreported().is_none() {
            match items.recv().await {
                Some(item) => {
                    if let Some(close) = self.take(item) {
                        return close;
                    }
                }
                None => return Gathered::Abandoned,
            }
        }
        let deadline = monotonic() + GATHER;
        while self.pending.len() < BATCH || self.failing.is_some() {
            let left = deadline.saturating_duration_since(monotonic());
            match tokio::time::timeout(left, items.recv()).await {
                Err(_) => break,
                Ok(None) => return Gathered::Abandoned,
                Ok(Some(item)) => {
                    if let Some(close) = self.take(item) {
                        return close;
                    }
                }
            }
        }
        Gathered::More
    }

    fn take(&mut self, item: Item) -> Option<Gathered> {
        self.newest = self.newest.max(item.at().unwrap_or_default());
        match item {
            Item::Close(reply) => return Some(Gathered::Close(reply)),
            item if self.pending.len() < KEPT => self.pending.push(item),
            item => {
                self.losses.add(item.at(), self.failing.as_deref().unwrap_or("too much at once"));
            }
        }
        None
    }

    fn flush(&mut self) {
        let loss = self.losses.unreported();
        if self.pending.is_empty() && loss.is_none() {
            return;
        }
        match self.write(loss.as_ref()) {
            Ok(stored) => {
                if let Some(loss) = loss {
                    self.losses.reported(loss.records);
                }
                if self.failing.take().is_some() {
                    tracing::info!("recording works again");
                }
                self.absorb(stored);
                self.tidy(false);
            }
            Err(error) => {
                let reason = error.to_string();
                if self.failing.is_none() {
                    tracing::error!(%error, "recording fails; the run goes on");
                }
                if !error.is_transient() {
                    for item in self.pending.drain(..) {
                        self.losses.add(item.at(), &reason);
                    }
                }
                self.failing = Some(reason);
            }
        }
    }

    /// One transaction: everything pending, and the gap that earlier losses left.
    fn write(&mut self, loss: Option<&Loss>) -> Result<Stored, StoreError> {
        let sqlite = |e| StoreError::sqlite(&self.file, e);
        let tx = self.db.transaction().map_err(sqlite)?;
        let insert = Insert { db: &tx, file: &self.file, run: self.key };
        let mut stored = Stored::default();
        for item in &self.pending {
            match item {
                Item::Slice(slice, rows) => {
                    insert.slice(slice)?;
                    for row in rows {
                        stored.histograms.push(insert.histogram(row)?);
                    }
                }
                Item::Samples(samples) => {
                    for Sample { at, subject, epoch, reading } in samples {
                        stored.samples.push(insert.chunk(subject, &[(*at, *epoch, *reading)])?);
                    }
                }
                Item::Event(event) => insert.event(event)?,
                Item::Ledger(row) => insert.ledger(row)?,
                Item::Evidence(evidence) => insert.evidence(evidence)?,
                Item::Scrapes(scrapes) => insert.scrapes(scrapes)?,
                Item::Provenance(provenance) => insert.provenance(provenance)?,
                Item::Close(_) => {}
            }
        }
        if let Some(loss) = loss {
            insert.event(&gap(loss, self.newest))?;
        }
        tx.commit().map_err(sqlite)?;
        Ok(stored)
    }

    /// Takes note of what is now in the tables row by row.
    fn absorb(&mut self, stored: Stored) {
        let mut sample_ids = stored.samples.into_iter();
        let mut histogram_ids = stored.histograms.into_iter();
        for item in self.pending.drain(..) {
            match item {
                Item::Slice(_, rows) => {
                    for (row, id) in rows.into_iter().zip(&mut histogram_ids) {
                        self.rollup.stored(id, row);
                    }
                }
                Item::Samples(samples) => {
                    for (sample, id) in samples.into_iter().zip(&mut sample_ids) {
                        self.packer.stored(id, sample);
                    }
                }
                Item::Event(Event { at, kind: EventKind::Phase { phase: Phase::Holding } }) => {
                    self.rollup.profile_starts(at);
                }
                Item::Event(Event {
                    at,
                    kind:
                        EventKind::Fault {
                            stage: FaultStage::Injected | FaultStage::Healed { .. }, ..
                        },
                }) => self.rollup.fault_turns(at),
                _ => {}
            }
        }
    }

    /// Packs and merges full minutes. When that fails, the rows stay as they are and nothing is lost.
    fn tidy(&mut self, all: bool) {
        if !all && !self.packer.is_due() && !self.rollup.is_due() {
            return;
        }
        match self.pack(all) {
            Ok(()) => {
                self.packer.packed(all);
                self.rollup.merged(all);
            }
            Err(error) => tracing::warn!(%error, "stored records stay unpacked for now"),
        }
    }

    fn pack(&mut self, all: bool) -> Result<(), StoreError> {
        let sqlite = |e| StoreError::sqlite(&self.file, e);
        let tx = self.db.transaction().map_err(sqlite)?;
        let insert = Insert { db: &tx, file: &self.file, run: self.key };
        self.packer.pack(&insert, all)?;
        self.rollup.merge(&insert, all)?;
        tx.commit().map_err(sqlite)
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        for _ in 0..LAST_TRIES {
            if self.pending.is_empty() && self.losses.unreported().is_none() {
                break;
            }
            tokio::time::sleep(GATHER).await;
            self.flush();
        }
        let records = self.pending.len() as u64;
        if records > 0 || self.losses.unreported().is_some() {
            let reason = self.failing.take().unwrap_or_default();
            for item in self.pending.drain(..) {
                self.losses.add(item.at(), &reason);
            }
            return Err(StoreError::Unwritten { records, reason });
        }
        self.tidy(true);
        // Only a courtesy to whoever copies the file: an open reader may forbid it.
        let checkpoint = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = checkpoint {
            tracing::debug!(%error, "the write-ahead log stays");
        }
        Ok(())
    }
}

enum Gathered {
    /// A batch to write.
    More,
    /// The last batch; somebody waits for the outcome.
    Close(tokio::sync::oneshot::Sender<Result<(), StoreError>>),
    /// The last batch; every handle is gone.
    Abandoned,
}

fn gap(loss: &Loss, now: Offset) -> Event {
    let reason = format!("{} records lost: {}", loss.records, loss.reason);
    Event {
        at: now.max(loss.to),
        kind: EventKind::Gap { source: GapSource::Store, from: loss.from, reason },
    }
}
