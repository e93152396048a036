//! The life of one fault, from its intent to its heal, on a task of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::cell::Cell;
use super::entry::Intent;
use super::heal::heal;
use super::kind::{Keep, Kind, Outcome, kind};
use super::scene::Scene;
use super::state::FaultEvent;
use super::world::World;
use crate::clock::wall;
use crate::record::FaultStage;

/// Even a fault without a duration is looked for this long.
const LEAST_LOOK: Duration = Duration::from_secs(2);

/// Whose turn it is while a fault is in force.
enum Turn {
    GiveUp,
    Keep,
    Look,
}

/// What a life needs.
pub(super) struct Life {
    pub cell: Arc<Cell>,
    pub world: World,
    pub table: String,
    /// Ends it before its time.
    pub stop: CancellationToken,
}

impl Life {
    /// Lives it. A panic on the way ends in the same heal as everything else.
    pub(super) async fn live(self) {
        if AssertUnwindSafe(self.inject_and_hold()).catch_unwind().await.is_err() {
            let why = "longhaul panicked while the fault was in force".to_owned();
            self.cell.advance(FaultEvent::NotSeen(why.clone())).await;
            self.cell.ended(why);
        }
        self.heal().await;
    }

    /// Undoes whatever may be in force. Nothing to do is fine.
    pub(super) async fn heal(&self) {
        let Some((undo, settles, ended)) = self.cell.open() else { return };
        self.cell.advance(FaultEvent::HealBegun).await;
        let healing = AssertUnwindSafe(heal(&self.world, &undo, settles)).catch_unwind();
        self.cell
            .advance(match healing.await {
                Ok(Ok(evidence)) => FaultEvent::Undone(match ended {
                    Some(why) => format!("{why}; {evidence}"),
                    None => evidence,
                }),
                Ok(Err(reason)) => FaultEvent::NotUndone(reason),
                Err(_) => FaultEvent::NotUndone("longhaul panicked while healing".into()),
            })
            .await;
    }

    async fn inject_and_hold(&self) {
        let plan = &self.cell.plan;
        let kind = kind(&plan.inject);
        if self.stop.is_cancelled() {
            let why = "faults are being healed, no new one begins".to_owned();
            return self.cell.advance(FaultEvent::Refused(why)).await;
        }
        let scene = match self.intend(kind).await {
            Ok(scene) => scene,
            Err(why) => return self.cell.advance(FaultEvent::Refused(why)).await,
        };
        self.cell.advance(FaultEvent::Asked).await;
        // Not stopped half-way: an engine that was asked goes on, and would undo our undo.
        match kind.inject(&self.world, &scene).await {
            Outcome::Applied => {}
            Outcome::NotApplied(why) => {
                return self.cell.advance(FaultEvent::Refused(why)).await;
            }
            Outcome::Unknown(why) => {
                self.cell.unsure_until(wall() + plan.inject.grace() + self.world.timing.settle);
                tracing::warn!(fault = %plan.id, why, "it is not known whether the fault is in force");
            }
        }
        self.hold(kind, scene).await;
    }

    /// Looks at the target and puts the intent on disk.
    async fn intend(&self, kind: &dyn Kind) -> Result<Scene, String> {
        let plan = &self.cell.plan;
        let scene = Scene::look(&self.world, plan, self.table.clone()).await?;
        let grace = plan.inject.grace();
        let now = wall();
        let intent = Intent {
            plan: plan.clone(),
            seen: scene.everybody().map(|s| s.instance.clone()).collect(),
            undo: kind.plan(&scene)?,
            deadline: now + grace + plan.lasts,
            settles: now + grace + self.world.timing.settle,
            processes: scene.wires.is_some(),
        };
        let written = self.cell.intend(intent).await;
        written.map_err(|e| format!("its intent can't be written to the journal: {e}"))?;
        Ok(scene)
    }

    /// From the injection until the fault's time is over, its target ends it, or it is stopped.
    async fn hold(&self, kind: &dyn Kind, mut scene: Scene) {
        let timing = &self.world.timing;
        let lasts = self.cell.plan.lasts;
        let mut expiry = std::pin::pin!(tokio::time::sleep(lasts));
        let look_for = timing.verify_within.min(lasts.max(LEAST_LOOK));
        let mut patience = std::pin::pin!(tokio::time::sleep(look_for));
        let mut renewal = tokio::time::interval(timing.lease / 3);
        renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        renewal.reset();
        let mut look = tokio::time::interval(timing.verify_every);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // While looking for it: how often, and why it was not seen yet.
        let mut looking = Some((0, "it was not looked for".to_owned()));
        loop {
            let looked = looking.is_some();
            // In this order: whatever is slow below, the end comes in time.
            let turn = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = &mut expiry, if looking.is_none() => return,
                () = &mut patience, if looking.is_some() => Turn::GiveUp,
                () = self.cell.nudge.notified() => Turn::Keep,
                _ = renewal.tick() => Turn::Keep,
                _ = look.tick(), if looking.is_some() => Turn::Look,
            };
            match turn {
                Turn::GiveUp => {
                    let (_, reason) = looking.take().unwrap_or_default();
                    self.cell.advance(FaultEvent::NotSeen(reason)).await;
                }
                Turn::Keep => {
                    if self.keep(kind, &mut scene, &mut looking).await.is_break() {
                        return;
                    }
                    // Where keeping takes as long as its interval, looking would never have a turn.
                    self.look(kind, &scene, &mut looking).await;
                }
                Turn::Look => self.look(kind, &scene, &mut looking).await,
            }
            if !looked && looking.is_some() {
                patience.set(tokio::time::sleep(look_for));
            }
        }
    }

    async fn look(&self, kind: &dyn Kind, scene: &Scene, looking: &mut Option<(u32, String)>) {
        let Some((tries, _)) = looking.take() else { return };
        match kind.check(&self.world, scene, tries).await {
            Ok(evidence) => {
                self.cell.advance(FaultEvent::Seen(with_absent(evidence, scene))).await;
            }
            Err(reason) => *looking = Some((tries + 1, reason)),
        }
    }

    async fn keep(
        &self,
        kind: &dyn Kind,
        scene: &mut Scene,
        looking: &mut Option<(u32, String)>,
    ) -> std::ops::ControlFlow<()> {
        use std::ops::ControlFlow::{Break, Continue};
        let lost = match kind.keep(&self.world, scene).await {
            Keep::Holds => {
                if matches!(self.cell.stage(), Some(FaultStage::Unverified { .. })) {
                    // It may be back after a loss, or traffic may have come at last.
                    if let Ok(evidence) = kind.check(&self.world, scene, u32::MAX).await {
                        self.cell.advance(FaultEvent::Seen(with_absent(evidence, scene))).await;
                    }
                }
                return Continue(());
            }
            // A fault whose end nobody has seen begin can't be said to have been in force.
            Keep::Ended(why) => {
                if let Some((tries, _)) = looking.take() {
                    let seen = kind.check(&self.world, scene, tries).await;
                    self.cell
                        .advance(seen.map_or_else(FaultEvent::NotSeen, FaultEvent::Seen))
                        .await;
                }
                self.cell.ended(why);
                return Break(());
            }
            Keep::Lost(why) => why,
            Keep::Moved(now, undo) => match self.follow(kind, *now, undo).await {
                Ok(now) => {
                    *scene = now;
                    *looking = Some((0, "it was not looked for".to_owned()));
                    return Continue(());
                }
                Err(why) => why,
            },
        };
        tracing::warn!(fault = %self.cell.plan.id, lost, "a fault is not in force as it should be");
        if looking.is_none() {
            self.cell.advance(FaultEvent::NotSeen(lost)).await;
        }
        Continue(())
    }

    /// Injects again where the target is now, for the time left.
    async fn follow(
        &self,
        kind: &dyn Kind,
        now: Scene,
        undo: Vec<super::undo::UndoStep>,
    ) -> Result<Scene, String> {
        let written = self.cell.intend_more(undo).await;
        written.map_err(|e| format!("more can't be written to the journal: {e}"))?;
        match kind.inject(&self.world, &now).await {
            Outcome::Applied => Ok(now),
            Outcome::NotApplied(why) | Outcome::Unknown(why) => Err(why),
        }
    }
}

fn with_absent(evidence: String, scene: &Scene) -> String {
    if scene.absent.is_empty() {
        evidence
    } else {
        format!("{evidence}; {}", scene.absent.join(", "))
    }
}
