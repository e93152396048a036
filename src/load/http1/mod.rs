//! HTTP/1.1: a worker is one thread with its own readiness loop and its own connections; workers share nothing.
//!
//! In go arrivals from the [`crate::load::backlog`], out go ends to the [`crate::load::recorder`]. On the path of a
//! request nothing is allocated that its scenario does not ask for, nothing is locked, and nothing waits:
//! requests are serialised before the load begins, bytes are read into one buffer and parsed where they lie,
//! connections are opened beside it, and the last used idle one is taken first.
//!
//! **Invariants.** An arrival has at most one request under way, and a request is at one [`flight::Stage`]. Who
//! waits for a connection has one being opened for it, so that its failure is heard of. Open connections are
//! never more than the worker may have.
//!
//! Never: decides when something is due, or what a figure means.

mod chunks;
mod deadlines;
mod exchange;
mod flight;
mod places;
mod reactor;
mod reader;
mod route;
mod slots;
mod traffic;
mod wire;
mod worker;

pub(super) use reactor::Bell;
pub(super) use reader::Malformed;
pub(super) use route::{Direction, Lookups, Route};
pub(super) use worker::Worker;
