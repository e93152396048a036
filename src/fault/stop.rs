//! `stop`: an orderly stop.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::running::{Fate, fate, keep_down};
use super::scene::{Scene, names};
use super::undo::UndoStep;
use super::world::World;
use crate::experiment::Injection;
use crate::record::PlannedFault;

/// The kind.
pub(super) struct Stop;

fn grace(plan: &PlannedFault) -> Duration {
    match plan.inject {
        Injection::Stop { grace, .. } => grace,
        _ => Duration::ZERO,
    }
}

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
        let grace = grace(&scene.plan);
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
            for seen in &scene.victims {
                match fate(world, seen).await? {
                    Fate::Ended | Fate::Gone => {}
                    Fate::Same => return Err(format!("{} is still running", seen.who)),
                    Fate::StartedAgain => {
                        return Err(format!("{} was started again at once", seen.who));
                    }
                }
            }
            Ok(format!("stopped: {}", scene.names()))
        })
    }

    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(keep_down(world, &scene.victims))
    }
}
