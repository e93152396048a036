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
mod earlier;
mod finish;
mod forecast;
mod heap;
mod inputs;
mod leak_outlook;
mod limit_outlook;
mod live;
mod lost;
mod plan;
mod recorded;
mod recovery_outlook;
mod state;
mod stop;
mod sweep;
mod update;

pub use busy::Busy;
pub use conductor::{Deps, Finished, RunError, run};
pub use digest::{DigestError, digest, digest_by};
pub use earlier::{Earlier, heal_earlier};
pub use finish::{Judged, judge_again, mark_interrupted};
pub use forecast::{Forecast, Held, HeldKind, LoadPart, Share, Stretch, Warning};
pub use heap::share_heap;
pub use plan::{Plan, PlanError};
pub use recorded::{all_recorded, recorded};
pub use state::{Step, next};
pub use stop::{Stopper, Stops};
pub use sweep::{
    JudgedSweep, SizeForecast, SweepForecast, find_sweep, goes_on, judge_sweep, plans,
};
pub use update::{Update, Watchers};
