//! A run's life, conducted by one owner loop.
//!
//! Owns the order of things: prepare, warm, hold, cool, heal, judge, report, take down, and the rule that
//! every way out heals first. In go a valid experiment and the engine that makes its load; out come events,
//! stored records, a verdict and a report. Holds no statistics and speaks no protocol.
//!
//! **Invariant**: from the moment a fault may be in force until every fault is healed or reported stuck,
//! no early return skips [`finish`]: also not a panic of the loop, which is caught around it.

mod busy;
mod conductor;
mod digest;
mod finish;
mod live;
mod plan;
mod state;
mod stop;
mod update;

pub use busy::Busy;
pub use conductor::{Deps, Finished, RunError, run};
pub use digest::{DigestError, digest, digest_by};
pub use finish::{Judged, judge_again, mark_interrupted};
pub use plan::{Plan, PlanError};
pub use state::{Step, next};
pub use stop::{Stopper, Stops};
pub use update::{Update, Watchers};
