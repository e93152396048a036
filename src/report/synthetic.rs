//! Records of a synthetic run of any shape, for this room's tests.

use std::time::Duration;

use serde_json::json;

use crate::clock::Offset;
use crate::record::{
    Counts, ErrorCount, Event, EventKind, FaultStage, Histogram, HistogramRow, LedgerRow, Phase,
    Quantiles, Reading, RunData, RunRecord, Series, ServiceRow, SliceRow, StepId, StepSlice,
    Subject, TargetAction, Verdict, Victim,
};

/// The shape of a synthetic run, all in seconds of run time.
pub(super) struct Shape {
    pub(super) prepare: u64,
    pub(super) warmup: u64,
    pub(super) profile: u64,
    pub(super) cooldown: u64,
    /// `(start, length, recovery, kill or partition)`.
    pub(super) faults: Vec<(u64, u64, u64, bool)>,
    pub(super) ledger: u64,
}

pub(super) fn at(seconds: u64) -> Offset {
    Offset::from_micros(seconds * 1_000_000)
}

/// A fixed hash of a moment and a series: 0 to 999.
pub(super) fn noise(second: u64, series: u64) -> u64 {
    let mut x =
        second.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ series.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ x >> 29) % 1000
}

/// The records and the verdict of a run of this shape.
pub(super) fn make(shape: &Shape) -> (RunData, Verdict) {
    let begin = shape.prepare;
    let hold = begin + shape.warmup;
    let cool = hold + shape.profile;
    let end = cool + shape.cooldown;
    let run = record(shape);
    let slices: Vec<SliceRow> = (begin..cool).map(|s| slice(shape, s, hold)).collect();
    let histograms = histograms(shape, hold, cool);
    let series = series(shape, begin, end, hold);
    let events = events(shape, &run, hold, cool, end);
    let verdict = verdict(shape, &run, &slices, hold);
    let ledger = verdict.ledger.clone();
    let (evidence, scraped) = (Vec::new(), Vec::new());
    (RunData { run, slices, histograms, series, events, ledger, evidence, scraped }, verdict)
}

fn record(shape: &Shape) -> RunRecord {
    let faults: Vec<_> = shape
        .faults
        .iter()
        .enumerate()
        .map(|(i, &(start, lasts, _, kill))| {
            let (name, nth) = (name(kill), 1 + shape.faults[..i].iter().filter(|f| f.3 == kill).count());
            let inject = if kill {
                json!({ "kill": { "service": "api", "pick": "one", "signal": "SIGKILL", "restart_after": format!("{lasts}s") } })
            } else {
                json!({ "partition": { "between": ["api"], "and": ["store"], "direction": "both" } })
            };
            json!({ "id": format!("{name}-{nth}"), "name": name, "at": format!("{start}s"), "for": format!("{lasts}s"),
                    "inject": inject, "victims": [{ "service": "api", "ordinal": 1 + i % 2 }], "recover_within": "30s" })
        })
        .collect();
    serde_json::from_value(json!({
        "id": "20261121-020000-checkout-soak-0a1b", "anchor": "2026-11-21T02:00:00Z", "status": "finished",
        "verdict": null, "faults": faults,
        "provenance": {
            "longhaul": "0.1.0", "host": "soak-1", "kernel": "Linux 6.1.0-18-amd64", "cpu": "2 x Intel Xeon",
            "memory": 8_589_934_592_u64, "engine": "Docker 20.10.24, API 1.41, cgroup v1",
            "images": { "api": "sha256:4c1f0e", "store": "sha256:88ab03" }, "experiment_sha256": "9f86d081884c7d65"
        },
        "experiment": {
            "version": 1, "name": "checkout-soak", "description": "One night of checkout traffic with killed replicas.",
            "tags": { "team": "payments" }, "seed": 42, "variables": {},
            "target": { "compose": { "file": "/srv/compose.yaml", "project": "checkout-soak", "build": true, "scale": { "api": 2 }, "env": {} }, "ready": [] },
            "load": {
                "warmup": format!("{}s", shape.warmup),
                "profile": [{ "hold": { "rate": "50/s", "for": format!("{}s", shape.profile) } }],
                "arrival": "constant", "connections": 100, "timeout": "5s", "cooldown": format!("{}s", shape.cooldown),
                "tls": { "ca_file": null, "cert_file": null, "key_file": null },
                "scenarios": [{ "name": "browse", "weight": 1, "session": [], "steps": [step("get-item"), step("order")] }]
            },
            "faults": [], "overlap": "forbid", "steady_state": null, "limits": [], "abort_when": [],
            "sampling": { "interval": "1s", "ledger": null }
        }
    }))
    .unwrap()
}

fn step(name: &str) -> serde_json::Value {
    json!({ "http": { "name": name, "method": "get", "url": { "parts": [{ "text": "http://api.target:8080/" }] }, "headers": [],
            "body": null, "expect": { "status": [], "body_contains": null }, "capture": [], "timeout": null } })
}

fn name(kill: bool) -> &'static str {
    if kill { "kill-one-api" } else { "split-api-store" }
}

/// How hard a fault presses at a moment: 2 in force, 1 recovering, 0 not at all.
fn pressure(shape: &Shape, second: u64, hold: u64) -> u64 {
    let since = |start: u64| second.checked_sub(hold + start);
    shape
        .faults
        .iter()
        .filter_map(|&(start, lasts, tail, _)| match since(start)? {
            s if s < lasts => Some(2),
            s if s < lasts + tail => Some(1),
            _ => None,
        })
        .max()
        .unwrap_or(0)
}

fn slice(shape: &Shape, second: u64, hold: u64) -> SliceRow {
    let due = if second < hold {
        50 * (second - (hold - shape.warmup)) / shape.warmup.max(1)
    } else {
        50
    };
    let press = pressure(shape, second, hold);
    let failed =
        [0, 1, 14][press as usize].min(due) + u64::from(press == 0 && noise(second, 1) > 997);
    let timed_out = if press == 2 { 3.min(due - failed) } else { 0 };
    let base = 2_400 + noise(second, 2) + [0, 4_000, 60_000][press as usize];
    let q = |count, p50| Quantiles {
        count,
        p50,
        p95: p50 * 3 + noise(second, 3) * 4,
        p99: p50 * 5 + noise(second, 4) * 22,
        max: p50 * 9 + noise(second, 5) * 40,
    };
    let error = |text: &str, count| ErrorCount { step: StepId(1), text: text.to_owned(), count };
    let mut errors =
        vec![error("connection refused", failed), error("no answer within 5 s", timed_out)];
    errors.retain(|e| e.count > 0);
    SliceRow {
        from: at(second),
        to: at(second + 1),
        counts: Counts {
            scheduled: due,
            ok: due - failed.min(due) - timed_out,
            failed: failed.min(due),
            timed_out,
            not_sent: 0,
        },
        in_flight: 3,
        waiting: 0,
        connections: 20,
        bytes_in: due * 900,
        bytes_out: due * 210,
        latency: q(due, base),
        lateness: q(due, 40),
        errors,
    }
}

fn histograms(shape: &Shape, hold: u64, cool: u64) -> Vec<HistogramRow> {
    let width = if shape.profile > 3600 { 600 } else { 10 };
    let mut rows = Vec::new();
    for from in (hold..cool).step_by(width) {
        for step in 0..2 {
            let mut ok = Histogram::new();
            for n in 0..25 * width.min(8) as u64 {
                ok.record(Duration::from_micros(
                    2_000 + noise(from + n, step) * 9 + (noise(n, from) / 980) * 90_000,
                ));
            }
            let n = 25 * width as u64;
            let counts = Counts { scheduled: n, ok: n, ..Counts::default() };
            let first_byte = ok.clone();
            let mut connect = Histogram::new();
            connect.record(Duration::from_micros(140 + noise(from, step) / 10));
            let (bytes_in, bytes_out, statuses) = (n * 900, n * 210, [(200, n)].into());
            let all = StepSlice::new(StepId(step as u16));
            let step =
                StepSlice { counts, ok, connect, first_byte, bytes_in, bytes_out, statuses, ..all };
            rows.push(HistogramRow::of(at(from), at(from + width as u64), &step));
        }
    }
    rows
}

fn series(shape: &Shape, begin: u64, end: u64, hold: u64) -> Vec<Series> {
    let killed = |second: u64, ordinal: u64| {
        shape.faults.iter().enumerate().any(|(i, &(start, lasts, _, kill))| {
            kill && 1 + i as u64 % 2 == ordinal
                && (hold + start..hold + start + lasts).contains(&second)
        })
    };
    let lives = |second: u64, ordinal: u64| {
        shape
            .faults
            .iter()
            .enumerate()
            .filter(|(i, f)| f.3 && 1 + *i as u64 % 2 == ordinal && hold + f.0 + f.1 <= second)
            .count() as u32
    };
    let mib = 1_048_576;
    let span = (end - begin).max(1);
    let instance =
        |service: &str, ordinal| Subject::Instance { service: service.to_owned(), ordinal };
    let whose: Vec<(Subject, u64, u64, u64, u64)> = vec![
        (instance("api", 1), 92 * mib, 14 * mib, 128 * mib, 180_000),
        (instance("api", 2), 90 * mib, 13 * mib, 128 * mib, 170_000),
        (instance("store", 1), 41 * mib, mib, 256 * mib, 60_000),
        (Subject::Host, 2_900 * mib, 30 * mib, 8192 * mib, 700_000),
        (Subject::Longhaul, 38 * mib, mib, 0, 45_000),
    ];
    whose
        .into_iter()
        .enumerate()
        .map(|(n, (subject, base, grows, limit, cpu))| {
            let ordinal = if n < 2 { n as u64 + 1 } else { 99 };
            let mut used = 0;
            let points = (begin..end)
                .filter_map(|s| {
                    used += cpu + noise(s, n as u64) * cpu / 4000;
                    let noisy = noise(s, 10 + n as u64) * base / 90_000;
                    let reading = Reading {
                        anon: Some(base + grows * (s - begin) / span + noisy),
                        limit: (limit > 0).then_some(limit),
                        cpu_us: Some(used),
                        ..Reading::default()
                    };
                    (!killed(s, ordinal)).then(|| {
                        (
                            at(s) + Duration::from_millis(noise(s, 77) / 50),
                            lives(s, ordinal),
                            reading,
                        )
                    })
                })
                .collect();
            Series { subject, points }
        })
        .collect()
}

fn events(shape: &Shape, run: &RunRecord, hold: u64, cool: u64, end: u64) -> Vec<Event> {
    let phase = |second, phase| Event { at: at(second), kind: EventKind::Phase { phase } };
    let mut events = vec![
        phase(0, Phase::Preparing),
        phase(shape.prepare, Phase::Warming),
        phase(hold, Phase::Holding),
    ];
    for (fault, &(start, lasts, _, kill)) in run.faults.iter().zip(&shape.faults) {
        let stage = |second, stage| Event {
            at: at(second),
            kind: EventKind::Fault { fault: fault.id.clone(), stage },
        };
        let victim = Victim { service: "api".to_owned(), ordinal: fault.victims[0].ordinal };
        let target = |second, action| Event {
            at: at(second),
            kind: EventKind::Target { victim: victim.clone(), action, engine_time: None },
        };
        let from = hold + start;
        events.push(stage(from, FaultStage::Intended));
        events.push(stage(from, FaultStage::Injected));
        if kill {
            events.push(target(from, TargetAction::Die { exit_code: Some(137) }));
            events.push(target(from + lasts, TargetAction::Start));
        }
        events.push(stage(
            from,
            FaultStage::Active { evidence: "seen in the engine's events".to_owned() },
        ));
        events.push(stage(from + lasts, FaultStage::Healing));
        events.push(stage(
            from + lasts,
            FaultStage::Healed { evidence: "running and healthy".to_owned() },
        ));
    }
    events.extend([
        phase(cool, Phase::Cooling),
        phase(end, Phase::Judging),
        phase(end, Phase::Finished),
    ]);
    events.sort_by_key(|e| e.at);
    events
}

fn verdict(shape: &Shape, run: &RunRecord, slices: &[SliceRow], hold: u64) -> Verdict {
    let mut totals = Counts::default();
    slices.iter().filter(|s| s.from >= at(hold)).for_each(|s| totals.add(&s.counts));
    let rows = shape.profile / shape.ledger;
    let ledger: Vec<LedgerRow> =
        (0..rows).map(|n| ledger_row(shape, run, slices, hold, n)).collect();
    let limit = |name: &str,
                 bound: &str,
                 warn: Option<&str>,
                 measured: &str,
                 margin: &str,
                 tier: &str,
                 values: (f64, f64)| {
        json!({ "name": name, "bound": bound, "warn": warn, "measured": measured, "margin": margin, "tier": tier,
                "bound_value": values.0, "measured_value": values.1, "window": null, "note": null })
    };
    let faults: Vec<_> = run
        .faults
        .iter()
        .zip(&shape.faults)
        .map(|(fault, f)| fault_result(shape, fault, *f, slices, hold))
        .collect();
    let ok = totals.ok as f64 / totals.scheduled as f64;
    let allowed = totals.scheduled as f64 * 0.05;
    let lost: Vec<_> = run
        .faults
        .iter()
        .map(|f| json!([f.id, totals.errors() / (run.faults.len() as u64 + 1)]))
        .collect();
    let times = |median: u64, max: u64| json!({ "median": { "secs": median, "nanos": 0 }, "max": { "secs": max, "nanos": 0 } });
    let recoveries: Vec<_> = [true, false]
        .into_iter()
        .filter_map(|kill| {
            let injected = shape.faults.iter().filter(|f| f.3 == kill).count();
            (injected > 0).then(|| {
                json!({ "fault": name(kill), "injected": injected, "unaffected": 0, "recovered": injected,
                        "censored": 0, "no_baseline": 0, "from_end": times(7, 31), "from_start": times(19, 60),
                        "first_error": times(0, 1) })
            })
        })
        .collect();
    let burn_rates: Vec<f64> =
        ledger.iter().map(|row| row.counts.error_rate().unwrap_or(0.0) / 0.05).collect();
    let error_rate = totals.error_rate().unwrap();
    serde_json::from_value(json!({
        "outcome": "warned", "exit_code": 0, "side": "target",
        "headline": "Every limit held; error_rate is past its warn value.",
        "reasons": ["error_rate: measured above the warn value while faults were in force"],
        "limits": [
            limit("achieved_rate", ">= 90%", None, "100%", "10%", "pass", (0.9, 1.0)),
            limit("error_rate", "<= 10%", Some("<= 1%"), &super::figures::percent(error_rate), "inside", "warn", (0.1, error_rate)),
            limit("latency p95", "<= 500ms", Some("<= 300ms"), "11.4 ms", "488.6 ms", "pass", (0.5, 0.0114)),
            limit("memory api max", "<= 128MiB", None, "106.9 MiB", "21.1 MiB", "pass", (134_217_728.0, 112_092_774.0)),
            limit("memory_growth api", "<= 10%", Some("<= 5%"), "+3.1%", "6.9%", "pass", (0.1, 0.031)),
            limit("restarts unless injected", "<= 0", None, "0", "0", "pass", (0.0, 0.0)),
        ],
        "faults": faults, "ledger": ledger, "totals": totals,
        "recoveries": recoveries,
        "error_budget": {
            "objective": "95%", "allowed": allowed, "spent": totals.errors(), "outside_faults": 12,
            "during_faults": totals.errors().saturating_sub(20), "recovering": 8, "faults": lost, "burn_rates": burn_rates,
        },
        "availability": { "total": ok, "outside_faults": 0.999_96, "during_faults": 0.66, "recovering": 0.98 }
    }))
    .unwrap()
}

fn fault_result(
    shape: &Shape,
    fault: &crate::record::PlannedFault,
    (start, lasts, tail, kill): (u64, u64, u64, bool),
    slices: &[SliceRow],
    hold: u64,
) -> serde_json::Value {
    let (from, to) = (at(hold + start), at(hold + start + lasts));
    let mut impact = Counts::default();
    slices
        .iter()
        .filter(|s| s.from >= from && s.from < to + Duration::from_secs(tail))
        .for_each(|s| impact.add(&s.counts));
    let what = if kill {
        format!("kill {} with SIGKILL", fault.victims[0])
    } else {
        "partition api | store, both ways".to_owned()
    };
    assert!(shape.profile > start + lasts);
    let duration = |secs: u64| json!({ "secs": secs, "nanos": 0 });
    json!({
        "id": fault.id, "what": what, "planned_at": from, "injected_at": from, "healed_at": to, "verified": true,
        "ending": "seen in force, seen undone", "impact": impact, "first_error": { "secs": 0, "nanos": 320_000_000 },
        "worst_p99_us": 334_000, "healthy_after": duration(3),
        "recovery": if tail == 0 { json!({ "recovery": "unaffected" }) }
            else { json!({ "recovery": "recovered", "from_end": duration(tail), "from_start": duration(tail + lasts) }) }
    })
}

fn ledger_row(shape: &Shape, run: &RunRecord, slices: &[SliceRow], hold: u64, n: u64) -> LedgerRow {
    let (from, to) = (at(hold + n * shape.ledger), at(hold + (n + 1) * shape.ledger));
    let mut counts = Counts::default();
    let within: Vec<&SliceRow> = slices.iter().filter(|s| s.from >= from && s.from < to).collect();
    for slice in &within {
        counts.add(&slice.counts);
    }
    let faults = run
        .faults
        .iter()
        .filter(|f| (from..to).contains(&(at(hold) + f.at)))
        .map(|f| f.id.to_string())
        .collect();
    let service = |name: &str, base: u64, step: u64| {
        let mean = base + n * step;
        ServiceRow {
            service: name.to_owned(),
            memory_min: Some(mean - base / 100),
            memory_mean: Some(mean),
            memory_max: Some(mean + base / 90),
            growth_percent: Some((n * step) as f64 / base as f64 * 100.0),
            bytes_per_request: Some(12.5),
            cpu_percent: Some(18.25),
            fds_max: Some(44),
            pids_max: Some(9),
            restarts: u64::from(name == "api" && n == 1),
        }
    };
    LedgerRow {
        number: n as u32 + 1,
        from,
        to,
        counts,
        target_rate: 50.0,
        achieved_rate: (counts.ended() - counts.not_sent) as f64 / shape.ledger as f64,
        error_rate: counts.error_rate(),
        error_rate_outside_faults: Some(0.000_04),
        latency: within[0].latency,
        lateness: within[0].lateness,
        services: vec![
            service("api", 190_000_000, 1_500_000),
            service("store", 43_000_000, 90_000),
        ],
        faults,
    }
}
