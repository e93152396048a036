//! `kill`: a signal to the main process.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::running::{Fate, fate, keep_down};
use super::scene::{Scene, names};
use super::undo::UndoStep;
use super::world::World;
use crate::experiment::{Injection, Signal};
use crate::record::PlannedFault;

/// Looks before a signal other than SIGKILL counts as delivered to somebody who runs on.
const PATIENCE: u32 = 10;

/// The kind.
pub(super) struct Kill;

fn signal(plan: &PlannedFault) -> Option<&Signal> {
    match &plan.inject {
        Injection::Kill { signal, .. } => Some(signal),
        _ => None,
    }
}

/// Whether nobody survives it.
fn fatal(signal: &Signal) -> bool {
    let name = signal.0.to_ascii_uppercase();
    matches!(name.strip_prefix("SIG").unwrap_or(&name), "KILL" | "9")
}

impl Kind for Kill {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn docs(&self) -> &'static str {
        "Sends a signal to the main process of its victims through the engine. An engine does not \
         restart what it was told to kill, whatever the restart policy says, so longhaul starts the \
         victims again after `restart_after`. Seen by the end of the process; a signal other than \
         SIGKILL that the process survives counts as delivered."
    }

    fn label(&self, plan: &PlannedFault) -> String {
        let signal = signal(plan).map_or("signal", |s| s.0.as_str());
        format!("{signal} to {}", names(&plan.victims))
    }

    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String> {
        Ok(UndoStep::start(scene))
    }

    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(signal) = signal(&scene.plan) else {
                return Outcome::NotApplied("it has no signal".into());
            };
            on_each(&scene.victims, |seen| {
                let call = world.control.signal(&seen.instance.id, signal);
                world.answer(Duration::ZERO, call)
            })
            .await
        })
    }

    fn check<'a>(
        &'a self,
        world: &'a World,
        scene: &'a Scene,
        tries: u32,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let mut told = Vec::new();
            for seen in &scene.victims {
                let who = &seen.who;
                told.push(match fate(world, seen).await? {
                    Fate::Ended => format!("{who} is down"),
                    Fate::StartedAgain => format!("{who} went down and was started again"),
                    Fate::Gone => format!("{who} is gone"),
                    Fate::Same => match signal(&scene.plan) {
                        Some(signal) if tries >= PATIENCE && !fatal(signal) => {
                            format!("{} was delivered to {who}, which runs on", signal.0)
                        }
                        _ => return Err(format!("{who} is still running")),
                    },
                });
            }
            Ok(told.join(", "))
        })
    }

    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(keep_down(world, &scene.victims))
    }
}
