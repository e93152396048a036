//! Killed at every possible moment: for every prefix of a journal, whole or torn, and whatever of the
//! side effect had happened by then, healing from the journal leaves a clean target.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::cleanup::heal_journaled;
use super::fake::{FakeTarget, Snapshot};
use super::faults::Faults;
use super::history::History;
use super::journal::{Journal, Sink};
use super::sample::{all_kinds, planned};
use crate::ids::FaultId;
use crate::record::PlannedFault;

/// What happened, in order.
#[derive(Clone, Debug)]
enum Moment {
    /// These bytes were synced to the journal.
    Line(Vec<u8>),
    /// The target changed, and looks like this now.
    Change(Snapshot),
}

type Tape = Arc<Mutex<Vec<Moment>>>;

struct Recorder(Tape);

impl Sink for Recorder {
    fn reserve(&mut self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().push(Moment::Line(bytes.to_vec()));
        Ok(())
    }
}

/// Lives all kinds one after the other, and records journal and target together.
async fn record() -> (Snapshot, Vec<Moment>) {
    let fake = FakeTarget::new();
    let clean = fake.snapshot();
    let tape: Tape = Arc::default();
    let watched = tape.clone();
    fake.watch(move |now| watched.lock().unwrap().push(Moment::Change(now)));
    let run = "20261121-020000-t-0001".parse().unwrap();
    let journal = Journal::on(Box::new(Recorder(tape.clone())));
    let (faults, mut stages) = Faults::on(run, fake.world(), journal);
    for (n, inject) in (1..).zip(all_kinds()) {
        let id = FaultId::new("f", n);
        faults.inject(PlannedFault {
            id: id.clone(),
            lasts: Duration::from_millis(20),
            ..planned(inject)
        });
        loop {
            let (told, stage) = stages.recv().await.unwrap();
            assert_eq!(told, id);
            match stage {
                crate::record::FaultStage::Healed { .. } => break,
                crate::record::FaultStage::Stuck { reason } => panic!("{id}: {reason}"),
                _ => {}
            }
        }
    }
    let healing = faults.finish().await;
    assert_eq!((healing.healed.len(), healing.stuck.len()), (6, 0));
    assert_eq!(fake.snapshot(), clean);
    let tape = tape.lock().unwrap().clone();
    (clean, tape)
}

/// Heals a target that was left like `world` with the journal `text`.
async fn heal_after(text: &[u8], world: &Snapshot) -> Snapshot {
    let fake = FakeTarget::at(world);
    let history = History::parse(text);
    for round in 0..2 {
        for fault in history.open() {
            heal_journaled(&fake.world(), fault).await.unwrap_or_else(|why| {
                panic!("round {round}, {}: {why}", fault.id);
            });
        }
    }
    fake.snapshot()
}

#[tokio::test]
async fn killed_at_any_moment_the_journal_heals_the_target() {
    let (clean, tape) = record().await;
    let (mut text, mut world) = (Vec::new(), clean.clone());
    let mut dirty = 0;
    for (n, moment) in tape.iter().enumerate() {
        if let Moment::Line(line) = moment {
            // Killed while writing: the line is torn somewhere.
            for cut in [1, line.len() / 2, line.len() - 2] {
                let torn = [&text[..], &line[..cut]].concat();
                assert_eq!(heal_after(&torn, &world).await, clean, "moment {n}, torn at {cut}");
            }
        }
        match moment {
            Moment::Line(line) => text.extend_from_slice(line),
            Moment::Change(now) => world.clone_from(now),
        }
        dirty += usize::from(world != clean);
        assert_eq!(heal_after(&text, &world).await, clean, "after moment {n}: {moment:?}");
    }
    // The moments are worth something: kill, stop, restart, pause, detach and cuts were all met half-way.
    assert!(dirty >= 12, "{dirty} dirty moments");
}

#[tokio::test]
async fn a_journal_that_lacks_an_undo_is_found_out() {
    let (clean, tape) = record().await;
    let (mut text, mut world) = (Vec::new(), clean.clone());
    let mut missed = 0;
    for moment in &tape {
        match moment {
            Moment::Line(line) => {
                let line = String::from_utf8(line.clone()).unwrap();
                // Planted: the journal forgets to thaw.
                text.extend(line.replace("\"unpause\"", "\"start\"").into_bytes());
            }
            Moment::Change(now) => world.clone_from(now),
        }
        missed += usize::from(heal_after(&text, &world).await != clean);
    }
    assert!(missed > 0, "a pause without its undo went unnoticed");
}
