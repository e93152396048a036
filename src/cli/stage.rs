//! What a command that runs experiments sets up once, however many runs it has: secrets, store, signals, the folder's lock.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::args::{Common, RunArgs, Showing, TransportArg};
use super::comparing::against;
use super::complaint::Complaint;
use super::exit::Exit;
use super::{live, logs, plain, signals};
use crate::experiment::{Secrets, Target};
use crate::fault::Transport;
use crate::ids::SweepId;
use crate::load::LocalGenerator;
use crate::record::{Against, StopCause};
use crate::run::{self, Busy, Deps, Finished, Plan, Stopper, Stops, Watchers, heal_earlier};
use crate::store::Store;
use crate::target::preflight;

/// Where runs are carried out, one after the other.
pub(super) struct Stage<'a> {
    pub(super) common: &'a Common,
    pub(super) showing: &'a Showing,
    pub(super) store: Store,
    secrets: Arc<Secrets>,
    sha256: String,
    against: Option<Against>,
    stops: Stops,
    /// Listens for signals until dropped.
    _signals: JoinSet<()>,
    _busy: Busy,
}

impl<'a> Stage<'a> {
    /// Checks whatever can be checked before anything is started, and heals what earlier runs left.
    pub(super) async fn set(
        args: &'a RunArgs,
        plan: &Plan,
        common: &'a Common,
    ) -> anyhow::Result<Self> {
        let experiment = &plan.experiment;
        let secrets = Secrets::read(experiment, |name| std::env::var_os(name)).map_err(|e| {
            let hint = "set the variables and files that `secrets` of the experiment names, then run it again";
            Complaint::new(Exit::Usage, format!("failed to {e}")).hint(hint)
        })?;
        preflight(&experiment.target).await?;
        // A night's report must have a place before the night begins.
        let out = &args.showing.out;
        std::fs::create_dir_all(out).map_err(|e| {
            let text = format!("failed to make the reports' folder {}: {e}", out.display());
            Complaint::new(Exit::Usage, text).hint("name one that can be written to with --out DIR")
        })?;
        let sha256 = hash(&args.file)?;
        let busy = take(&common.data, &experiment.name)?;
        let store = Store::open(&common.data)?;
        let against = match &args.baseline {
            Some(text) => Some(against(text, experiment, &args.comparing, &store, common)?),
            None => None,
        };
        heal_earlier_runs(&store, &experiment.target, common).await?;
        let (stopper, stops) = Stopper::new();
        let mut listening = JoinSet::new();
        let quiet = common.quiet;
        listening.spawn(async move {
            if let Err(e) = signals::listen(stopper, quiet).await {
                tracing::warn!("failed to listen for signals: {e}");
            }
        });
        Ok(Self {
            common,
            showing: &args.showing,
            store,
            secrets: Arc::new(secrets),
            sha256,
            against,
            stops,
            _signals: listening,
            _busy: busy,
        })
    }

    /// What was asked for by signals so far.
    pub(super) fn stopped(&self) -> Option<StopCause> {
        self.stops.cause()
    }

    /// Carries out a plan and shows how it goes; `sweep` is what the run is a part of.
    pub(super) async fn carry_out(
        &self,
        plan: Plan,
        sweep: Option<&SweepId>,
    ) -> anyhow::Result<Finished> {
        let (common, showing) = (self.common, self.showing);
        let watchers = Watchers::default();
        let updates = watchers.subscribe();
        let mut view = JoinSet::new();
        let interactive = logs::interactive() && !showing.no_tui && !common.json && !common.quiet;
        if interactive {
            view.spawn_blocking(move || live::show(updates));
        } else {
            view.spawn(plain::show(updates, common.json, common.quiet));
        }
        let deps = Deps {
            plan,
            secrets: Arc::clone(&self.secrets),
            experiment_sha256: self.sha256.clone(),
            generator: Arc::new(LocalGenerator),
            store: self.store.clone(),
            reports: showing.out.clone(),
            watchers: watchers.clone(),
            stops: self.stops.clone(),
            against: self.against.clone(),
            sweep: sweep.cloned(),
            keep_up: showing.keep_up,
            lease: showing.lease,
            transport: match showing.transport {
                TransportArg::Auto => Transport::Auto,
                TransportArg::Pid => Transport::Pid,
                TransportArg::Container => Transport::Container,
            },
        };
        let finished = Box::pin(run::run(deps)).await;
        drop(watchers);
        // The view ends when the last watcher handle is gone; it leaves the terminal as it found it.
        while view.join_next().await.is_some() {}
        match finished {
            Ok(finished) => Ok(finished),
            Err(e @ run::RunError::Left { .. }) => {
                Err(Complaint::new(Exit::HealingIncomplete, format!("failed to {e}"))
                    .hint("`longhaul cleanup` tries again")
                    .into())
            }
            Err(e) => {
                Err(e).context("failed to reach a verdict; the target was healed and taken down")
            }
        }
    }
}

fn hash(file: &Path) -> anyhow::Result<String> {
    let bytes =
        std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    Ok(format!("{:x}", Sha256::digest(&bytes)))
}

/// One run at a time in a data folder.
fn take(data: &Path, experiment: &str) -> anyhow::Result<Busy> {
    match Busy::take(data, experiment) {
        Ok(Ok(busy)) => Ok(busy),
        Ok(Err(who)) => {
            let text = format!("another run is under way in {} ({who})", data.display());
            let hint = "wait for it, or give this one its own folder with --data DIR";
            Err(Complaint::new(Exit::Busy, text).hint(hint).into())
        }
        Err(e) => Err(Complaint::data_folder(data, &e).into()),
    }
}

/// Heals what runs killed in mid-air left behind, before anything is started. What can't be healed and can't touch the
/// target either is told, and hinders nobody.
async fn heal_earlier_runs(store: &Store, target: &Target, common: &Common) -> anyhow::Result<()> {
    let earlier = heal_earlier(store, &common.data, target).await?;
    for line in &earlier.lines {
        complain!("left by an earlier run: {line}");
    }
    for remains in &earlier.passed_over {
        complain!(
            "warning: run {} is not healed, and passed over because it can't touch this target: {}; \
             `longhaul cleanup {}` tries again",
            remains.run,
            remains.lines.join("; "),
            remains.run,
        );
    }
    let Some(first) = earlier.in_the_way.first() else { return Ok(()) };
    let all: Vec<String> = earlier
        .in_the_way
        .iter()
        .map(|remains| format!("run {}: {}", remains.run, remains.lines.join("; ")))
        .collect();
    let text = format!("failed to heal what may touch this target, left by {}", all.join("; "));
    let hint = format!(
        "nothing is started on it until that is healed: `longhaul cleanup {}` tries again",
        first.run
    );
    Err(Complaint::new(Exit::Busy, text).hint(hint).into())
}
