//! Comparing runs: is this night slower or bigger than that one, and since when?
//!
//! In go a run's records or digests; out come a [`Digest`](crate::record::Digest) (figures per undisturbed window),
//! a [`Comparison`](crate::record::Comparison) of two of them, the [`Spread`](crate::record::Spread) between equal
//! runs, and a [`Trend`](crate::record::Trend) over many. Unlike runs are not compared: the difference is named instead.
//!
//! **Invariant**: the same digests and terms give the same result, to the bit.

mod baseline;
mod bootstrap;
mod changes;
mod conditions;
mod digest;
mod likeness;
mod regression;
mod rule;
mod spread;
mod trend;

pub use digest::{NoDigest, digest, digest_by};
pub use likeness::{differences, planned_differences};
pub use regression::compare;
pub use spread::spread;
pub use trend::trend;

pub(super) use baseline::{against, limits as baseline_limits};
pub(super) use digest::{LoadWindows, load_windows, window_of};

#[cfg(test)]
mod tests;
