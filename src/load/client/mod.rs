//! Every protocol but HTTP/1.1: a worker is one thread with a runtime of its own, and an arrival is a task on it.
//!
//! In go arrivals from the [`crate::load::departures`], out go ends to the [`crate::load::recorder`], as with HTTP/1.1.
//! What falls due is woken for by a kernel timer that the runtime waits for like for a socket, because the runtime's
//! own timers are late by a millisecond; those serve for timeouts alone. One protocol is one file: what it sends, what
//! a good answer is, and what is kept open for the next arrival.
//!
//! **Invariants.** An arrival has at most one request under way, and at most one connection. Open connections are
//! never more than the worker may have: an idle one makes room. Everything runs on the worker's own thread, so
//! that nothing is locked and the record's moments are in order.
//!
//! Never: decides when something is due, or what a figure means.

mod alarm;
mod arrival;
mod books;
mod desk;
mod dial;
mod http2;
mod idle;
mod lines;
mod link;
#[cfg(feature = "postgres")]
mod postgres;
mod redis;
mod resp;
mod tcp;
mod websocket;
mod worker;

pub(super) use lines::Lines;
pub(super) use worker::{Hire, Worker};
