//! The system under test: bringing it up, watching it, acting on it, taking it down.
//!
//! Owns everything that knows what a target is made of: Compose projects, plain child processes and
//! containers that somebody else runs; the Docker engine behind them; the roster of who is there, the
//! events of their lives, and the verbs that act on one of them. In goes an
//! [`experiment::Target`](crate::experiment::Target); out come a [`LiveTarget`] with its watched
//! [`Roster`](crate::record::Roster), its [`TargetEvent`]s and its [`Control`].
//!
//! Never knows load, faults or limits. The only room that speaks to the engine.

mod board;
mod claim;
mod commands;
mod compose;
mod container_details;
mod control;
mod engine;
mod engine_control;
mod engine_event;
mod error;
mod executable;
mod external;
mod hold;
mod image;
mod inspect;
mod kept;
mod live;
mod log_file;
mod log_keeper;
mod logs;
mod one_shot;
mod owner;
mod preflight;
mod process;
mod ready;
mod remains;
mod stats;
mod sweep;
mod tally;
mod ward;
mod watcher;
#[cfg(test)]
mod watcher_test;

pub use commands::commands;
pub use compose::{compose_version, replicas};
pub use container_details::{ContainerDetails, ContainerMount};
pub use control::{Answer, Attachment, Control};
pub use engine::{Engine, EngineInfo};
pub use engine_control::engine_control;
pub use error::{ControlError, TargetError};
pub use executable::{executable, use_executable};
pub use kept::{forget_kept, is_kept, keep};
pub use live::{BringUp, Linker, LiveTarget, TargetEvent, TargetEventKind, bring_up};
pub use log_file::kept_log_lines;
pub use one_shot::OneShotOutput;
pub use preflight::preflight;
pub use process::{ProcessSweep, instance_dir, sweep_processes};
pub use remains::Remains;
pub use stats::EngineReading;
pub use ward::child_main;
