//! `longhaul cleanup`

use super::args::{CleanupArgs, Common};
use super::complaint::Complaint;
use super::exit::Exit;
use super::print_json;
use crate::fault;
use crate::ids::RunId;
use crate::run;
use crate::store::{Store, StoreError};
use crate::target::Engine;

/// Heals and removes what earlier runs left.
pub(super) async fn cleanup(args: CleanupArgs, common: &Common) -> anyhow::Result<Exit> {
    // Healing needs no database; a full or damaged one must not keep anybody from it.
    let store = Store::open_existing(&common.data);
    let only = match (&args.run, &store) {
        (None, _) => None,
        (Some(text), Ok(Some(store))) => Some(store.find(text)?),
        (Some(text), _) => Some(unrecorded(text, common)?),
    };
    let engine = Engine::connect().await;
    if let (Err(e), false) = (&engine, common.quiet) {
        complain!("note: no Docker engine ({e}); only child processes and journals are looked at");
    }
    let engine = engine.ok();
    let images = only.is_none();
    let mut report =
        fault::cleanup(&common.data, engine.clone(), only.as_ref(), images, args.dry_run).await?;
    if let (true, Some(engine)) = (args.all, &engine) {
        match engine.sweep(None, args.dry_run).await {
            Ok(lines) => report.lines.extend(lines),
            Err(e) => report.stuck.push(format!("failed to {e}")),
        }
    }
    if !args.dry_run
        && let Ok(Some(store)) = &store
        && let Err(e) = run::mark_interrupted(store)
    {
        complain!("note: the runs' records were not brought up to date: failed to {e}");
    }
    if common.json {
        print_json(&report)?;
    } else {
        for line in &report.lines {
            say!("{line}");
        }
        for line in &report.stuck {
            complain!("STUCK: {line}");
        }
        if report.lines.is_empty() && report.stuck.is_empty() && !common.quiet {
            say!("nothing to clean up");
        }
    }
    Ok(if report.stuck.is_empty() { Exit::Pass } else { Exit::HealingIncomplete })
}

/// A run by its folder alone, when there is no database to ask.
fn unrecorded(text: &str, common: &Common) -> anyhow::Result<RunId> {
    let run: RunId = text.parse().map_err(|e| {
        Complaint::new(Exit::Usage, format!("failed to read {text:?} as the id of a run: {e}"))
            .hint("without a database only a whole id names a run")
    })?;
    if common.data.join("runs").join(run.as_str()).is_dir() {
        return Ok(run);
    }
    Err(StoreError::NoRuns { data: common.data.clone() }.into())
}
