//! Faults: what is done to whom and when, and above all its undoing.
//!
//! Owns the schedule (resolved from the seed before the run starts), the kinds, the journal and the life
//! of each fault: intent on disk, side effect, verification, expiry, heal, verification. In goes an
//! experiment, later a planned fault at its time; out come stages of faults, and a target without them.
//! Never decides a verdict, and never touches a container outside the target.
//!
//! **Invariant:** there is no side effect whose undo is not on disk before it. A heal never waits for a
//! reader, a disk or a database.

mod cell;
mod cleanup;
#[cfg(test)]
mod crash_points;
mod detach;
mod entry;
mod error;
#[cfg(test)]
mod fake;
mod faults;
mod heal;
mod history;
mod journal;
mod kill;
mod kind;
mod life;
mod links;
mod lock;
mod networks;
mod partition;
mod pause;
mod placing;
mod probe;
mod restart;
mod running;
#[cfg(test)]
mod sample;
mod scene;
mod schedule;
mod state;
mod stop;
mod table;
mod times;
mod undo;
mod victims;
mod world;

pub use crate::proxy::Links;
pub use cleanup::{CleanupReport, cleanup};
pub use entry::{Entry, Intent, Record};
pub use error::FaultError;
pub use faults::{Faults, Healing, Setup};
pub use history::{History, JournaledFault};
pub use journal::{Journal, journal_path};
pub use kind::{catalogue, label};
pub use links::ProcessLinks;
pub use lock::{Owner, alive};
pub use networks::Transport;
pub use schedule::{Schedule, resolve};
pub use state::{FaultEvent, next};
pub use undo::UndoStep;
pub use world::Timing;
