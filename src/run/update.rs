//! What watchers of a run see.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::clock::Offset;
use crate::ids::RunId;
use crate::record::{Event, LeakResult, LedgerRow, PlannedFault, Sample, SliceRow, Verdict};

/// One thing a watcher may want to show.
#[derive(Clone, Debug)]
pub enum Update {
    /// The run exists.
    Began {
        /// Its id.
        run: RunId,
        /// The experiment's name.
        name: String,
        /// Its seed.
        seed: u64,
        /// The faults to come.
        faults: Arc<Vec<PlannedFault>>,
        /// Length of warm-up, profile and cool-down.
        lengths: [Duration; 3],
    },
    /// A line about bringing the target up or down, healing, or cleaning.
    Progress(String),
    /// Something happened.
    Event(Event),
    /// A second of load, with the rate asked for in it.
    Slice(Arc<SliceRow>, f64),
    /// A round of readings.
    Samples(Arc<Vec<Sample>>),
    /// A ledger row was closed.
    Ledger(Box<LedgerRow>),
    /// What seems to leak so far: never empty.
    Suspected(Arc<Vec<LeakResult>>),
    /// Time passed.
    Tick(Offset),
    /// The verdict stands.
    Judged(Box<Verdict>),
}

/// Everybody who watches. A watcher that falls more than 1 024 updates behind misses the oldest; the run
/// never waits for one.
#[derive(Clone, Debug)]
pub struct Watchers(broadcast::Sender<Update>);

impl Default for Watchers {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl Watchers {
    /// A new watcher, from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Update> {
        self.0.subscribe()
    }

    /// Tells everybody. Nobody watching is fine.
    pub fn tell(&self, update: Update) {
        drop(self.0.send(update));
    }

    /// Tells everybody a line.
    pub fn progress(&self, line: impl Into<String>) {
        self.tell(Update::Progress(line.into()));
    }
}
