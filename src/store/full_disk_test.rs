//! A full disk: records are counted as lost, the run goes on, and the gap is on record.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::fixture::{note, run};
use super::{Store, Writer};
use crate::record::{EventKind, GapSource};

/// A small file system of its own; gone when dropped. Needs root.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(dir.path());
        mount.output().is_ok_and(|o| o.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).output();
        assert!(unmounted.is_ok_and(|o| o.status.success()) || std::thread::panicking());
    }
}

fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for block in [&[7; 4096][..], &[7; 1]] {
        while file.write_all(block).is_ok() {}
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not in ten seconds");
}

async fn notes(writer: &Writer, numbers: std::ops::Range<u64>) {
    for n in numbers {
        writer.event(note(n)).await;
    }
}

#[tokio::test]
async fn a_full_disk_costs_records_but_neither_the_run_nor_the_truth() {
    let Some(disk) = SmallDisk::mount() else {
        writeln!(std::io::stderr(), "skipped: mounting a small disk needs root").unwrap();
        return;
    };
    let store = Store::open(disk.path()).unwrap();
    let run = run("full", "90m");
    let writer = store.begin(&run).unwrap();
    let ballast = disk.path().join("ballast");
    fill(&ballast);

    notes(&writer, 0..5000).await;
    until("records are lost", || writer.lost() > 0).await;

    std::fs::remove_file(&ballast).unwrap();
    let gap_from = || {
        store.load(&run.id).unwrap().events.iter().find_map(|e| match &e.kind {
            EventKind::Gap { source: GapSource::Store, from, reason } => {
                Some((*from, reason.clone()))
            }
            _ => None,
        })
    };
    until("a gap is on record", || gap_from().is_some()).await;
    notes(&writer, 5000..5010).await;
    let lost = writer.lost();
    writer.close().await.unwrap();

    let events = store.load(&run.id).unwrap().events;
    let kept = events.iter().filter(|e| matches!(e.kind, EventKind::Note { .. })).count() as u64;
    assert_eq!(kept + lost, 5010, "every record is either stored or counted");
    assert!(events.contains(&note(0)) && events.contains(&note(5009)));
    let (from, reason) = gap_from().unwrap();
    assert!(
        !events.contains(&crate::record::Event { at: from, ..note(from.as_micros() / 1_000_000) })
    );
    assert!(reason.contains("records lost") && reason.contains("full"), "{reason}");
}

#[tokio::test]
async fn closing_on_a_full_disk_says_so_and_ends() {
    let Some(disk) = SmallDisk::mount() else {
        writeln!(std::io::stderr(), "skipped: mounting a small disk needs root").unwrap();
        return;
    };
    let store = Store::open(disk.path()).unwrap();
    let writer = store.begin(&run("full", "90m")).unwrap();
    fill(&disk.path().join("ballast"));
    notes(&writer, 0..2000).await;
    let copy = writer.clone();
    let text = writer.close().await.unwrap_err().to_string();
    assert!(text.contains("of them") && text.contains("full"), "{text}");
    copy.event(note(1)).await;
    assert_eq!(copy.lost(), 2001);
}
