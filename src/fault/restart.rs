//! `restart`: an orderly stop and an immediate start.

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::running::{Fate, all_met};
use super::scene::{Scene, names};
use super::undo::UndoStep;
use super::world::World;
use crate::record::PlannedFault;

/// The kind.
pub(super) struct Restart;

impl Kind for Restart {
    fn name(&self) -> &'static str {
        "restart"
    }

    fn docs(&self) -> &'static str {
        "Stops its victims in order, SIGKILL after `grace`, and starts them again at once. Over as soon \
         as they run; what the workload needs to recover is measured from there. Seen by a new start \
         time."
    }

    fn label(&self, plan: &PlannedFault) -> String {
        format!("restart {}", names(&plan.victims))
    }

    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String> {
        Ok(UndoStep::start(scene))
    }

    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome> {
        let grace = scene.plan.inject.grace();
        Box::pin(on_each(&scene.victims, move |seen| {
            world.answer(grace, world.control.restart(&seen.instance.id, grace))
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
                Fate::StartedAgain => None,
                Fate::Same => Some("was not restarted"),
                Fate::Ended => Some("is not running yet"),
                Fate::Gone => Some("is gone"),
            };
            all_met(world, &scene.victims, wrong).await?;
            Ok(format!("started again: {}", scene.names()))
        })
    }

    fn keep<'a>(&'a self, _world: &'a World, _scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(async { Keep::Holds })
    }
}
