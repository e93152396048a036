//! What is known of one fault: its stage, its undo, and who is told about it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use super::entry::{Entry, Intent, Record};
use super::history::add_steps;
use super::journal::Journal;
use super::state::{FaultEvent, closed, next};
use super::undo::UndoStep;
use crate::clock::wall;
use crate::ids::FaultId;
use crate::record::{FaultStage, PlannedFault};

/// Longest wait for the disk. A disk that does not answer stops injections, never a heal.
const DISK: Duration = Duration::from_secs(5);

/// One fault of a run.
pub(super) struct Cell {
    /// The fault.
    pub plan: PlannedFault,
    /// Something happened to its target: look after it now.
    pub nudge: Notify,
    known: Mutex<Known>,
    scribe: Scribe,
}

/// Where facts about faults go.
#[derive(Clone)]
pub(super) struct Scribe {
    /// The journal.
    pub journal: Arc<Mutex<Journal>>,
    /// Whoever follows the stages.
    pub stages: mpsc::Sender<(FaultId, FaultStage)>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    stage: Option<FaultStage>,
    undo: Vec<UndoStep>,
    settles: Option<Timestamp>,
    /// Why it ended before its time.
    ended: Option<String>,
}

impl Cell {
    pub(super) fn new(plan: PlannedFault, scribe: Scribe) -> Self {
        Self { plan, nudge: Notify::new(), known: Mutex::default(), scribe }
    }

    /// Where it stands; `None` before its intent.
    pub(super) fn stage(&self) -> Option<FaultStage> {
        self.known().stage.clone()
    }

    /// What undoes it, when something may have been done that is not yet undone; until when a late side
    /// effect may come; why it ended early.
    pub(super) fn open(&self) -> Option<(Vec<UndoStep>, Option<Timestamp>, Option<String>)> {
        let known = self.known();
        let open = known.stage.as_ref().is_some_and(|stage| !closed(stage));
        open.then(|| (known.undo.clone(), known.settles, known.ended.clone()))
    }

    /// Puts the intent on disk. Only after that may anything be done.
    pub(super) async fn intend(&self, intent: Intent) -> Result<(), String> {
        let undo = intent.undo.clone();
        self.write(Record::Intent(Box::new(intent))).await?;
        self.known().undo = undo;
        self.tell(FaultEvent::Journaled);
        Ok(())
    }

    /// Puts an addition to the undo on disk. Only after that may more be done.
    pub(super) async fn intend_more(&self, more: Vec<UndoStep>) -> Result<(), String> {
        self.write(Record::More { undo: more.clone() }).await?;
        add_steps(&mut self.known().undo, more);
        Ok(())
    }

    /// Nobody heard how a side effect ended: until `settles` it may still come.
    pub(super) fn unsure_until(&self, settles: Timestamp) {
        self.known().settles = Some(settles);
    }

    /// It ended before its time.
    pub(super) fn ended(&self, why: String) {
        self.known().ended = Some(why);
    }

    /// Moves on. A stage that can't be written is still a stage: the journal then knows less than
    /// happened, and a later heal is one too many.
    pub(super) async fn advance(&self, event: FaultEvent) {
        if let Some(stage) = self.tell(event)
            && let Err(error) = self.write(Record::Stage(stage)).await
        {
            tracing::warn!(fault = %self.plan.id, %error, "a stage is missing in the journal");
        }
    }

    /// Moves on without the journal; the stage, if it is another one.
    fn tell(&self, event: FaultEvent) -> Option<FaultStage> {
        let mut known = self.known();
        let before = known.stage.take();
        known.stage = next(before.clone(), event);
        let now = known.stage.clone().filter(|_| known.stage != before)?;
        drop(known);
        tracing::info!(fault = %self.plan.id, stage = ?now, "fault");
        if self.scribe.stages.try_send((self.plan.id.clone(), now.clone())).is_err() {
            tracing::warn!(fault = %self.plan.id, "nobody takes the stages of faults");
        }
        Some(now)
    }

    async fn write(&self, record: Record) -> Result<(), String> {
        let entry = Entry { at: wall(), fault: self.plan.id.clone(), record };
        let journal = self.scribe.journal.clone();
        let written = tokio::task::spawn_blocking(move || {
            journal.lock().unwrap_or_else(PoisonError::into_inner).write(&entry)
        });
        match tokio::time::timeout(DISK, written).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(e))) => Err(e.to_string()),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err(format!("the disk did not answer within {} s", DISK.as_secs())),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is one assignment, so a panic elsewhere leaves it whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
