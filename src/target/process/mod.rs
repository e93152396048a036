//! Process targets: plain child processes on loopback, without Docker.
//!
//! Owns their ports, start order, environment, log files, lives and deaths. A child dies with longhaul
//! whatever ends it; what survives even that is found again by [`sweep_processes`]. Never proxies
//! traffic itself: a [`Linker`](super::Linker) makes the links that can be cut.

mod control;
mod layout;
mod leftovers;
mod logs;
mod pool;
mod ports;
mod signals;

pub use layout::instance_dir;
pub use leftovers::{ProcessSweep, sweep_processes};
pub(super) use pool::Pool;
