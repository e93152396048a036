//! Limits on the load: achieved rate, throughput, error and success rate, availability, Apdex, latency.
//!
//! Owns the one way they are measured. In go tallies of stretches of load, from stored records ([`Meter`]) or from
//! slices as they come ([`LiveMeter`]); out comes a result.

mod live_meter;
mod meter;
mod tally;
mod value;

pub(in crate::verdict) use live_meter::LiveMeter;
pub(in crate::verdict) use meter::{Feed, Meter};
pub(in crate::verdict) use tally::Tally;

#[cfg(test)]
mod tests;
