//! What is written is what is read, packed or not.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fixture::{at, note, run, samples, slice};
use super::{Store, Writer};
use crate::clock::Offset;
use crate::record::{
    Event, EventKind, FaultStage, HistogramRow, LedgerRow, Phase, Provenance, RunData, RunStatus,
    Sample, SliceRow, StepId, StepSlice, Subject,
};

const SECONDS: u64 = 150;

async fn record(writer: &Writer) {
    for second in 0..SECONDS {
        if second == 10 {
            writer
                .event(Event { at: at(10), kind: EventKind::Phase { phase: Phase::Holding } })
                .await;
        }
        writer.slice(slice(second)).await;
        writer.samples(samples(second)).await;
    }
    writer.event(note(SECONDS)).await;
}

fn all_samples() -> Vec<Sample> {
    (0..SECONDS).flat_map(samples).collect()
}

fn flattened(data: &RunData) -> Vec<Sample> {
    let mut all: Vec<Sample> = data
        .series
        .iter()
        .flat_map(|s| {
            s.points.iter().map(|&(at, epoch, reading)| Sample {
                at,
                subject: s.subject.clone(),
                epoch,
                reading,
            })
        })
        .collect();
    all.sort_by_key(|s| (s.at, s.subject.clone()));
    all
}

/// Waits, bounded, until the last event is stored.
async fn stored(store: &Store, id: &crate::ids::RunId) -> RunData {
    for _ in 0..500 {
        let data = store.load(id).unwrap();
        if data.events.iter().any(|e| e == &note(SECONDS)) {
            return data;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nothing was stored in five seconds");
}

#[tokio::test]
async fn records_read_back_identical_during_a_run_and_after_packing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = run("packed", "90m");
    let writer = store.begin(&run).unwrap();
    record(&writer).await;
    let during = stored(&Store::open(dir.path()).unwrap(), &run.id).await;
    writer.close().await.unwrap();
    let after = store.load(&run.id).unwrap();

    for data in [&during, &after] {
        assert_eq!(flattened(data), all_samples());
        assert!(data.series.is_sorted_by_key(|s| s.subject.clone()));
        let rows: Vec<SliceRow> = (0..SECONDS).map(|s| SliceRow::from(&slice(s))).collect();
        assert_eq!(data.slices, rows);
        assert_eq!(data.run, run);
    }
    assert_eq!(during.events, after.events);
    let chunks: u64 = store
        .db()
        .query_row("SELECT count(*) FROM samples", [], |row| row.get::<_, i64>(0))
        .unwrap() as u64;
    assert_eq!(chunks, 9, "three subjects in three minutes");
}

fn per_step(rows: &[HistogramRow]) -> BTreeMap<StepId, StepSlice> {
    let mut steps = BTreeMap::new();
    for row in rows {
        let step = steps.entry(row.step).or_insert_with(|| StepSlice::new(row.step));
        step.merge(&row.read().unwrap());
    }
    steps
}

#[tokio::test]
async fn latencies_of_long_profiles_are_merged_by_the_minute_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (long, short) = (run("long", "90m"), run("short", "1h"));
    for run in [&long, &short] {
        let writer = store.begin(run).unwrap();
        record(&writer).await;
        writer.close().await.unwrap();
    }
    let (long, short) = (store.load(&long.id).unwrap(), store.load(&short.id).unwrap());
    let by_second = (0..SECONDS).map(slice).flat_map(|slice| {
        let rows = slice.steps.iter().map(|step| HistogramRow::of(slice.from, slice.to, step));
        rows.collect::<Vec<_>>()
    });
    assert_eq!(short.histograms, by_second.collect::<Vec<_>>());
    assert_eq!(per_step(&long.histograms), per_step(&short.histograms));

    let spans: Vec<(Offset, Offset)> =
        long.histograms.iter().filter(|r| r.step == StepId(0)).map(|r| (r.from, r.to)).collect();
    assert_eq!(
        spans,
        [(at(0), at(10)), (at(10), at(70)), (at(70), at(130)), (at(130), at(150))],
        "minutes count from the start of the profile"
    );
}

#[tokio::test]
async fn latencies_stay_by_the_second_where_a_fault_begins_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = run("hurt", "90m");
    let writer = store.begin(&run).unwrap();
    let turn = |second, stage| {
        let fault = crate::ids::FaultId::new("kill", 1);
        let at = at(second) + Duration::from_millis(500);
        writer.event(Event { at, kind: EventKind::Fault { fault, stage } })
    };
    for second in 0..600 {
        match second {
            0 => {
                let phase = EventKind::Phase { phase: Phase::Holding };
                writer.event(Event { at: at(0), kind: phase }).await;
            }
            90 => turn(90, FaultStage::Injected).await,
            300 => turn(300, FaultStage::Healed { evidence: String::new() }).await,
            _ => {}
        }
        writer.slice(slice(second)).await;
    }
    writer.close().await.unwrap();
    let rows = store.load(&run.id).unwrap().histograms;
    let spans: Vec<(u64, u64)> = rows
        .iter()
        .filter(|r| r.step == StepId(0))
        .map(|r| (r.from.as_micros() / 1_000_000, r.to.as_micros() / 1_000_000))
        .collect();
    // 90.5 s to 150.5 s, and 300.5 s to 360.5 s.
    let fine = |from: u64, to: u64| (from..to).map(|s| (s, s + 1));
    let expected: Vec<(u64, u64)> = [(0, 60), (60, 90)]
        .into_iter()
        .chain(fine(90, 151))
        .chain([(151, 180), (180, 240), (240, 300)])
        .chain(fine(300, 361))
        .chain([(361, 420), (420, 480), (480, 540), (540, 600)])
        .collect();
    assert_eq!(spans, expected);
    let scheduled: u64 = rows.iter().map(|r| r.counts.scheduled).sum();
    assert_eq!(scheduled, 600 * 50, "nothing is lost");
}

#[tokio::test]
async fn the_profile_may_be_announced_late() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = run("late", "90m");
    let writer = store.begin(&run).unwrap();
    for second in 0..100 {
        writer.slice(slice(second)).await;
        if second == 13 {
            writer
                .event(Event { at: at(10), kind: EventKind::Phase { phase: Phase::Holding } })
                .await;
        }
    }
    writer.close().await.unwrap();
    let data = store.load(&run.id).unwrap();
    assert!(data.histograms.iter().all(|r| r.to <= at(10) || r.from >= at(10)));
    assert_eq!(data.histograms.len(), 6);
}

#[tokio::test]
async fn ledger_provenance_and_verdict_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = run("kept", "90m");
    let writer = store.begin(&run).unwrap();
    let row = |number, rate| LedgerRow {
        number,
        from: at(0),
        to: at(60),
        counts: slice(3).counts,
        target_rate: rate,
        achieved_rate: 49.5,
        error_rate: None,
        error_rate_outside_faults: Some(0.25),
        latency: SliceRow::from(&slice(3)).latency,
        lateness: SliceRow::from(&slice(3)).lateness,
        services: Vec::new(),
        faults: vec!["kill-1".to_owned()],
    };
    for entry in [row(2, 50.0), row(1, 50.0), row(2, 60.0)] {
        writer.ledger(entry).await;
    }
    let provenance = Provenance { host: "night".to_owned(), ..Provenance::default() };
    writer.provenance(provenance.clone()).await;
    writer.close().await.unwrap();
    store.set_status(&run.id, RunStatus::Interrupted).unwrap();
    let data = store.load(&run.id).unwrap();
    assert_eq!(data.ledger, [row(1, 50.0), row(2, 60.0)]);
    assert_eq!(data.run.provenance, provenance);
    assert_eq!(data.run.status, RunStatus::Interrupted);

    let verdict: crate::record::Verdict = serde_json::from_value(serde_json::json!({
        "outcome": "passed", "exit_code": 0, "headline": "held", "side": null, "reasons": [], "limits": [],
        "faults": [], "ledger": [], "totals": slice(3).counts, "availability": { "total": 0.75 }
    }))
    .unwrap();
    store.set_verdict(&run.id, &verdict, RunStatus::Finished).unwrap();
    let data = store.load(&run.id).unwrap();
    assert_eq!((data.run.verdict, data.run.status), (Some(verdict), RunStatus::Finished));
}

#[tokio::test]
async fn two_runs_write_at_once_and_a_reader_sees_whole_records() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [Store::open(dir.path()).unwrap(), Store::open(dir.path()).unwrap()];
    let runs = [run("first", "90m"), run("second", "90m")];
    let writers = [stores[0].begin(&runs[0]).unwrap(), stores[1].begin(&runs[1]).unwrap()];
    let reader = Store::open(dir.path()).unwrap();
    for second in 0..SECONDS {
        for writer in &writers {
            writer.slice(slice(second)).await;
            writer.samples(samples(second)).await;
        }
        if second % 50 == 0 {
            let data = reader.load(&runs[0].id).unwrap();
            assert!(data.series.iter().all(|s| s.subject != Subject::Host || !s.points.is_empty()));
        }
    }
    for (writer, run) in writers.into_iter().zip(&runs) {
        assert_eq!(writer.lost(), 0);
        writer.close().await.unwrap();
        assert_eq!(flattened(&reader.load(&run.id).unwrap()), all_samples());
    }
}
