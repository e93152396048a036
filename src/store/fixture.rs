//! Synthetic records for this room's tests.

use std::time::Duration;

use crate::clock::Offset;
use crate::record::{
    Counts, ErrorCount, Event, EventKind, Histogram, LoadSlice, Reading, RunRecord, Sample, StepId,
    StepSlice, Subject,
};

/// A run whose profile has the given length.
pub(super) fn run(id: &str, profile: &str) -> RunRecord {
    serde_json::from_value(serde_json::json!({
        "id": id, "anchor": "2026-11-21T02:00:00Z", "status": "running", "verdict": null, "faults": [],
        "provenance": { "longhaul": "", "host": "", "kernel": "", "cpu": "", "memory": 0, "engine": null,
                        "images": {}, "experiment_sha256": "" },
        "experiment": {
            "version": 1, "name": "soak", "description": null, "tags": {}, "seed": 1, "variables": {},
            "target": { "process": { "services": {} }, "ready": [] },
            "load": {
                "warmup": "10s", "profile": [{ "hold": { "rate": "50/s", "for": profile } }],
                "arrival": "constant", "connections": 1, "timeout": "1s", "cooldown": "0s",
                "tls": { "ca_file": null, "cert_file": null, "key_file": null }, "scenarios": []
            },
            "faults": [], "overlap": "forbid", "steady_state": null, "limits": [], "abort_when": [],
            "sampling": { "interval": "1s", "ledger": null }
        }
    }))
    .unwrap()
}

pub(super) fn at(seconds: u64) -> Offset {
    Offset::from_micros(seconds * 1_000_000)
}

pub(super) fn note(seconds: u64) -> Event {
    Event { at: at(seconds), kind: EventKind::Note { text: format!("second {seconds}") } }
}

/// A second of load on two steps; the second step sees errors every tenth second.
pub(super) fn slice(second: u64) -> LoadSlice {
    let histogram = |n: u64, base: u64| {
        let mut h = Histogram::new();
        (0..n)
            .for_each(|k| h.record(Duration::from_micros(base + (k * 7919 + second * 31) % 5000)));
        h
    };
    let bad = if second.is_multiple_of(10) { 2 } else { 0 };
    let counts = |n| Counts { scheduled: n, ok: n - bad, failed: bad, ..Counts::default() };
    LoadSlice {
        from: at(second),
        to: at(second + 1),
        counts: counts(50),
        in_flight: 3,
        waiting: second % 3,
        connections: 9,
        bytes_in: 51_200 + second,
        bytes_out: u64::MAX - second,
        lateness: histogram(50, 20),
        steps: vec![
            StepSlice {
                counts: counts(40),
                ok: histogram(40 - bad, 900),
                connect: histogram(3, 80),
                tls: histogram(2, 700),
                first_byte: histogram(40, 400),
                bytes_in: 9000 + second,
                bytes_out: 3000,
                statuses: [(200, 40 - bad), (503, bad)].into(),
                ..StepSlice::new(StepId(0))
            },
            StepSlice {
                counts: counts(10),
                ok: histogram(10 - bad, 2_000),
                bad: histogram(bad, 90_000),
                ..StepSlice::new(StepId(4))
            },
        ],
        errors: (bad > 0)
            .then(|| ErrorCount { step: StepId(4), text: "it's \"off\"".to_owned(), count: bad })
            .into_iter()
            .collect(),
    }
}

/// One tick's readings of an instance, the host and longhaul.
pub(super) fn samples(second: u64) -> Vec<Sample> {
    let api = Subject::Instance { service: "a#b".to_owned(), ordinal: 2 };
    let reading = |base: u64| Reading {
        anon: Some(base + second * 4096 % 100_000),
        cpu_us: (!second.is_multiple_of(7)).then_some(second * 10_000),
        limit: Some(u64::MAX),
        ..Reading::default()
    };
    [(api, 100_000_000), (Subject::Host, 1 << 33), (Subject::Longhaul, 30_000_000)]
        .into_iter()
        .map(|(subject, base)| Sample {
            at: at(second) + Duration::from_micros(second * 13 % 900),
            subject,
            epoch: (second / 100) as u32,
            reading: reading(base),
        })
        .collect()
}
