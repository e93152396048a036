//! Undoing, again and again until it is seen to be undone.

use futures_util::future::join_all;
use jiff::Timestamp;

use super::undo::UndoStep;
use super::world::World;
use crate::clock::wall;

/// Doublings of the first pause between two tries.
const DOUBLINGS: u32 = 4;
/// Longest text kept of a heal.
const WORDS: usize = 1000;

/// Does all steps and sees them done: the evidence, or what is left behind. Tries each step at least
/// once and then until the time for healing is over. Before `settles` a side effect that nobody heard
/// of may still come, so what was seen undone is looked at again then.
pub(super) async fn heal(
    world: &World,
    steps: &[UndoStep],
    settles: Option<Timestamp>,
) -> Result<String, String> {
    let evidence = undo_all(world, steps).await?;
    let Some(wait) = settles.and_then(|t| std::time::Duration::try_from(t - wall()).ok()) else {
        return Ok(evidence);
    };
    if wait.is_zero() {
        return Ok(evidence);
    }
    tokio::time::sleep(wait).await;
    undo_all(world, steps).await
}

async fn undo_all(world: &World, steps: &[UndoStep]) -> Result<String, String> {
    let mut done = Vec::new();
    let mut left = Vec::new();
    for result in join_all(steps.iter().map(|step| undo_one(world, step))).await {
        match result {
            Ok(evidence) => done.push(evidence),
            Err(reason) => left.push(reason),
        }
    }
    done.dedup();
    if left.is_empty() { Ok(clip(done.join(", "))) } else { Err(clip(left.join("; "))) }
}

async fn undo_one(world: &World, step: &UndoStep) -> Result<String, String> {
    let mut deadline = std::pin::pin!(tokio::time::sleep(world.timing.heal_within));
    let mut tries = 0;
    loop {
        let result = match step.undo(world).await {
            Ok(()) => step.check(world).await,
            Err(reason) => Err(reason),
        };
        let Err(reason) = result else { return result };
        tracing::debug!(%step, %reason, tries, "not healed yet");
        let pause = world.timing.backoff * 2_u32.pow(DOUBLINGS.min(tries));
        tries += 1;
        tokio::select! {
            biased;
            () = &mut deadline => return Err(format!("{reason} (after {tries} tries)")),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn clip(text: String) -> String {
    match text.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
