//! Whether instances run, and making them run again: the undo that kill, stop and restart share.

use std::time::Duration;

use super::kind::Keep;
use super::scene::Seen;
use super::world::World;
use crate::record::{Instance, InstanceState, Victim};
use crate::target::ControlError;

/// What became of an instance since it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It runs on, or is frozen.
    Same,
    /// It is not running.
    Ended,
    /// It runs, but was started since.
    StartedAgain,
    /// It no longer exists.
    Gone,
}

/// A fresh look at an instance.
pub(super) async fn look(world: &World, id: &str) -> Result<Instance, ControlError> {
    world.answer(Duration::ZERO, world.control.instance(id)).await
}

/// What became of an instance since it was looked at.
pub(super) async fn fate(world: &World, before: &Seen) -> Result<Fate, String> {
    match look(world, &before.instance.id).await {
        Ok(now) if now.state == InstanceState::Stopped => Ok(Fate::Ended),
        Ok(now) if now.started_at != before.instance.started_at => Ok(Fate::StartedAgain),
        Ok(_) => Ok(Fate::Same),
        Err(ControlError::Gone) => Ok(Fate::Gone),
        Err(e) => Err(format!("{}: {e}", before.who)),
    }
}

/// Nothing when every victim met a fate that is as it should be; else what `wrong` says of the first that
/// did not.
pub(super) async fn all_met(
    world: &World,
    victims: &[Seen],
    wrong: impl Fn(Fate) -> Option<&'static str>,
) -> Result<(), String> {
    for seen in victims {
        if let Some(wrong) = wrong(fate(world, seen).await?) {
            return Err(format!("{} {wrong}", seen.who));
        }
    }
    Ok(())
}

/// Keeps a fault that ended its victims: over as soon as somebody else has started them all again.
pub(super) async fn keep_down(world: &World, victims: &[Seen]) -> Keep {
    let mut how = Vec::new();
    for seen in victims {
        match fate(world, seen).await {
            Ok(Fate::StartedAgain) => how.push(format!("{} was started again", seen.who)),
            Ok(Fate::Gone) => how.push(format!("{} is gone", seen.who)),
            // Not heard is not known: the fault goes on.
            Ok(Fate::Same | Fate::Ended) | Err(_) => return Keep::Holds,
        }
    }
    Keep::Ended(format!("ended by restart: {}", how.join(", ")))
}

/// Makes it run.
pub(super) async fn start(world: &World, who: &Victim, id: &str) -> Result<(), String> {
    match world.answer(Duration::ZERO, world.control.start(id)).await {
        Ok(()) | Err(ControlError::Gone) => Ok(()),
        Err(e) => Err(format!("{who} can't be started: {e}")),
    }
}

/// Whether it runs.
pub(super) async fn runs(world: &World, who: &Victim, id: &str) -> Result<String, String> {
    match look(world, id).await {
        Ok(now) if now.state == InstanceState::Stopped => Err(format!("{who} is not running")),
        Ok(_) => Ok(format!("{who} is running")),
        Err(ControlError::Gone) => Ok(format!("{who} is gone, nothing to start")),
        Err(e) => Err(format!("{who} can't be inspected: {e}")),
    }
}
