//! `longhaul run FILE`

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::args::{Common, RunArgs, TransportArg};
use super::colors::color;
use super::comparing::against;
use super::complaint::Complaint;
use super::exit::Exit;
use super::{live, logs, plain, plan, signals};
use crate::experiment::System;
use crate::fault::{self, Transport};
use crate::load::LocalGenerator;
use crate::report::{ledger_text, verdict_text};
use crate::run::{self, Busy, Deps, Finished, Stopper, Watchers, mark_interrupted};
use crate::store::Store;
use crate::target::{Engine, preflight};

/// Carries out an experiment, shows it, and answers the verdict's exit code.
pub(super) async fn run(args: RunArgs, common: &Common) -> anyhow::Result<Exit> {
    let plan = plan::resolve(&args.file, &args.overrides).await?;
    let system = &plan.experiment.target.system;
    if args.showing.keep_up && matches!(system, System::Process(_)) {
        let text = "--keep-up needs containers: child processes end with longhaul";
        return Err(Complaint::new(Exit::Usage, text).into());
    }
    preflight(&plan.experiment.target).await?;
    // A night's report must have a place before the night begins.
    let out = &args.showing.out;
    std::fs::create_dir_all(out).map_err(|e| {
        let text = format!("failed to make the reports' folder {}: {e}", out.display());
        Complaint::new(Exit::Usage, text).hint("name one that can be written to with --out DIR")
    })?;
    let sha256 = hash(&args.file)?;
    let _busy = take(&common.data)?;
    let store = Store::open(&common.data)?;
    let against = match &args.baseline {
        Some(text) => Some(against(text, &plan.experiment, &args.comparing, &store, common)?),
        None => None,
    };
    heal_earlier_runs(&store, common).await?;

    let (stopper, stops) = Stopper::new();
    let watchers = Watchers::default();
    let updates = watchers.subscribe();
    let mut tasks = JoinSet::new();
    let quiet = common.quiet;
    tasks.spawn(async move {
        if let Err(e) = signals::listen(stopper, quiet).await {
            tracing::warn!("failed to listen for signals: {e}");
        }
    });
    let interactive = logs::interactive() && !args.showing.no_tui && !common.json && !common.quiet;
    let shown = if interactive {
        tasks.spawn_blocking(move || live::show(updates))
    } else {
        tasks.spawn(plain::show(updates, common.json, common.quiet))
    };
    let deps = Deps {
        plan,
        experiment_sha256: sha256,
        generator: Arc::new(LocalGenerator),
        store,
        reports: args.showing.out.clone(),
        watchers: watchers.clone(),
        stops,
        against,
        keep_up: args.showing.keep_up,
        lease: args.showing.lease,
        transport: match args.showing.transport {
            TransportArg::Auto => Transport::Auto,
            TransportArg::Pid => Transport::Pid,
            TransportArg::Container => Transport::Container,
        },
    };
    let finished = Box::pin(run::run(deps)).await;
    drop(watchers);
    // The view ends when the last watcher handle is gone; it leaves the terminal as it found it.
    while let Some(done) = tasks.join_next_with_id().await {
        let id = done.map_or_else(|e| e.id(), |(id, ())| id);
        if id == shown.id() {
            break;
        }
    }
    tasks.abort_all();
    let finished = match finished {
        Ok(finished) => finished,
        Err(e @ run::RunError::Left { .. }) => {
            return Err(Complaint::new(Exit::HealingIncomplete, format!("failed to {e}"))
                .hint("`longhaul cleanup` tries again")
                .into());
        }
        Err(e) => {
            return Err(e)
                .context("failed to reach a verdict; the target was healed and taken down");
        }
    };
    print_end(&finished, common);
    Ok(exit(&finished))
}

fn hash(file: &Path) -> anyhow::Result<String> {
    let bytes =
        std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    Ok(format!("{:x}", Sha256::digest(&bytes)))
}

/// One run at a time in a data folder.
fn take(data: &Path) -> anyhow::Result<Busy> {
    match Busy::take(data) {
        Ok(Ok(busy)) => Ok(busy),
        Ok(Err(who)) => {
            let text = format!("another run is under way in {} ({who})", data.display());
            let hint = "wait for it, or give this one its own folder with --data DIR";
            Err(Complaint::new(Exit::Busy, text).hint(hint).into())
        }
        Err(e) => Err(Complaint::data_folder(data, &e).into()),
    }
}

/// Heals what runs killed in mid-air left behind, before anything is started.
async fn heal_earlier_runs(store: &Store, common: &Common) -> anyhow::Result<()> {
    let engine = Engine::connect().await.ok();
    let report = fault::cleanup(&common.data, engine, None, false, false).await?;
    mark_interrupted(store)?;
    for line in &report.lines {
        complain!("left by an earlier run: {line}");
    }
    if report.stuck.is_empty() {
        return Ok(());
    }
    let text = format!("failed to heal what an earlier run left: {}", report.stuck.join("; "));
    Err(Complaint::new(Exit::HealingIncomplete, text)
        .hint("nothing new is started until it is healed: `longhaul cleanup` tries again")
        .into())
}

fn print_end(finished: &Finished, common: &Common) {
    if common.json {
        say!(
            "{}",
            serde_json::json!({
                "type": "finished", "run": finished.id, "exit_code": exit(finished).code(),
                "summary": finished.summary, "report": finished.report,
                "leftover": finished.leftover,
            })
        );
    } else {
        if !common.quiet {
            say!("\n{}", ledger_text(&finished.verdict.ledger));
        }
        say!("{}", verdict_text(&finished.verdict, color(common, &std::io::stdout())));
        if let Some(index) = finished.report.first() {
            say!("report: {}", index.display());
        }
        for left in &finished.leftover {
            complain!("error: {left}");
        }
    }
}

fn exit(finished: &Finished) -> Exit {
    if finished.leftover.is_empty() {
        Exit::Verdict(finished.verdict.exit_code)
    } else {
        Exit::HealingIncomplete
    }
}
