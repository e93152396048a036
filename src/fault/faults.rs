//! The owner of all faults of a run: starts them at their time, and sees to it that none stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cell::{Cell, Scribe};
use super::journal::Journal;
use super::life::Life;
use super::networks::{EngineNetworks, Networks, Transport};
use super::table::table;
use super::world::{Timing, World};
use super::{FaultError, Owner};
use crate::ids::{FaultId, RunId};
use crate::proxy::Links;
use crate::record::{FaultStage, PlannedFault, Roster, Victim};
use crate::target::{Control, Engine};

/// Stages that wait for their reader. When it is full further ones are dropped from the channel with a
/// warning, since a heal must not wait for a reader; the journal has them all.
const STAGES: usize = 1024;

/// What faults need.
pub struct Setup {
    /// The run.
    pub run: RunId,
    /// Its folder; the journal is `faults.journal` there.
    pub dir: PathBuf,
    /// Acts on the target.
    pub control: Arc<dyn Control>,
    /// The engine; `None` for process targets.
    pub engine: Option<Engine>,
    /// The links of a process target; `None` for containers.
    pub links: Option<Arc<Links>>,
    /// Who is in the target.
    pub roster: watch::Receiver<Arc<Roster>>,
    /// After this a network fault that nobody renews is over by itself. 100 ms to 1 h; 15 s is usual.
    pub lease: Duration,
    /// Which way leads into network namespaces.
    pub transport: Transport,
}

/// What became of all faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healing {
    /// Seen to be undone.
    pub healed: Vec<FaultId>,
    /// Still in force, perhaps, and why.
    pub stuck: Vec<(FaultId, String)>,
}

/// All faults of a run. Dropping it leaves them to their leases and to `cleanup`: call [`Faults::finish`].
pub struct Faults {
    run: RunId,
    world: World,
    scribe: Scribe,
    cells: Mutex<BTreeMap<FaultId, Arc<Cell>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Held, not used: the folder is ours and the roster has a reader for as long as there are faults.
    _held: (Option<Owner>, Option<watch::Receiver<Arc<Roster>>>),
}

impl Faults {
    /// Opens the journal and owns the run's folder, unless this process does already. The receiver
    /// gets every stage of every fault, and closes after [`Faults::finish`].
    pub fn start(
        setup: Setup,
    ) -> Result<(Self, mpsc::Receiver<(FaultId, FaultStage)>), FaultError> {
        let owner = match Owner::take(&setup.dir) {
            Ok(owner) => Some(owner),
            Err(FaultError::Busy { pid, .. }) if pid == std::process::id() => None,
            Err(e) => return Err(e),
        };
        let journal = Journal::open(&setup.dir)?;
        let networks: Arc<dyn Networks> =
            Arc::new(EngineNetworks::new(setup.engine, setup.run.clone(), setup.transport));
        let world = World {
            control: setup.control,
            networks,
            links: setup.links,
            timing: Timing { lease: setup.lease, ..Timing::default() },
        };
        let (faults, stages) = Self::on(setup.run, world, journal);
        Ok((Self { _held: (owner, Some(setup.roster)), ..faults }, stages))
    }

    /// Faults on any world and journal.
    pub(super) fn on(
        run: RunId,
        world: World,
        journal: Journal,
    ) -> (Self, mpsc::Receiver<(FaultId, FaultStage)>) {
        let (sender, stages) = mpsc::channel(STAGES);
        let faults = Self {
            run,
            world,
            scribe: Scribe { journal: Arc::new(Mutex::new(journal)), stages: sender },
            cells: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            _held: (None, None),
        };
        (faults, stages)
    }

    /// Begins a fault. Returns at once: it lives, expires and heals on a task of its own. A fault of an
    /// id that was begun before is ignored; one that comes after a heal of all is told as not applied.
    pub fn inject(&self, fault: PlannedFault) {
        let id = fault.id.clone();
        let cell = Arc::new(Cell::new(fault, self.scribe.clone()));
        if self.cells().contains_key(&id) {
            tracing::warn!(%id, "a fault was begun twice");
            return;
        }
        self.cells().insert(id, cell.clone());
        self.tasks.spawn(self.life(cell).live());
    }

    /// Ends every fault and waits until each is healed or stuck. Idempotent: a second call tries what is
    /// stuck again. Takes as long as an injection under way, and then the time for healing at most.
    pub async fn heal_all(&self, reason: &str) -> Healing {
        if !self.stop.is_cancelled() {
            tracing::info!(reason, "healing all faults");
        }
        let stuck = |cell: &Arc<Cell>| matches!(cell.stage(), Some(FaultStage::Stuck { .. }));
        let again: Vec<Arc<Cell>> = self.cells().values().filter(|c| stuck(c)).cloned().collect();
        self.stop.cancel();
        for cell in again {
            // On a task of its own: it goes on when whoever waits here is dropped.
            let life = self.life(cell);
            self.tasks.spawn(async move { life.heal().await });
        }
        self.tasks.close();
        self.tasks.wait().await;
        let cells: Vec<Arc<Cell>> = self.cells().values().cloned().collect();
        let mut healing = Healing::default();
        for cell in cells {
            match cell.stage() {
                Some(FaultStage::Healed { .. }) => healing.healed.push(cell.plan.id.clone()),
                Some(FaultStage::NotApplied { .. }) | None => {}
                Some(FaultStage::Stuck { reason }) => {
                    healing.stuck.push((cell.plan.id.clone(), reason));
                }
                Some(other) => {
                    healing.stuck.push((cell.plan.id.clone(), format!("it ended as {other:?}")));
                }
            }
        }
        healing
    }

    /// Says that an instance has started: faults that are about it look after it at once.
    pub fn note_start(&self, victim: &Victim) {
        for cell in self.cells().values() {
            if cell.plan.victims.contains(victim) || cell.plan.peers.contains(victim) {
                cell.nudge.notify_one();
            }
        }
    }

    /// Ends every fault for good.
    pub async fn finish(self) -> Healing {
        self.heal_all("the run is over").await
    }

    fn life(&self, cell: Arc<Cell>) -> Life {
        let table = table(&self.run, &cell.plan.id);
        Life { cell, world: self.world.clone(), table, stop: self.stop.clone() }
    }

    fn cells(&self) -> MutexGuard<'_, BTreeMap<FaultId, Arc<Cell>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Direction;
    use crate::fault::fake::{FakeTarget, Trouble, quick};
    use crate::fault::history::History;
    use crate::fault::journal::journal_path;
    use crate::fault::sample::{all_kinds, cut_between, planned};

    struct Stand {
        fake: FakeTarget,
        faults: Faults,
        stages: mpsc::Receiver<(FaultId, FaultStage)>,
        dir: tempfile::TempDir,
    }

    fn stand() -> Stand {
        stand_with(quick())
    }

    fn stand_with(timing: Timing) -> Stand {
        let fake = FakeTarget::new();
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let run = "20261121-020000-t-0001".parse().unwrap();
        let (faults, stages) = Faults::on(run, World { timing, ..fake.world() }, journal);
        Stand { fake, faults, stages, dir }
    }

    /// A partition that would last for a minute.
    fn cut() -> PlannedFault {
        let inject = cut_between("api", "db", Direction::Both);
        PlannedFault { lasts: Duration::from_mins(1), ..planned(inject) }
    }

    fn pause() -> PlannedFault {
        PlannedFault { lasts: Duration::from_mins(1), ..planned(all_kinds().remove(3)) }
    }

    impl Stand {
        /// Waits for a stage of this name and gives its words.
        async fn until(&mut self, name: &str) -> String {
            loop {
                let next = tokio::time::timeout(Duration::from_secs(10), self.stages.recv()).await;
                let (_, stage) = next.expect("in time").expect("a stage");
                let value = serde_json::to_value(&stage).unwrap();
                if value["stage"] == name {
                    let words = value.get("evidence").or(value.get("reason"));
                    return words.and_then(|w| w.as_str()).unwrap_or_default().to_owned();
                }
            }
        }

        fn history(&self) -> History {
            History::parse(&std::fs::read(journal_path(self.dir.path())).unwrap())
        }
    }

    #[tokio::test]
    async fn a_fault_expires_and_is_seen_healed() {
        let mut stand = stand();
        let clean = stand.fake.snapshot();
        stand.faults.inject(PlannedFault { lasts: Duration::from_millis(50), ..cut() });
        let evidence = stand.until("active").await;
        assert!(evidence.contains("packets dropped at db#1"), "{evidence}");
        assert_eq!(
            stand.until("healed").await,
            "no rules left at db#1, no rules left at api#1, no rules left at api#2"
        );
        assert_eq!(stand.fake.snapshot(), clean);
        // A stage is told before it is in the journal: a heal never waits for a disk.
        assert_eq!(stand.faults.heal_all("end").await.healed.len(), 1);
        assert_eq!(stand.history().open().count(), 0);
        assert_eq!(stand.faults.finish().await.healed.len(), 1);
        assert!(stand.stages.recv().await.is_none(), "the channel closes");
    }

    #[tokio::test]
    async fn healing_all_ends_what_is_in_force_and_begins_nothing_new() {
        let mut stand = stand();
        let clean = stand.fake.snapshot();
        stand.faults.inject(pause());
        stand.until("active").await;
        let healing = stand.faults.heal_all("Ctrl-C").await;
        assert_eq!((healing.healed.len(), &healing.stuck[..]), (1, &[][..]));
        assert_eq!(stand.fake.snapshot(), clean);
        stand.faults.inject(PlannedFault { id: FaultId::new("late", 1), ..pause() });
        stand.until("not_applied").await;
        assert_eq!(stand.faults.heal_all("again").await, healing);
        assert_eq!(stand.fake.snapshot(), clean);
    }

    #[tokio::test]
    async fn an_undo_that_fails_is_stuck_until_it_works() {
        let mut stand = stand();
        let clean = stand.fake.snapshot();
        stand.faults.inject(pause());
        stand.until("active").await;
        stand.fake.trouble(Trouble::NoUndo);
        let healing = stand.faults.heal_all("end").await;
        assert_eq!(healing.healed, []);
        assert!(
            healing.stuck[0].1.contains("api#1 can't be thawed: get it done: planted"),
            "{healing:?}"
        );
        assert_eq!(stand.history().open().count(), 1, "a later cleanup must find it");
        stand.fake.trouble(Trouble::None);
        let healing = stand.faults.heal_all("once more").await;
        assert_eq!((healing.healed.len(), healing.stuck.len()), (1, 0));
        assert_eq!(stand.fake.snapshot(), clean);
        assert_eq!(stand.history().open().count(), 0);
    }

    #[tokio::test]
    async fn a_panic_and_a_lost_answer_are_healed_like_a_fault() {
        for trouble in [Trouble::Panic, Trouble::LostAnswers] {
            for (n, inject) in (1..).zip(all_kinds()) {
                let mut stand = stand();
                let clean = stand.fake.snapshot();
                stand.fake.trouble(trouble);
                let lasts = Duration::from_millis(10);
                stand.faults.inject(PlannedFault { lasts, ..planned(inject) });
                stand.until("healed").await;
                assert_eq!(stand.fake.snapshot(), clean, "kind {n}, {trouble:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_away_for_a_while_is_waited_for() {
        let mut stand = stand();
        let clean = stand.fake.snapshot();
        stand.faults.inject(pause());
        stand.until("active").await;
        stand.fake.trouble(Trouble::Away(6));
        let healing = stand.faults.heal_all("end").await;
        assert_eq!((healing.healed.len(), healing.stuck.len()), (1, 0));
        assert_eq!(stand.fake.snapshot(), clean);
    }

    #[tokio::test]
    async fn a_fault_that_does_nothing_is_unverified() {
        for inject in all_kinds() {
            let soon = Duration::from_millis(50);
            let mut stand = stand_with(Timing { verify_within: soon, ..quick() });
            stand.fake.trouble(Trouble::Asleep);
            let lasts = Duration::from_millis(10);
            stand.faults.inject(PlannedFault { lasts, ..planned(inject) });
            assert_ne!(stand.until("unverified").await, "");
            stand.until("healed").await;
        }
    }

    #[tokio::test]
    async fn a_slow_renewal_does_not_outlast_the_fault() {
        // Renewal is always due: whatever it takes, the fault ends.
        let timing = Timing { lease: Duration::from_millis(3), ..quick() };
        let mut stand = stand_with(timing);
        stand.fake.trouble(Trouble::Slow);
        stand.faults.inject(PlannedFault { lasts: Duration::from_millis(200), ..cut() });
        stand.until("healed").await;
    }

    #[tokio::test]
    async fn without_a_journal_nothing_is_done() {
        let fake = FakeTarget::new();
        let clean = fake.snapshot();
        let full = std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        let journal = Journal::on(Box::new(crate::fault::journal::FileSink { file: full }));
        let run = "20261121-020000-t-0001".parse().unwrap();
        let (faults, mut stages) = Faults::on(run, fake.world(), journal);
        faults.inject(pause());
        let (_, stage) = stages.recv().await.unwrap();
        let FaultStage::NotApplied { reason } = stage else { panic!("{stage:?}") };
        assert!(reason.contains("journal") && reason.contains("No space left"), "{reason}");
        assert_eq!(fake.snapshot(), clean);
    }

    #[tokio::test]
    async fn a_partition_follows_a_victim_that_starts_again() {
        let mut stand = stand();
        let clean = stand.fake.snapshot();
        stand.faults.inject(cut());
        stand.until("active").await;
        stand.fake.restart_by_others("c-db-1", "10.0.1.9");
        assert_eq!(stand.fake.deaf_to("c-db-1").len(), 0, "its new namespace is open");
        stand.faults.note_start(&Victim { service: "db".into(), ordinal: 1 });
        let soon = async {
            while stand.fake.deaf_to("c-db-1").len() < 2
                || !stand.fake.deaf_to("c-api-1").contains(&"10.0.1.9".parse().unwrap())
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), soon).await.expect("it is cut again");
        let healing = stand.faults.heal_all("end").await;
        assert_eq!((healing.healed.len(), healing.stuck.len()), (1, 0));
        assert_eq!(stand.fake.snapshot(), clean);
    }

    #[tokio::test]
    async fn a_killed_victim_that_somebody_starts_ends_the_fault() {
        let mut stand = stand();
        let kill = all_kinds().remove(0);
        stand.faults.inject(PlannedFault { lasts: Duration::from_mins(1), ..planned(kill) });
        stand.until("active").await;
        stand.fake.restart_by_others("c-api-1", "10.0.1.1");
        stand.faults.note_start(&Victim { service: "api".into(), ordinal: 1 });
        assert_eq!(
            stand.until("healed").await,
            "ended by restart: api#1 was started again; api#1 is running"
        );
    }
}
