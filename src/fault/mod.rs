//! Faults: what is done to whom and when, and above all its undoing.
//!
//! Owns the schedule (resolved from the seed before the run starts), the kinds, the journal and the life
//! of each fault: intent on disk, side effect, verification, expiry, heal, verification. In goes an
//! experiment, later a planned fault at its time; out come stages of faults, and a target without them.
//! Never decides a verdict, and never touches a container outside the target.
//!
//! **Invariant:** there is no side effect whose undo is not on disk before it. A heal never waits for a
//! reader, a disk or a database.

mod entry;
mod error;
mod history;
mod journal;
mod lock;
mod placing;
#[cfg(test)]
mod sample;
mod schedule;
mod state;
mod times;
mod undo;
mod victims;

pub use entry::{Entry, Intent, Record};
pub use error::FaultError;
pub use history::{History, JournaledFault};
pub use journal::{Journal, journal_path};
pub use lock::{Owner, alive};
pub use schedule::{Schedule, resolve};
pub use state::{FaultEvent, next};
pub use undo::UndoStep;
