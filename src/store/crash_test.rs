//! A SIGKILL of the writing process loses at most the last second.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Store;
use super::fixture::run;
use crate::clock::Clock;
use crate::record::{Reading, Sample, Subject};

const DATA: &str = "LONGHAUL_TEST_STORE_CHILD";
const TICK: Duration = Duration::from_millis(20);

/// Not a test of its own: the parent test starts it as a child process and kills it.
#[tokio::test]
async fn child_writes_until_killed() {
    let Ok(data) = std::env::var(DATA) else { return };
    let store = Store::open(data.as_ref()).unwrap();
    let writer = store.begin(&run("killed", "90m")).unwrap();
    let clock = Clock::start();
    // Bounded, should the parent vanish.
    for tick in 0..1500 {
        let at = clock.now();
        let reading = Reading { anon: Some(tick), ..Reading::default() };
        writer.samples(vec![Sample { at, subject: Subject::Host, epoch: 0, reading }]).await;
        writeln!(std::io::stdout(), "\ntick {}", at.as_micros()).unwrap();
        tokio::time::sleep(TICK).await;
    }
}

#[test]
fn sigkill_loses_at_most_the_last_second() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crash_test::child_writes_until_killed", "--nocapture"])
        .env(DATA, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told: Vec<u64> = Vec::new();
    for line in lines {
        if let Some(us) = line.unwrap().strip_prefix("tick ") {
            told.push(us.parse().unwrap());
        }
        if told.last().is_some_and(|us| *us > 2_000_000) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let store = Store::open(dir.path()).unwrap();
    let data = store.load(&store.find("killed").unwrap()).unwrap();
    let points = &data.series[0].points;
    let last_told = *told.last().unwrap();
    let last_stored = points.last().unwrap().0.as_micros();
    assert!(last_told >= 2_000_000, "the child wrote for {last_told} us only");
    assert!(last_stored + 1_000_000 >= last_told, "stored to {last_stored}, told {last_told}");
    let numbers: Vec<_> = points.iter().map(|p| p.2.anon.unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "no hole before the end");
}
