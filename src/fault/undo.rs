//! Undo steps: what a journal holds, exact enough to be done by another process, and safe to do twice.

use serde::{Deserialize, Serialize};

use crate::record::Victim;

/// One step of an undo. Ids are container ids, or instance names of process targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum UndoStep {
    /// It must be running.
    Start {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
    },
    /// It must not be frozen.
    Unpause {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
    },
    /// Its network namespace must not hold this table.
    Disarm {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
        /// Name of the nftables table.
        table: String,
    },
}
