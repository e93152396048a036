//! A target that is up: who is in it, what happens to them, and how to act on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::claim::Claim;
use super::compose::Project;
use super::engine_control::EngineControl;
use super::log_keeper::LogKeeper;
use super::process::Pool;
use super::watcher::{Members, Watcher};
use super::{Control, Engine, TargetError, external, ready};
use crate::clock::Clock;
use crate::experiment::{Ready, Secrets, System, Target};
use crate::ids::RunId;
use crate::record::{Endpoints, Roster, TargetAction, Victim};

/// How long the end of the watching may take.
const UNWATCH: Duration = Duration::from_secs(10);

/// What a target needs to come up.
pub struct BringUp {
    /// The run it belongs to: everything made for it carries this id.
    pub run: RunId,
    /// The run's own folder: override file, kept logs and process files go there. Made if missing.
    pub dir: PathBuf,
    /// The values of secrets in its environment.
    pub secrets: Arc<Secrets>,
    /// Makes the cuttable links of process targets; `None`: services get each other's own addresses.
    pub linker: Option<Arc<dyn Linker>>,
    /// Lines about how it goes. When full, lines are dropped.
    pub progress: mpsc::Sender<String>,
    /// The run's clock.
    pub clock: Clock,
    /// Ends the bring-up and the wait for readiness early.
    pub stop: CancellationToken,
    /// Whether it is to stay up at the end: it is labelled so that no later run takes it for a leftover.
    pub keep_up: bool,
    /// Shortens taking it down, also one that is under way: nobody gets time to end in order.
    pub hurry: CancellationToken,
}

/// Makes cuttable links between processes.
pub trait Linker: Send + Sync {
    /// A link from a client service to one server instance that listens at `upstream`: the address that
    /// the client is to use instead.
    fn link(
        &self,
        client: &str,
        server: &Victim,
        upstream: SocketAddr,
    ) -> BoxFuture<'_, std::io::Result<SocketAddr>>;
}

/// Something that happened to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetEvent {
    /// What.
    pub kind: TargetEventKind,
}

/// What happened to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetEventKind {
    /// To one instance.
    Action {
        /// Whom.
        victim: Victim,
        /// What.
        action: TargetAction,
        /// The engine's own time of it.
        engine_time: Option<Timestamp>,
    },
    /// Events may be missing: sent when the stream is whole again, or at the end.
    Gap {
        /// Since when.
        from: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A target that is up.
pub struct LiveTarget {
    events: Option<mpsc::Receiver<TargetEvent>>,
    board: Arc<Board>,
    control: Arc<dyn Control>,
    engine: Option<Engine>,
    made_of: MadeOf,
    system: Up,
    progress: mpsc::Sender<String>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Ends the watcher, or the children, also when the target is dropped without being taken down.
    watching: Option<DropGuard>,
}

/// What each service runs, and what it may use.
#[derive(Clone, Debug, Default)]
pub(super) struct MadeOf {
    pub(super) images: BTreeMap<String, String>,
    pub(super) resources: BTreeMap<String, String>,
}

/// What has to be taken down again.
enum Up {
    Compose(Box<Project>),
    Process(Pool),
    /// The containers are this run's alone until the claim is dropped.
    External {
        engine: Engine,
        run: RunId,
        _claim: Claim,
    },
}

/// Brings the target up: checks for leftovers of the same project, starts everything, watches it. When
/// it fails, or is stopped, everything it started is removed again. Does not wait for readiness.
pub async fn bring_up(target: &Target, opts: BringUp) -> Result<LiveTarget, TargetError> {
    let (board, events) = Board::new();
    let up = match &target.system {
        System::Process(process) => {
            let abandoned = CancellationToken::new();
            let pool = Pool::up(process, &opts, board.clone(), abandoned.clone()).await?;
            let control = Arc::new(pool.clone());
            let made_of = MadeOf { images: pool.programs(), ..MadeOf::default() };
            return Ok(LiveTarget {
                events: Some(events),
                board,
                control,
                engine: None,
                made_of,
                system: Up::Process(pool),
                progress: opts.progress,
                stop: opts.stop,
                tasks: TaskTracker::new(),
                watching: Some(abandoned.drop_guard()),
            });
        }
        System::Compose(compose) => {
            let engine = Engine::connect().await?;
            let project = Project::up(engine.clone(), compose, &opts).await?;
            let members = Members::Project(project.name().to_owned());
            (engine, members, Up::Compose(Box::new(project)))
        }
        System::External(external) => {
            let engine = Engine::connect().await?;
            let members = external::members(&engine, external).await?;
            let claim = Claim::take(&members)?;
            let run = opts.run.clone();
            (engine.clone(), members, Up::External { engine, run, _claim: claim })
        }
    };
    let (engine, members, system) = up;
    let watcher = Watcher::open(engine.clone(), members, board.clone()).await;
    let (watcher, made_of) = match watcher {
        Ok(watcher) => {
            let made_of = engine.made_of(&board.roster().borrow().clone()).await;
            (watcher, made_of)
        }
        Err(error) => {
            if let Err(left) = system.down(&opts.progress).await {
                tracing::error!(error = %left, "a target that can't be watched is not all removed");
            }
            return Err(error);
        }
    };
    let (tasks, stop_watching) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(watcher.watch(stop_watching.clone()));
    let keeper = LogKeeper { engine: engine.clone(), roster: board.roster(), dir: opts.dir };
    tasks.spawn(keeper.keep(stop_watching.clone()));
    Ok(LiveTarget {
        events: Some(events),
        control: Arc::new(EngineControl { engine: engine.clone(), roster: Some(board.roster()) }),
        board,
        engine: Some(engine),
        made_of,
        system,
        progress: opts.progress,
        stop: opts.stop,
        tasks,
        watching: Some(stop_watching.drop_guard()),
    })
}

impl Up {
    async fn down(&self, progress: &mpsc::Sender<String>) -> Result<(), TargetError> {
        match self {
            Self::Compose(project) => project.down(progress).await,
            Self::Process(pool) => {
                pool.down().await;
                Ok(())
            }
            // Only what longhaul itself put beside it.
            Self::External { engine, run, .. } => engine.sweep(Some(run), false).await.map(drop),
        }
    }
}

impl LiveTarget {
    /// Who is in it; changes as they come and go.
    pub fn roster(&self) -> watch::Receiver<Arc<Roster>> {
        self.board.roster()
    }

    /// Where requests go; changes with the roster.
    pub fn endpoints(&self) -> watch::Receiver<Endpoints> {
        self.board.endpoints()
    }

    /// What happens to it. Can be taken once: a second call gives a closed channel. Holds 1024; when it
    /// is full events are dropped, and a gap says so.
    pub fn events(&mut self) -> mpsc::Receiver<TargetEvent> {
        self.events.take().unwrap_or_else(|| mpsc::channel(1).1)
    }

    /// The verbs.
    pub fn control(&self) -> Arc<dyn Control> {
        self.control.clone()
    }

    /// The engine behind it; `None` for process targets.
    pub fn engine(&self) -> Option<Engine> {
        self.engine.clone()
    }

    /// Image id per service; for process targets the program.
    pub fn images(&self) -> BTreeMap<String, String> {
        self.made_of.images.clone()
    }

    /// Memory and CPU that a container of each service may use; absent where it may use all.
    pub fn resources(&self) -> BTreeMap<String, String> {
        self.made_of.resources.clone()
    }

    /// Waits until all of `ready` hold, each within its own time. Names who is not ready yet every 2 s.
    pub async fn wait_ready(
        &self,
        ready: &[Ready],
        progress: &mpsc::Sender<String>,
    ) -> Result<(), TargetError> {
        let outcome = tokio::select! {
            outcome = ready::wait(self, ready, progress) => outcome,
            () = self.stop.cancelled() => Err(TargetError::Stopped),
        };
        // Behind an engine that is gone nothing becomes ready: then that is the error.
        if let (Err(_), Some(engine)) = (&outcome, &self.engine) {
            engine.answers().await?;
        }
        outcome
    }

    /// The last log lines of a service, each instance under its label.
    pub async fn logs_tail(&self, service: &str, lines: usize) -> String {
        use std::fmt::Write as _;
        let roster = self.board.roster().borrow().clone();
        let mut text = String::new();
        for instance in roster.service(service) {
            let log = match (&self.system, &self.engine) {
                (Up::Process(pool), _) => pool.log(&instance.id, lines),
                (_, Some(engine)) => engine.container_log(&instance.id, lines).await,
                _ => String::new(),
            };
            for line in log.lines() {
                writeln!(text, "{} | {line}", instance.label()).ok();
            }
        }
        text
    }

    /// Ends the watching of containers, so that [`LiveTarget::events`] has said all it ever will. Processes
    /// are watched until they are taken down. A watcher that a disk holds up is waited for 10 s.
    pub async fn unwatch(&mut self) {
        if !matches!(self.system, Up::Process(_)) {
            self.watching.take();
            if !ended(&self.tasks, UNWATCH).await {
                tracing::warn!("the last events or log lines of the target may be missing");
            }
        }
    }

    /// Takes it down: what was brought up is removed; an external target stays as it is.
    pub async fn down(mut self) -> Result<(), TargetError> {
        self.unwatch().await;
        self.system.down(&self.progress).await
    }
}

/// Waits for the end of tasks that were told to end; false when that takes too long.
async fn ended(tasks: &TaskTracker, within: Duration) -> bool {
    tasks.close();
    tokio::time::timeout(within, tasks.wait()).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watcher_that_hangs_is_not_waited_for_for_ever() {
        let tasks = TaskTracker::new();
        tasks.spawn(async {});
        assert!(ended(&tasks, UNWATCH).await);
        let hanging = tasks.spawn(std::future::pending::<()>());
        assert!(!ended(&tasks, Duration::from_millis(20)).await);
        hanging.abort();
    }
}
