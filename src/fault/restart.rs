//! `restart`: an orderly stop and an immediate start.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::running::{Fate, fate};
use super::scene::{Scene, names};
use super::undo::UndoStep;
use super::world::World;
use crate::experiment::Injection;
use crate::record::PlannedFault;

/// The kind.
pub(super) struct Restart;

fn grace(plan: &PlannedFault) -> Duration {
    match plan.inject {
        Injection::Restart { grace, .. } => grace,
        _ => Duration::ZERO,
    }
}

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
        let grace = grace(&scene.plan);
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
            for seen in &scene.victims {
                match fate(world, seen).await? {
                    Fate::StartedAgain => {}
                    Fate::Same => return Err(format!("{} was not restarted", seen.who)),
                    Fate::Ended => return Err(format!("{} is not running yet", seen.who)),
                    Fate::Gone => return Err(format!("{} is gone", seen.who)),
                }
            }
            Ok(format!("started again: {}", scene.names()))
        })
    }

    fn keep<'a>(&'a self, _world: &'a World, _scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(async { Keep::Holds })
    }
}
