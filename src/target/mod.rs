//! The system under test: bringing it up, watching it, acting on it, taking it down.
//!
//! Owns everything that knows what a target is made of: Compose projects, plain child processes and
//! containers that somebody else runs; the Docker engine behind them; the roster of who is there, the
//! events of their lives, and the verbs that act on one of them. In goes an
//! [`experiment::Target`](crate::experiment::Target); out come a [`LiveTarget`] with its watched
//! [`Roster`](crate::record::Roster), its [`TargetEvent`]s and its [`Control`].
//!
//! Never knows load, faults or limits. The only room that speaks to the engine.

#[expect(dead_code, reason = "the watchers that write on it come next")]
mod board;
mod control;
mod engine;
mod engine_control;
mod error;
mod executable;
mod image;
#[expect(dead_code, reason = "the watchers that read labels come next")]
mod inspect;
#[expect(clippy::unused_async, reason = "the ways to bring a target up come next")]
mod live;
mod one_shot;
mod stats;
mod sweep;

pub use control::{Answer, Attachment, Control};
pub use engine::{Engine, EngineInfo};
pub use engine_control::engine_control;
pub use error::{ControlError, TargetError};
pub use executable::{executable, use_executable};
pub use live::{BringUp, Linker, LiveTarget, TargetEvent, TargetEventKind, bring_up};
pub use one_shot::OneShotOutput;
pub use stats::EngineReading;
