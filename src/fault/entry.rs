//! What a line of the journal says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::undo::UndoStep;
use crate::ids::FaultId;
use crate::record::{FaultStage, Instance, PlannedFault};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Wall-clock time: it must make sense to another process.
    pub at: Timestamp,
    /// Whose.
    pub fault: FaultId,
    /// What.
    pub record: Record,
}

/// The kinds of lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// What is about to be done, and everything needed to undo it. Synced before the side effect.
    Intent(Box<Intent>),
    /// More is about to be done: the fault follows its target to a new place. Synced before the side effect.
    More {
        /// What undoes the addition.
        undo: Vec<UndoStep>,
    },
    /// The fault moved on.
    Stage(FaultStage),
}

/// An intent: enough for a stranger to undo the fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The fault as planned.
    pub plan: PlannedFault,
    /// The instances as they were: ids, pids, addresses, start times.
    pub seen: Vec<Instance>,
    /// The exact undo.
    pub undo: Vec<UndoStep>,
    /// When it should be healed by.
    pub deadline: Timestamp,
    /// When a side effect that was asked for but not answered can't come any more.
    pub settles: Timestamp,
    /// Whether the instances are child processes, which can only be undone by ending them once their
    /// owner is gone.
    pub processes: bool,
}
