//! The end of a run, whatever ended it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::conductor::{Finished, Hands, RunError, Scene, next_samples, receive};
use super::live::Input;
use super::state::Step;
use super::{Update, Watchers};
use crate::fault;
use crate::ids::RunId;
use crate::record::{RunStatus, Verdict};
use crate::report::{self, Format};
use crate::sample::Samples;
use crate::store::Store;
use crate::verdict;

/// How long in-flight requests and last samples may take before the run goes on without them.
const DRAIN: Duration = Duration::from_secs(10);

/// Stops the load, heals every fault, takes the last samples, judges, reports, takes the target down.
pub(super) async fn finish(mut scene: Scene, mut hands: Hands) -> Result<Finished, RunError> {
    let now = scene.clock.now();
    let outputs = hands.live.advance(Step::Stop, now);
    scene.carry_out(&mut hands, outputs).await;
    hands.stop_load.cancel();
    drain_load(&mut scene, &mut hands).await;

    if let Some(faults) = hands.faults.take() {
        let healing = heal(&mut scene, &mut hands, faults).await;
        for (fault, reason) in &healing.stuck {
            scene.deps.watchers.progress(format!("STUCK {fault}: {reason}"));
        }
    }
    hands.stop_sampling.cancel();
    drain_rest(&mut scene, &mut hands).await;
    let now = scene.clock.now();
    let mut outputs = hands.live.close();
    outputs.extend(hands.live.advance(Step::Healed, now));
    scene.carry_out(&mut hands, outputs).await;

    let Scene { id, writer, deps, dir, mut tasks, progress, .. } = scene;
    let lost = writer.lost();
    if lost > 0 {
        deps.watchers.progress(format!("{lost} records were lost: the disk could not take them"));
    }
    let closed = writer.close().await;
    let judged = match closed {
        Ok(()) => judge(&deps.store, &id),
        Err(e) => Err(e.into()),
    };
    let reported = judged.and_then(|(data, verdict)| {
        let files = report::write(&data, &verdict, &deps.reports.join(id.as_str()), &Format::ALL)?;
        Ok((verdict, files))
    });
    let leftover =
        take_down(hands, &id, deps.keep_up.then_some(dir.as_path()), &deps.watchers).await;
    tracing::debug!(dir = %dir.display(), "run over");
    drop(progress);
    while tasks.join_next().await.is_some() {}
    let (verdict, report) = reported?;
    deps.watchers.tell(Update::Judged(Box::new(verdict.clone())));
    Ok(Finished { id, verdict, report, leftover })
}

/// Takes what the engine still has to say; a second Ctrl-C cuts the wait short.
async fn drain_load(scene: &mut Scene, hands: &mut Hands) {
    let hurry = scene.deps.stops.hurry().clone();
    let deadline = scene.clock.now() + DRAIN;
    while let Some(running) = &mut hands.load {
        let slice = tokio::select! {
            slice = running.slices.recv() => slice,
            () = hurry.cancelled() => None,
            () = scene.clock.sleep_until(deadline) => None,
        };
        match slice {
            Some(slice) => {
                let now = scene.clock.now();
                let outputs = hands.live.handle(Input::Slice(Box::new(slice)), now);
                scene.carry_out(hands, outputs).await;
            }
            None => hands.load = None,
        }
    }
}

/// Heals while the faults' stages, the target's events and the samples go on being recorded.
async fn heal(scene: &mut Scene, hands: &mut Hands, faults: fault::Faults) -> fault::Healing {
    let mut healing = std::pin::pin!(faults.finish());
    loop {
        let input = tokio::select! {
            biased;
            Some((fault, stage)) = receive(&mut hands.stages) => Input::Stage(fault, stage),
            Some(event) = receive(&mut hands.events) => Input::Target(event),
            Some(samples) = next_samples(&mut hands.samples) => Input::Samples(samples),
            done = &mut healing => return done,
        };
        let now = scene.clock.now();
        let outputs = hands.live.handle(input, now);
        scene.carry_out(hands, outputs).await;
    }
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
        let outputs = hands.live.handle(input, now);
        scene.carry_out(hands, outputs).await;
    }
}

async fn take_down(
    hands: Hands,
    id: &RunId,
    keep_up: Option<&Path>,
    watchers: &Watchers,
) -> Option<String> {
    let target = hands.target?;
    if let Some(dir) = keep_up {
        if let Err(e) = fault::keep(dir) {
            watchers.progress(format!("the next run may take the target down: {e}"));
        }
        watchers.progress(format!("the target stays up; `longhaul cleanup {id}` takes it down"));
        drop(target);
        return None;
    }
    match target.down().await {
        Ok(()) => None,
        Err(e) => Some(format!("failed to {e}; `longhaul cleanup {id}` tries again")),
    }
}

fn judge(store: &Store, id: &RunId) -> Result<(crate::record::RunData, Verdict), RunError> {
    let data = store.load(id)?;
    let verdict = verdict::judge(&data);
    store.set_verdict(id, &verdict, RunStatus::Finished)?;
    Ok((data, verdict))
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
) -> Result<(Verdict, Vec<PathBuf>), RunError> {
    let data = store.load(id)?;
    let verdict = verdict::judge(&data);
    if data.run.status != RunStatus::Running {
        store.set_verdict(id, &verdict, data.run.status)?;
    }
    let files = report::write(&data, &verdict, &reports.join(id.as_str()), formats)?;
    Ok((verdict, files))
}

/// Marks runs whose owner has died as interrupted; answers their ids.
///
/// # Errors
/// When the store can't be read or written.
pub fn mark_interrupted(store: &Store) -> Result<Vec<RunId>, RunError> {
    let mut ids = Vec::new();
    for run in store.runs()? {
        if run.status == RunStatus::Running && !fault::alive(&store.run_dir(&run.id)) {
            store.set_status(&run.id, RunStatus::Interrupted)?;
            ids.push(run.id);
        }
    }
    Ok(ids)
}
