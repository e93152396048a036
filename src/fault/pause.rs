//! `pause`: frozen, with everything it holds.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::running::look;
use super::scene::{Scene, names};
use super::undo::UndoStep;
use super::world::World;
use crate::record::{InstanceState, PlannedFault, Victim};
use crate::target::ControlError;

/// The kind.
pub(super) struct Pause;

impl Kind for Pause {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn docs(&self) -> &'static str {
        "Freezes its victims: the cgroup freezer for containers, SIGSTOP for processes. Connections stay \
         open and nothing answers. They are thawed when the fault ends. Seen by the state of the \
         container or process."
    }

    fn label(&self, plan: &PlannedFault) -> String {
        format!("pause {}", names(&plan.victims))
    }

    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String> {
        let step =
            |who: &Victim, id: &String| UndoStep::Unpause { who: who.clone(), id: id.clone() };
        Ok(scene.victims.iter().map(|s| step(&s.who, &s.instance.id)).collect())
    }

    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome> {
        Box::pin(on_each(&scene.victims, |seen| {
            world.answer(Duration::ZERO, world.control.pause(&seen.instance.id))
        }))
    }

    fn check<'a>(
        &'a self,
        world: &'a World,
        scene: &'a Scene,
        _tries: u32,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            for seen in &scene.victims {
                if !paused(world, &seen.who, &seen.instance.id).await? {
                    return Err(format!("{} is not paused", seen.who));
                }
            }
            Ok(format!("paused: {}", scene.names()))
        })
    }

    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(async move {
            for seen in &scene.victims {
                if !matches!(paused(world, &seen.who, &seen.instance.id).await, Ok(false)) {
                    return Keep::Holds;
                }
            }
            Keep::Ended(format!("ended by others: no longer paused: {}", scene.names()))
        })
    }
}

/// Thaws it.
pub(super) async fn undo(world: &World, who: &Victim, id: &str) -> Result<(), String> {
    match world.answer(Duration::ZERO, world.control.unpause(id)).await {
        Ok(()) | Err(ControlError::Gone) => Ok(()),
        Err(e) => Err(format!("{who} can't be thawed: {e}")),
    }
}

/// Whether it is thawed.
pub(super) async fn undone(world: &World, who: &Victim, id: &str) -> Result<String, String> {
    if paused(world, who, id).await? {
        Err(format!("{who} is paused"))
    } else {
        Ok(format!("{who} is not paused"))
    }
}

async fn paused(world: &World, who: &Victim, id: &str) -> Result<bool, String> {
    match look(world, id).await {
        Ok(now) => Ok(now.state == InstanceState::Paused),
        Err(ControlError::Gone) => Ok(false),
        Err(e) => Err(format!("{who} can't be inspected: {e}")),
    }
}
