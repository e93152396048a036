//! `stop`: an orderly stop.

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::running::{Fate, all_met, keep_down};
use super::scene::{Scene, names};
use super::undo::UndoStep;
use super::world::World;
use crate::record::PlannedFault;

/// The kind.
pub(super) struct Stop;

impl Kind for Stop {
    fn name(&self) -> &'static str {
        "stop"
    }

    fn docs(&self) -> &'static str {
        "Stops its victims in order: SIGTERM (or the container's own stop signal), then SIGKILL after \
         `grace`. They are started again when the fault ends. Seen by the state of the container or \
         process."
    }

    fn label(&self, plan: &PlannedFault) -> String {
        format!("stop {}", names(&plan.victims))
    }

    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String> {
        Ok(UndoStep::start(scene))
    }

    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome> {
        let grace = scene.plan.inject.grace();
        Box::pin(on_each(&scene.victims, move |seen| {
            world.answer(grace, world.control.stop(&seen.instance.id, grace))
        }))
    }

    fn check<'a>(
        &'a self,
        world: &'a World,
        scene: &'a Scene,
        _tries: u32,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let wrong = |fate| match fate {
                Fate::Ended | Fate::Gone => None,
                Fate::Same => Some("is still running"),
                Fate::StartedAgain => Some("was started again at once"),
            };
            all_met(world, &scene.victims, wrong).await?;
            Ok(format!("stopped: {}", scene.names()))
        })
    }

    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(keep_down(world, &scene.victims))
    }
}
