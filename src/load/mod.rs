//! Load: who arrives when, what each arrival does, and what became of it.
//!
//! Owns the arrival schedule, the protocols, the engine and its recorder. In goes a [`Job`]: the load's
//! shape and scenarios, a seed, a clock and the addresses of the target's instances. Out comes one
//! [`crate::record::LoadSlice`] a second, without holes, until the load has ended; nothing else is kept.
//!
//! **Invariants.** Arrivals are open: none waits for another's answer, and its latency counts from when
//! it was due. `scheduled = ok + failed + timed_out + not_sent`, to the unit, however the load ends.
//! Memory does not depend on the rate's history: the backlog is two cursors. No lock and no shared map
//! is on the request path: workers share nothing. A worker that panics ends its own record: what was
//! under way has failed, what waited is not sent.
//!
//! Never: knows containers, faults or limits, or judges its own figures.

mod answer;
mod arrivals;
mod backlog;
mod captures;
mod catch_up;
mod checks;
mod choice;
mod client;
mod climb;
mod collector;
mod cookies;
mod course;
mod crew;
mod crowd;
mod cursor;
mod departures;
mod error;
mod errors;
mod failure;
mod feeder;
mod feeds;
mod generator;
mod http1;
mod local;
mod merge;
mod orders;
mod priority;
mod recorder;
mod request;
mod scatter;
mod script;
mod search;
mod share;
mod tls;

pub use arrivals::Arrivals;
pub use choice::Choice;
pub use error::LoadError;
pub use generator::{Generator, Job, Running};
pub use local::LocalGenerator;
pub use priority::realtime;
