//! longhaul: brings a system up, holds a steady rate on it for hours, hurts it, heals it, and judges it.
//!
//! The folders are the method; `docs/ARCHITECTURE.md` says what each room owns and who may import whom.

pub mod cli;
pub mod clock;
pub mod demo;
pub mod evidence;
pub mod experiment;
pub mod fault;
pub mod helper;
pub mod ids;
pub mod load;
pub mod proxy;
pub mod record;
pub mod report;
pub mod run;
pub mod sample;
pub mod seed;
pub mod store;
pub mod target;
pub mod units;
pub mod verdict;
