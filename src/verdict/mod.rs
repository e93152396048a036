//! Judging: pure functions over records.
//!
//! Owns the limits, the ledger, recovery, availability, the error budget, what makes a run inconclusive, and how runs compare. In go the
//! records of a run ([`crate::record::RunData`]), or its slices, samples and events as they come; out
//! come ledger rows, breaches of `abort_when`, and one [`crate::record::Verdict`]. Judging stored records
//! again gives the same verdict. Never does I/O, reads a clock or touches the target.

mod abort;
mod availability;
mod book;
mod case;
mod clues;
mod compare;
mod conclusive;
mod engine_gone;
mod error_budget;
mod faults;
mod judge;
pub mod leak;
mod leaks;
mod ledger;
mod limits;
mod memory;
mod own;
mod part;
mod recovery;
mod second;
mod sliding;
mod starts;
mod steady;
mod suspicions;
mod sweep;
#[cfg(test)]
mod testing;
mod windows;
mod words;

pub use abort::Watch;
pub use book::Book;
pub use compare::{
    NoDigest, compare, differences, digest, digest_by, planned_differences, spread, trend,
};
pub use judge::judge;
pub use limits::LimitInWords;
pub use steady::Steady;
pub use suspicions::{Looking, Suspicions};
pub use sweep::{sweep, sweep_run};
