//! `longhaul run FILE`

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::args::{Common, RunArgs, TransportArg};
use super::exit::Exit;
use super::{live, logs, plain, problems, signals};
use crate::experiment::System;
use crate::fault::{self, Transport};
use crate::load::LocalGenerator;
use crate::report::{ledger_text, verdict_text};
use crate::run::{self, Busy, Deps, Finished, Plan, Stopper, Watchers, mark_interrupted};
use crate::store::Store;
use crate::target::Engine;

/// Carries out an experiment, shows it, and answers the verdict's exit code.
pub(super) async fn run(args: RunArgs, common: &Common) -> anyhow::Result<Exit> {
    let experiment = match problems::load(&args.file, &args.overrides, common) {
        Ok(experiment) => experiment,
        Err(exit) => return Ok(exit),
    };
    if args.showing.keep_up && matches!(experiment.target.system, System::Process(_)) {
        complain!("error: --keep-up needs containers: child processes end with longhaul");
        return Ok(Exit::Usage);
    }
    // A night's report must have a place before the night begins.
    std::fs::create_dir_all(&args.showing.out).with_context(|| {
        format!("failed to make the reports' folder {}", args.showing.out.display())
    })?;
    let sha256 = hash(&args.file)?;
    let plan = match Plan::resolve(experiment).await {
        Ok(plan) => plan,
        Err(e) => {
            complain!("error: {}: {e}", args.file.display());
            return Ok(Exit::InvalidExperiment);
        }
    };
    let _busy = match Busy::take(&common.data)
        .with_context(|| format!("failed to use the data folder {}", common.data.display()))?
    {
        Ok(busy) => busy,
        Err(who) => {
            complain!("error: another run is under way in {} ({who})", common.data.display());
            complain!("hint: wait for it, or give this one its own folder with --data DIR");
            return Ok(Exit::Busy);
        }
    };
    let store = Store::open(&common.data)?;
    if !heal_earlier_runs(&store, common).await? {
        return Ok(Exit::HealingIncomplete);
    }

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
            complain!("error: failed to {e}");
            return Ok(Exit::HealingIncomplete);
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

/// Heals what runs killed in mid-air left behind, before anything is started.
async fn heal_earlier_runs(store: &Store, common: &Common) -> anyhow::Result<bool> {
    let engine = Engine::connect().await.ok();
    let report = fault::cleanup(&common.data, engine, None, false, false).await?;
    mark_interrupted(store)?;
    for line in &report.lines {
        complain!("left by an earlier run: {line}");
    }
    for line in &report.stuck {
        complain!("STUCK: {line}");
    }
    if !report.stuck.is_empty() {
        complain!("hint: nothing new is started until an earlier run's faults are healed");
    }
    Ok(report.stuck.is_empty())
}

fn print_end(finished: &Finished, common: &Common) {
    if common.json {
        say!(
            "{}",
            serde_json::json!({
                "type": "finished", "run": finished.id, "verdict": finished.verdict,
                "report": finished.report, "leftover": finished.leftover,
            })
        );
    } else {
        if !common.quiet {
            say!("\n{}", ledger_text(&finished.verdict.ledger));
        }
        let color = problems::color(common, &std::io::stdout());
        say!("{}", verdict_text(&finished.verdict, color));
        if let Some(index) = finished.report.first() {
            say!("report: {}", index.display());
        }
    }
    for left in &finished.leftover {
        complain!("error: {left}");
    }
}

fn exit(finished: &Finished) -> Exit {
    if finished.leftover.is_empty() {
        Exit::Verdict(finished.verdict.exit_code)
    } else {
        Exit::HealingIncomplete
    }
}
