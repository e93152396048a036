//! The children of a process target, alive or not.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::board::Board;
use super::super::owner::process_fields;
use super::super::ward::{Start, Ward};
use super::super::{BringUp, ControlError, TargetError};
use super::layout::{Plan, lay_out};
use super::{leftovers, logs};
use crate::clock;
use crate::experiment::Process;
use crate::ids::RunId;
use crate::record::{Health, Instance, InstanceState, Roster, TargetAction};
use crate::seed::Seed;

const GRACE: Duration = Duration::from_secs(5);
const LOG_CHECK: Duration = Duration::from_secs(2);

/// The children. Clones share them.
#[derive(Clone)]
pub(in super::super) struct Pool(Arc<Inner>);

struct Inner {
    run: RunId,
    dir: PathBuf,
    board: Arc<Board>,
    slots: Mutex<BTreeMap<String, Slot>>,
    tasks: TaskTracker,
    closing: CancellationToken,
    hurry: CancellationToken,
}

/// One place in the target, filled by one life after another.
struct Slot {
    plan: Plan,
    /// One verb at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    ward: Option<Arc<Ward>>,
    started_at: Option<Timestamp>,
    starts: u32,
    /// Whether the end of the present life was told of.
    told: bool,
}

impl Pool {
    /// Starts every service in the order of their links. When one fails, all are ended again. When
    /// `abandoned` comes before [`Pool::down`], all are killed.
    pub(in super::super) async fn up(
        process: &Process,
        opts: &BringUp,
        board: Arc<Board>,
        abandoned: CancellationToken,
    ) -> Result<Self, TargetError> {
        let seed = Seed(u64::from(std::process::id())).split(opts.run.as_str());
        let dir = std::path::absolute(&opts.dir).unwrap_or_else(|_| opts.dir.clone());
        let plans = lay_out(process, opts.linker.as_deref(), &opts.secrets, seed, &dir).await?;
        let order: Vec<String> = plans.iter().map(|plan| plan.victim.to_string()).collect();
        let slots = plans.into_iter().map(|plan| (plan.victim.to_string(), Slot::new(plan)));
        let pool = Self(Arc::new(Inner {
            run: opts.run.clone(),
            dir: opts.dir.clone(),
            board,
            slots: Mutex::new(slots.collect()),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            hurry: opts.hurry.clone(),
        }));
        for id in &order {
            opts.progress.try_send(format!("starting {id}")).ok();
            let outcome = if opts.stop.is_cancelled() {
                Err(TargetError::Stopped)
            } else {
                pool.launch(id)
                    .await
                    .map_err(|e| TargetError::Spawn { instance: id.clone(), reason: e.to_string() })
            };
            if let Err(error) = outcome {
                pool.down().await;
                return Err(error);
            }
        }
        pool.0.tasks.spawn(pool.clone().watch_logs());
        pool.0.tasks.spawn(pool.clone().end_when_abandoned(abandoned));
        Ok(pool)
    }

    /// Ends all children, clients before servers, and waits for it.
    pub(in super::super) async fn down(&self) {
        self.0.closing.cancel();
        let wards: Vec<Arc<Ward>> =
            self.slots().values().filter_map(|slot| slot.ward.clone()).collect();
        let patience = || async {
            tokio::select! {
                () = tokio::time::sleep(GRACE) => {}
                () = self.0.hurry.cancelled() => {}
            }
        };
        futures_util::future::join_all(wards.iter().map(|ward| ward.stop_before(patience()))).await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let ids: Vec<String> = self.slots().keys().cloned().collect();
        for id in ids {
            leftovers::forget(&self.0.dir, &id);
        }
        self.show();
    }

    /// The program of each service, with size and time of its file: what tells one build from the next.
    pub(in super::super) fn programs(&self) -> BTreeMap<String, String> {
        self.slots()
            .values()
            .map(|slot| {
                let program = slot.plan.command.first().cloned().unwrap_or_default();
                let file = std::fs::metadata(&program).ok().filter(std::fs::Metadata::is_file);
                let changed = file.as_ref().and_then(|f| f.modified().ok());
                let text = match (file, changed.and_then(|t| Timestamp::try_from(t).ok())) {
                    (Some(file), Some(changed)) => {
                        format!("{program} ({} bytes, {changed:.0})", file.len())
                    }
                    _ => program,
                };
                (slot.plan.victim.service.clone(), text)
            })
            .collect()
    }

    /// The last log lines of a child, and how it ended if it did.
    pub(in super::super) fn log(&self, id: &str, lines: usize) -> String {
        let ended = self.slots().get(id).and_then(|slot| slot.ward.as_ref()?.ended());
        let text = logs::tail(&self.log_file(id), lines);
        match ended {
            Some(exit) => {
                let code = exit.code.map_or("unknown".to_owned(), |code| code.to_string());
                format!("{text}\n(it ended with exit status {code})").trim_start().to_owned()
            }
            None => text,
        }
    }

    /// Starts a child in its place; does nothing when it lives.
    pub(super) async fn launch(&self, id: &str) -> std::io::Result<()> {
        if self.0.closing.is_cancelled() {
            return Err(going_down());
        }
        let (plan, before) = {
            let slots = self.slots();
            let Some(slot) = slots.get(id) else { return Err(std::io::ErrorKind::NotFound.into()) };
            (slot.plan.clone(), slot.ward.clone())
        };
        if let Some(before) = before {
            if before.ended().is_none() {
                return Ok(());
            }
            self.tell_end(id, &before);
        }
        let log = logs::open(&self.log_file(id))?;
        let words: Vec<OsString> = plan.command.iter().skip(1).map(OsString::from).collect();
        let program = plan.command.first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut env = plan.env.clone();
        env.insert(leftovers::RUN_VARIABLE.to_owned(), leftovers::mark(&self.0.run, id));
        let ward = Arc::new(
            Ward::start(Start {
                program: program.as_ref(),
                args: &words,
                env: env.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
                dir: plan.dir.as_deref(),
                stdout: Stdio::from(log.try_clone()?),
                stderr: Stdio::from(log),
            })
            .await?,
        );
        let now = clock::wall();
        // A full disk must not keep a killed process from coming back: its death signal and its mark in the
        // environment find it too.
        if let Err(error) = leftovers::remember(&self.0.dir, id, &self.0.run, ward.pid()) {
            tracing::warn!(%error, "the process of {id} was not written down");
        }
        if !self.settle(id, &ward, now) {
            // Dropping it ends it.
            leftovers::forget(&self.0.dir, id);
            return Err(going_down());
        }
        self.0.board.action(plan.victim, TargetAction::Start, Some(now));
        self.show();
        let (pool, id) = (self.clone(), id.to_owned());
        self.0.tasks.spawn(async move {
            ward.end().await;
            pool.tell_end(&id, &ward);
        });
        Ok(())
    }

    /// Gives a child its place. False when the target is being taken down: whoever does that has not seen this one.
    fn settle(&self, id: &str, ward: &Arc<Ward>, now: Timestamp) -> bool {
        let mut slots = self.slots();
        if self.0.closing.is_cancelled() {
            return false;
        }
        if let Some(slot) = slots.get_mut(id) {
            slot.ward = Some(Arc::clone(ward));
            slot.started_at = Some(now);
            slot.starts += 1;
            slot.told = false;
        }
        true
    }

    /// Records the end of a life, once.
    fn tell_end(&self, id: &str, ward: &Arc<Ward>) {
        let Some(exit) = ward.ended() else { return };
        let victim = {
            let mut slots = self.slots();
            let Some(slot) = slots.get_mut(id) else { return };
            let same = slot.ward.as_ref().is_some_and(|present| Arc::ptr_eq(present, ward));
            if !same || std::mem::replace(&mut slot.told, true) {
                return;
            }
            slot.plan.victim.clone()
        };
        if !self.0.closing.is_cancelled() {
            leftovers::forget(&self.0.dir, id);
            let action = TargetAction::Die { exit_code: exit.code };
            self.0.board.action(victim, action, Some(exit.at));
        }
        self.show();
    }

    /// Whoever lives in a place; gone when there is no such place.
    pub(super) fn living(&self, id: &str) -> Result<Option<Arc<Ward>>, ControlError> {
        let slots = self.slots();
        let slot = slots.get(id).ok_or(ControlError::Gone)?;
        Ok(slot.ward.clone().filter(|ward| ward.ended().is_none()))
    }

    /// The turn to act on a place; `None` when there is no such place.
    pub(super) fn turn(&self, id: &str) -> Option<Arc<tokio::sync::Mutex<()>>> {
        self.slots().get(id).map(|slot| slot.turn.clone())
    }

    /// A fresh look at one place.
    pub(super) fn instance(&self, id: &str) -> Option<Instance> {
        self.slots().get(id).map(Slot::instance)
    }

    /// Records that a child was frozen or thawed.
    pub(super) fn tell(&self, id: &str, action: TargetAction) {
        let victim = self.slots().get(id).map(|slot| slot.plan.victim.clone());
        if let Some(victim) = victim {
            self.0.board.action(victim, action, Some(clock::wall()));
        }
        self.show();
    }

    fn show(&self) {
        let instances = self.slots().values().map(Slot::instance).collect();
        self.0.board.show(Roster { instances });
    }

    fn log_file(&self, id: &str) -> PathBuf {
        self.0.dir.join("logs").join(format!("{}.log", id.replace('#', "-")))
    }

    async fn watch_logs(self) {
        loop {
            tokio::select! {
                () = self.0.closing.cancelled() => return,
                () = tokio::time::sleep(LOG_CHECK) => {}
            }
            let ids: Vec<String> = self.slots().keys().cloned().collect();
            for path in ids.iter().map(|id| self.log_file(id)) {
                if let Err(error) = logs::rotate(&path, logs::LARGEST) {
                    tracing::warn!(path = %path.display(), %error, "a log file is not bounded");
                }
            }
        }
    }

    async fn end_when_abandoned(self, abandoned: CancellationToken) {
        tokio::select! {
            () = self.0.closing.cancelled() => return,
            () = abandoned.cancelled() => self.0.closing.cancel(),
        }
        for slot in self.slots().values() {
            if let Some(ward) = &slot.ward {
                // One that ended by itself needs no end.
                ward.signal_group(rustix::process::Signal::KILL).ok();
            }
        }
    }

    /// Nobody panics while holding it, and its content is whole at every moment.
    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(plan: Plan) -> Self {
        Self { plan, turn: Arc::default(), ward: None, started_at: None, starts: 0, told: true }
    }

    fn instance(&self) -> Instance {
        let alive = self.ward.as_ref().filter(|ward| ward.ended().is_none());
        let state = match alive {
            None => InstanceState::Stopped,
            Some(ward) if is_frozen(ward.pid()) => InstanceState::Paused,
            Some(_) => InstanceState::Running,
        };
        Instance {
            service: self.plan.victim.service.clone(),
            ordinal: self.plan.victim.ordinal,
            id: self.plan.victim.to_string(),
            pid: alive.map(|ward| ward.pid()),
            addresses: [("loopback".to_owned(), IpAddr::V4(Ipv4Addr::LOCALHOST))].into(),
            port: Some(self.plan.port),
            started_at: self.started_at,
            state,
            health: Health::None,
            restarts: self.starts.saturating_sub(1),
        }
    }
}

fn going_down() -> std::io::Error {
    std::io::Error::other("the target is being taken down")
}

/// Whether a process is stopped by a signal.
pub(super) fn is_frozen(pid: u32) -> bool {
    process_fields(pid).is_some_and(|fields| fields.first().is_some_and(|state| state == "T"))
}
