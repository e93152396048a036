//! Evidence: what the target holds at a few moments of a run, in detail, for whoever looks for a leak.
//!
//! Owns the looks at every instance (control group, mappings, descriptors, sockets, threads, disk, the engine's
//! description, heap profiles) and the scraping of the target's own metrics. In go the watched roster and
//! the moments to look at; out come [`Evidence`](crate::record::Evidence), [`Scrapes`](crate::record::Scrapes)
//! and an event for each capture with its time and cost. Runs beside the run's owner loop, every look with
//! bounds in time and size. Never judges, and never keeps a run from ending.
//!
//! **Invariant**: what can't be captured says why. Nothing is missing in silence.

mod ask;
mod capture;
mod collector;
mod descriptors;
mod disk;
mod fold;
mod heap;
mod lines;
mod mappings;
mod memory_stat;
mod metrics_text;
mod outage;
mod prober;
mod processes;
mod profile;
mod scraper;
mod smaps;
mod sockets;
mod threads;
mod vault;

pub use collector::{Collector, Finding, Setup, start};
