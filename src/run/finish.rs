//! The end of a run, whatever ended it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;

use super::Update;
use super::conductor::{Deps, Finished, Hands, RunError, Scene};
use super::inputs::{next_finding, next_samples, next_slice, receive};
use super::live::{Input, Live, Output};
use super::state::Step;
use crate::clock::monotonic;
use crate::experiment::System;
use crate::fault;
use crate::ids::RunId;
use crate::record::{EventKind, RunStatus, Verdict};
use crate::report::{self, Format};
use crate::sample::Samples;
use crate::store::{Store, StoreError, Writer};
use crate::target::{Engine, is_kept, keep};
use crate::verdict;

/// How long the store may take for the last records.
const CLOSE: Duration = Duration::from_secs(30);
/// How long taking the target down may take, and then how long it is tried again.
const DOWN: Duration = Duration::from_mins(2);
const AGAIN: Duration = Duration::from_mins(1);
/// How long in-flight requests and last samples may take before the run goes on without them.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the last evidence may take: longer than one capture may.
const EVIDENCE: Duration = Duration::from_secs(40);

/// Stops the load, heals every fault, takes the last samples, judges, reports, takes the target down.
pub(super) async fn finish(mut scene: Scene, mut hands: Hands) -> Result<Finished, RunError> {
    let now = scene.clock.now();
    let outputs = thought(&mut hands.live, |live| live.advance(Step::Stop, now));
    scene.carry_out(&mut hands, outputs).await;
    hands.stop_load.cancel();
    drain_load(&mut scene, &mut hands).await;

    let mut leftover = Vec::new();
    if let Some(faults) = hands.faults.take() {
        let healing = heal(&mut scene, &mut hands, faults).await;
        leftover
            .extend(healing.stuck.iter().map(|(fault, why)| format!("{fault} is stuck: {why}")));
    }
    drain_evidence(&mut scene, &mut hands).await;
    hands.stop_sampling.cancel();
    if let Some(target) = &mut hands.target {
        target.unwatch().await;
    }
    drain_rest(&mut scene, &mut hands).await;
    let now = scene.clock.now();
    let mut outputs = thought(&mut hands.live, Live::close);
    outputs.extend(thought(&mut hands.live, |live| live.advance(Step::Healed, now)));
    scene.carry_out(&mut hands, outputs).await;

    let Scene { id, clock, writer, kept, deps, dir, mut tasks, progress, looks, .. } = scene;
    let lost = writer.lost();
    if lost > 0 {
        deps.watchers.progress(format!("{lost} records were lost: the disk could not take them"));
    }
    let unstored = close(writer).await;
    if let Some(reason) = &unstored {
        deps.watchers.progress(format!("the last records could not be stored: {reason}"));
    }
    let reported = catch_unwind(AssertUnwindSafe(|| {
        let mut data = deps.store.load(&id)?;
        if let Some(reason) = unstored {
            kept.complete(&mut data, reason, clock.now());
        }
        let verdict = verdict::judge(&data);
        data.run.status = RunStatus::Finished;
        // The report tells what the database could not take.
        if let Err(error) = deps.store.set_verdict(&id, &verdict, RunStatus::Finished) {
            deps.watchers.progress(format!("the verdict could not be stored: failed to {error}"));
        }
        let files = report::write(&data, &verdict, &deps.reports.join(id.as_str()), &Format::ALL)?;
        let summary = report::summary(&data, &verdict);
        Ok(Judged { verdict, summary, files })
    }))
    .unwrap_or_else(|_| Err(RunError::Defect("judge the run")));
    leftover.extend(take_down(hands, &id, &dir, &deps).await);
    let kept = is_kept(&dir);
    // With these, who serves them ends.
    drop((progress, looks));
    if !over(&mut tasks, DRAIN).await {
        tracing::warn!("a look at what seems to leak is still under way: it is left");
    }
    match reported {
        Ok(Judged { verdict, summary, files: report }) => {
            deps.watchers.tell(Update::Judged(Box::new(verdict.clone())));
            Ok(Finished { id, verdict, summary, report, leftover, kept })
        }
        Err(error) if leftover.is_empty() => Err(error),
        Err(error) => Err(RunError::Left { error: Box::new(error), leftover }),
    }
}

/// Waits for what still tells of the run, or looks at it; false when that takes too long, and does not matter any more.
async fn over(tasks: &mut JoinSet<()>, within: Duration) -> bool {
    let all = async { while tasks.join_next().await.is_some() {} };
    tokio::time::timeout(within, all).await.is_ok()
}

/// Stores the last records; answers what could not be. The target is not kept waiting for a disk.
async fn close(writer: Writer) -> Option<String> {
    let counts = writer.clone();
    let reason = match tokio::time::timeout(CLOSE, writer.close()).await {
        Ok(Ok(())) => return None,
        Ok(Err(StoreError::Unwritten { reason, .. })) => reason,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the disk took longer than {} s", CLOSE.as_secs()),
    };
    Some(format!("{} records lost: {reason}", counts.lost()))
}

/// What the loop's mind makes of something. A defect in it must not keep anything from being healed.
fn thought(live: &mut Live, think: impl FnOnce(&mut Live) -> Vec<Output>) -> Vec<Output> {
    catch_unwind(AssertUnwindSafe(|| think(live))).unwrap_or_default()
}

/// Takes what the engine still has to say; a second Ctrl-C cuts the wait short. An engine that panics has said all.
async fn drain_load(scene: &mut Scene, hands: &mut Hands) {
    let hurry = scene.deps.stops.hurry().clone();
    let deadline = scene.clock.now() + DRAIN;
    while hands.load.is_some() {
        let said = async {
            tokio::select! {
                biased;
                Some(event) = receive(&mut hands.load_events) => Some(Ok(Input::Load(event))),
                slice = next_slice(&mut hands.load) => match slice {
                    Ok(slice) => Some(Ok(Input::Slice(Box::new(slice)))),
                    Err(why) => why.map(Err),
                },
                () = hurry.cancelled() => None,
                () = scene.clock.sleep_until(deadline) => None,
            }
        };
        match AssertUnwindSafe(said).catch_unwind().await {
            Ok(Some(Ok(input))) => {
                let now = scene.clock.now();
                let outputs = thought(&mut hands.live, |live| live.handle(input, now));
                scene.carry_out(hands, outputs).await;
            }
            Ok(Some(Err(why))) => {
                let text = format!("the load gave up: {why}");
                scene.event(EventKind::Note { text }).await;
                break;
            }
            Ok(None) | Err(_) => break,
        }
    }
    hands.load = None;
}

/// Heals while the faults' stages, the target's events and the samples go on being recorded.
async fn heal(scene: &mut Scene, hands: &mut Hands, faults: fault::Faults) -> fault::Healing {
    let mut healing = std::pin::pin!(faults.finish());
    loop {
        let input = tokio::select! {
            biased;
            // First: a record that waits for a disk again and again must not keep it from going on.
            done = &mut healing => return done,
            Some((fault, stage)) = receive(&mut hands.stages) => Input::Stage(fault, stage),
            Some(event) = receive(&mut hands.events) => Input::Target(event),
            Some(samples) = next_samples(&mut hands.samples) => Input::Samples(samples),
            Some(finding) = next_finding(&mut hands.collector) => Input::Found(finding),
        };
        let now = scene.clock.now();
        let outputs = thought(&mut hands.live, |live| live.handle(input, now));
        scene.carry_out(hands, outputs).await;
    }
}

/// Waits for the capture of the load's end, while everything else goes on being recorded. A second Ctrl-C
/// cuts the wait short.
async fn drain_evidence(scene: &mut Scene, hands: &mut Hands) {
    let Some(collector) = &mut hands.collector else { return };
    collector.close();
    let hurry = scene.deps.stops.hurry().clone();
    let deadline = scene.clock.now() + EVIDENCE;
    while hands.collector.is_some() {
        let input = tokio::select! {
            biased;
            Some(event) = receive(&mut hands.events) => Input::Target(event),
            Some(samples) = next_samples(&mut hands.samples) => Input::Samples(samples),
            found = next_finding(&mut hands.collector) => match found {
                Some(finding) => Input::Found(finding),
                None => return,
            },
            () = hurry.cancelled() => break,
            () = scene.clock.sleep_until(deadline) => break,
        };
        let now = scene.clock.now();
        let outputs = thought(&mut hands.live, |live| live.handle(input, now));
        scene.carry_out(hands, outputs).await;
    }
    hands.collector = None;
    let text = "the last evidence is not captured: the run did not wait for it any longer";
    scene.event(EventKind::Note { text: text.to_owned() }).await;
}

async fn drain_rest(scene: &mut Scene, hands: &mut Hands) {
    loop {
        let input =
            if let Some((fault, stage)) = hands.stages.as_mut().and_then(|c| c.try_recv().ok()) {
                Input::Stage(fault, stage)
            } else if let Some(event) = hands.events.as_mut().and_then(|c| c.try_recv().ok()) {
                Input::Target(event)
            } else if let Some(samples) = hands.samples.as_mut().and_then(Samples::try_recv) {
                Input::Samples(samples)
            } else {
                return;
            };
        let now = scene.clock.now();
        let outputs = thought(&mut hands.live, |live| live.handle(input, now));
        scene.carry_out(hands, outputs).await;
    }
}

/// Takes the target down, or what a failed bring-up left of it; answers what is left.
async fn take_down(hands: Hands, id: &RunId, dir: &Path, deps: &Deps) -> Option<String> {
    let engine = match &hands.target {
        Some(target) => target.engine(),
        None => match deps.plan.experiment.target.system {
            System::Process(_) => None,
            _ => Engine::connect().await.ok(),
        },
    };
    let failed = match hands.target {
        // Only a project is brought up by the run; what is put beside running containers goes with it.
        Some(target) if deps.keeps_up() => {
            if let Err(e) = keep(dir) {
                deps.watchers.progress(format!("the next run may take the target down: {e}"));
            }
            deps.watchers
                .progress(format!("the target stays up; `longhaul cleanup {id}` takes it down"));
            drop(target);
            return None;
        }
        Some(target) => match tokio::time::timeout(DOWN, target.down()).await {
            Ok(Ok(())) => return None,
            Ok(Err(e)) => e.to_string(),
            Err(_) => "take the target down in two minutes".to_owned(),
        },
        None => String::new(),
    };
    let Some(engine) = engine else {
        return (!failed.is_empty()).then(|| format!("failed to {failed}"));
    };
    let deadline = monotonic() + AGAIN;
    loop {
        let error = match tokio::time::timeout(DOWN, engine.sweep(Some(id), false)).await {
            Ok(Ok(_)) => return None,
            Ok(Err(e)) => e.to_string(),
            Err(_) => "get an answer from the engine".to_owned(),
        };
        if monotonic() > deadline {
            return Some(format!("failed to {error}; `longhaul cleanup {id}` tries again"));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// A run's verdict, and what was written of it.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The same for programs, as `summary.json` holds it.
    pub summary: serde_json::Value,
    /// The report's files.
    pub files: Vec<PathBuf>,
}

/// Judges a stored run again, and writes its report.
///
/// # Errors
/// When the records can't be read or the report can't be written.
pub fn judge_again(
    store: &Store,
    id: &RunId,
    reports: &Path,
    formats: &[Format],
) -> Result<Judged, RunError> {
    let data = store.load(id)?;
    let verdict = verdict::judge(&data);
    if data.run.status != RunStatus::Running {
        store.set_verdict(id, &verdict, data.run.status)?;
    }
    let files = report::write(&data, &verdict, &reports.join(id.as_str()), formats)?;
    let summary = report::summary(&data, &verdict);
    Ok(Judged { verdict, summary, files })
}

/// Marks runs whose owner has died as interrupted; answers their ids.
///
/// # Errors
/// When the store can't be read or written.
pub fn mark_interrupted(store: &Store) -> Result<Vec<RunId>, RunError> {
    let mut ids = Vec::new();
    for run in store.list()? {
        if run.status == Some(RunStatus::Running) && !fault::alive(&store.run_dir(&run.id)) {
            store.set_status(&run.id, RunStatus::Interrupted)?;
            ids.push(run.id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_does_not_end_does_not_keep_the_run_from_ending() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        assert!(over(&mut tasks, DRAIN).await);
        tasks.spawn(std::future::pending());
        assert!(!over(&mut tasks, Duration::from_millis(20)).await);
    }
}
