//! Healing and removing what runs left behind whose process is gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::entry::{Entry, Record};
use super::heal::heal;
use super::history::{History, JournaledFault};
use super::journal::{Journal, journal_path};
use super::lock::{Owner, owner_path};
use super::networks::{EngineNetworks, Transport};
use super::table::run_suffix;
use super::world::{Timing, World};
use super::{FaultError, alive};
use crate::clock::wall;
use crate::helper::TABLE_PREFIX;
use crate::ids::RunId;
use crate::record::{FaultStage, InstanceState};
use crate::target::{Engine, Remains, engine_control, forget_kept, is_kept, sweep_processes};

/// How long a fault that was stuck before is tried again when no person asks for it.
const ONCE_MORE: Duration = Duration::from_secs(5);

/// What a cleanup did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CleanupReport {
    /// One line for each thing healed or removed; with a dry run, for each that would be.
    pub lines: Vec<String>,
    /// What could not be healed or removed, and why. Not empty means exit 14.
    pub stuck: Vec<String>,
    /// The same by run.
    #[serde(skip)]
    pub remains: Vec<Remains>,
}

/// Heals and removes what dead runs under the data folder left: first the faults of their journals, then
/// leftover child processes, nftables tables, and containers, networks and volumes by label. With `images`,
/// and when no run is under way, longhaul's own images go too: another run that is about to use one, in
/// another data folder, would have to build it again, so only a person asks for that. Likewise a run whose
/// target was kept up on purpose ([`crate::target::keep`]) is passed over unless it is `only`, or `images` says that a
/// person asks.
/// A run whose owner is alive is never touched. `only` narrows it to one run. With `dry_run` nothing is
/// changed. Safe to repeat.
pub async fn cleanup(
    data: &Path,
    engine: Option<Engine>,
    only: Option<&RunId>,
    images: bool,
    dry_run: bool,
) -> Result<CleanupReport, FaultError> {
    let mut report = CleanupReport::default();
    let mut busy = false;
    for (run, dir) in runs(data)? {
        if only.is_some_and(|id| *id != run) {
            continue;
        }
        if only.is_none() && !images && is_kept(&dir) {
            continue;
        }
        if alive(&dir) {
            busy = true;
            report.lines.push(format!("left run {run} alone: it is under way"));
            continue;
        }
        let asked = images || only.is_some();
        let leftover = Leftover { run, dir, engine: engine.clone(), dry_run, asked };
        let before = report.stuck.len();
        let hurt = match leftover.clean(&mut report).await {
            Ok(hurt) => Some(hurt),
            // Its owner, or another cleanup, was faster.
            Err(FaultError::Busy { .. }) => {
                busy = true;
                continue;
            }
            Err(e) => {
                report.stuck.push(format!("run {}: failed to {e}", leftover.run));
                None
            }
        };
        let lines = report.stuck[before..].to_vec();
        if !lines.is_empty() {
            let processes = !sweep_processes(&leftover.dir, true).lines.is_empty();
            report.remains.push(Remains { run: leftover.run, hurt, processes, lines });
        }
    }
    if let Some(engine) = engine.filter(|_| images && !busy) {
        match engine.sweep_images(dry_run).await {
            Ok(lines) => report.lines.extend(lines),
            Err(e) => report.stuck.push(format!("images: failed to {e}")),
        }
    }
    Ok(report)
}

/// The folders of runs that may have left something, oldest first.
fn runs(data: &Path) -> Result<Vec<(RunId, PathBuf)>, FaultError> {
    let path = data.join("runs");
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FaultError::Runs { path, source }),
    };
    let mut all: Vec<(RunId, PathBuf)> = entries
        .filter_map(|entry| {
            let dir = entry.ok()?.path();
            let run = dir.file_name()?.to_str()?.parse().ok()?;
            (owner_path(&dir).exists() || journal_path(&dir).exists()).then_some((run, dir))
        })
        .collect();
    all.sort();
    Ok(all)
}

/// One dead run.
struct Leftover {
    run: RunId,
    dir: PathBuf,
    engine: Option<Engine>,
    dry_run: bool,
    /// Whether a person asks for it, and waits.
    asked: bool,
}

impl Leftover {
    /// Answers the ids of containers in which a fault may still be in force.
    async fn clean(&self, report: &mut CleanupReport) -> Result<BTreeSet<String>, FaultError> {
        // Nobody else may heal, or start, this run meanwhile.
        let _owner = if self.dry_run { None } else { Some(Owner::take(&self.dir)?) };
        let path = journal_path(&self.dir);
        let history = History::read(&self.dir)
            .map_err(|source| FaultError::Journal { path: path.clone(), source })?;
        if history.damaged > 1 {
            let count = history.damaged;
            report
                .lines
                .push(format!("run {}: {count} lines of its journal are unreadable", self.run));
        }
        let mut hurt = self.heal(&history, report).await;
        let processes = sweep_processes(&self.dir, self.dry_run);
        report.lines.extend(processes.lines);
        report.stuck.extend(processes.stuck);
        hurt.extend(self.remove_tables(&history, report).await);
        if let Some(engine) = &self.engine {
            match engine.sweep(Some(&self.run), self.dry_run).await {
                Ok(lines) => {
                    report.lines.extend(lines);
                    if !self.dry_run
                        && let Err(e) = forget_kept(&self.dir)
                    {
                        report
                            .stuck
                            .push(format!("run {}: failed to remove its note: {e}", self.run));
                    }
                }
                Err(e) => report.stuck.push(format!("run {}: failed to {e}", self.run)),
            }
        }
        Ok(hurt)
    }

    /// Heals the open faults of the journal, and writes that into it. Answers the containers of those that are stuck.
    async fn heal(&self, history: &History, report: &mut CleanupReport) -> BTreeSet<String> {
        let mut hurt = BTreeSet::new();
        let mut journal = None;
        for fault in history.open() {
            if self.dry_run {
                let steps: Vec<String> = fault.undo.iter().map(ToString::to_string).collect();
                report.lines.push(format!("would heal {}: {}", fault.id, steps.join(", ")));
                continue;
            }
            let healed = if fault.intent.processes {
                // What is done to a process ends with it, and so does a cut with its proxy.
                Ok("its processes are ended".to_owned())
            } else {
                match self.world() {
                    Some(mut world) => {
                        if matches!(fault.stage, FaultStage::Stuck { .. }) && !self.asked {
                            world.timing.heal_within = ONCE_MORE;
                        }
                        heal_journaled(&world, fault).await
                    }
                    None => Err("there is no Docker engine to heal it with".to_owned()),
                }
            };
            let stage = match healed {
                Ok(evidence) => {
                    report.lines.push(format!("healed {}: {evidence}", fault.id));
                    FaultStage::Healed { evidence }
                }
                Err(reason) => {
                    report.stuck.push(format!("{}: {reason}", fault.id));
                    let containers = fault.undo.iter().filter_map(|step| step.container());
                    hurt.extend(containers.map(str::to_owned));
                    FaultStage::Stuck { reason }
                }
            };
            let entry = Entry { at: wall(), fault: fault.id.clone(), record: Record::Stage(stage) };
            let journal = journal.get_or_insert_with(|| Journal::open(&self.dir));
            let written = match journal {
                Ok(journal) => journal.write(&entry).map_err(|e| e.to_string()),
                Err(e) => Err(e.to_string()),
            };
            if let Err(error) = written {
                tracing::warn!(%error, fault = %fault.id, "the heal is missing in the journal");
            }
        }
        hurt
    }

    /// Removes tables of this run, inert ones too, from every container its journal names. Answers those where one
    /// is left.
    async fn remove_tables(
        &self,
        history: &History,
        report: &mut CleanupReport,
    ) -> BTreeSet<String> {
        let mut hurt = BTreeSet::new();
        let Some(world) = self.world() else { return hurt };
        let containers: BTreeSet<String> = history
            .faults
            .iter()
            .filter(|f| !f.intent.processes)
            .flat_map(|f| f.undo.iter())
            .filter(|step| matches!(step, super::UndoStep::Disarm { .. }))
            .filter_map(|step| step.container().map(str::to_owned))
            .collect();
        for id in containers {
            let Ok(instance) = world.control.instance(&id).await else { continue };
            if instance.state == InstanceState::Stopped {
                continue;
            }
            let Ok(space) = world.networks.of(&instance).await else { continue };
            let tables = space.tables().await.unwrap_or_default();
            for table in tables.iter().filter(|t| ours(t, &self.run)) {
                let what = format!("{table} from {}", instance.label());
                if self.dry_run {
                    report.lines.push(format!("would remove {what}"));
                    continue;
                }
                match space.disarm(table).await {
                    Ok(()) => report.lines.push(format!("removed {what}")),
                    Err(e) => {
                        report.stuck.push(format!("{what}: failed to {e}"));
                        hurt.insert(id.clone());
                    }
                }
            }
        }
        hurt
    }

    fn world(&self) -> Option<World> {
        let engine = self.engine.clone()?;
        Some(World {
            control: engine_control(engine.clone()),
            networks: Arc::new(EngineNetworks::new(
                Some(engine),
                self.run.clone(),
                Transport::Auto,
            )),
            links: None,
            timing: Timing::default(),
        })
    }
}

/// Heals one fault of a journal. Before the answer to its injection was written, a late side effect may
/// still come.
pub(super) async fn heal_journaled(
    world: &World,
    fault: &JournaledFault,
) -> Result<String, String> {
    heal(world, &fault.undo, Some(fault.intent.settles)).await
}

fn ours(table: &str, run: &RunId) -> bool {
    table.starts_with(TABLE_PREFIX) && table.ends_with(&run_suffix(run))
}
