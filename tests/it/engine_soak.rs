//! The soak of the load engine itself, in a minute: churn and errors of every kind, and longhaul's own memory and
//! descriptors end where they were once it had warmed up. The hour of it is `experiments/engine-soak.yaml`.

use serde_json::{Value, json};

use crate::program::Program;

const EXPERIMENT: &str = include_str!("../../experiments/engine-soak.yaml");
/// More than that from the second quarter to the last is growth. A few bytes kept for each request would not show in so
/// short a run; three hundred would. The cache of the record's database fills meanwhile: 2 MiB.
const MEMORY: u64 = 4 << 20;
const DESCRIPTORS: u64 = 24;

/// The hour as a minute at a tenth of the rate, its faults before the half. With few connections: when each of them
/// was needed for the first time depends on how busy the machine is.
fn short() -> String {
    [
        ("rate: 5000/s, for: 1h", "rate: 500/s, for: 1m"),
        ("connections: 100", "connections: 20"),
        ("every: 10m, first_after: 6m", "at: [3s, 16s]"),
        ("every: 10m, first_after: 2m", "at: 9s"),
        ("recover_within: 1m", ""),
        ("warmup: 1m", "warmup: 5s"),
        ("cooldown: 1m", "cooldown: 2s"),
        ("settle: 10s", "settle: 1s"),
    ]
    .into_iter()
    .fold(EXPERIMENT.to_owned(), |text, (long, short)| {
        assert!(text.contains(long), "{long}");
        text.replace(long, short)
    })
}

/// What grew from the second quarter of the rows to the last.
fn grown(rows: &[Value]) -> Vec<String> {
    let quarter = rows.len() / 4;
    let (before, after) = (&rows[quarter..2 * quarter], &rows[rows.len() - quarter..]);
    let highest = |rows: &[Value], figure: &str| {
        rows.iter().map(|r| r[figure].as_u64().expect("it was read")).max().expect("rows")
    };
    [("memory_mean_bytes", MEMORY), ("descriptors_max", DESCRIPTORS)]
        .into_iter()
        .filter_map(|(figure, most)| {
            let (before, after) = (highest(before, figure), highest(after, figure));
            (after > before + most).then(|| format!("{figure} from {before} to {after}"))
        })
        .collect()
}

#[test]
fn longhaul_itself_stays_flat_through_churn_and_errors() {
    let program = Program::new();
    let file = program.write("experiment.yaml", &short());
    let done = program.run(&file);
    let summary = &done.finished()["summary"];
    let totals = &summary["totals"];
    let sum: u64 = ["ok", "failed", "timed_out", "not_sent"]
        .iter()
        .filter_map(|end| totals[end].as_u64())
        .sum();
    assert_eq!(totals["scheduled"], 30_000, "{totals}");
    // Who was under way as the profile began ends in it: at most one for each connection.
    assert!(sum.abs_diff(30_000) <= 20, "{totals}");
    let texts: Vec<&str> = summary["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["text"].as_str())
        .collect();
    for text in ["status 500", "status 404", "answer is not HTTP/1.1", "timed out"] {
        assert!(texts.contains(&text), "no {text:?} among {texts:?}");
    }
    let connects: u64 = summary["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["connect"]["count"].as_u64())
        .sum();
    assert!(connects > 100, "connections are to come and go: {connects}");
    let rows = summary["longhaul"]["rows"].as_array().expect("rows");
    assert!(rows.len() >= 8, "{rows:?}");
    assert_eq!(grown(rows), Vec::<String>::new(), "{rows:#?}");
    for r in rows {
        assert!(r["memory_max_bytes"].as_u64() < Some(96 << 20), "{r}");
    }
}

#[test]
fn what_grows_is_told() {
    let row = |n: u64, memory: u64, descriptors: u64| json!({ "memory_mean_bytes": (20 << 20) + n * memory, "descriptors_max": 40 + n * descriptors });
    let rows =
        |memory, descriptors| (0..12).map(|n| row(n, memory, descriptors)).collect::<Vec<_>>();
    assert_eq!(grown(&rows(0, 0)), Vec::<String>::new());
    assert!(grown(&rows(1_000_000, 0))[0].contains("memory"));
    assert!(grown(&rows(0, 8))[0].contains("descriptors"));
}
