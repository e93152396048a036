//! What longhaul itself used: by ledger row, and how its gauges were judged.

use serde_json::{Value, json};

use super::facts::Facts;
use super::figures::{count, dash, latency};
use super::table::Table;
use crate::clock::Offset;
use crate::record::{GaugeUnit, OwnGauge, Reading, Subject};
use crate::units::{Bytes, trim};

/// longhaul itself within one ledger row. Absent where it was not read.
pub(super) struct OwnRow {
    number: u32,
    from: Offset,
    memory_mean: Option<u64>,
    memory_max: Option<u64>,
    descriptors_max: Option<u64>,
    threads_max: Option<u64>,
    /// Percent of one core.
    cpu: Option<f64>,
    lateness_p99: Option<u64>,
}

/// A row for each of the ledger's.
pub(super) fn rows(facts: &Facts<'_>) -> Vec<OwnRow> {
    let series = facts.data.series.iter().find(|s| s.subject == Subject::Longhaul);
    let points = series.map_or(&[][..], |s| &s.points);
    let ledger = &facts.verdict.ledger;
    let row = |row: &crate::record::LedgerRow| {
        let first = points.partition_point(|p| p.0 < row.from);
        let mine = &points[first..points.partition_point(|p| p.0 < row.to)];
        let all =
            |figure: fn(&Reading) -> Option<u64>| mine.iter().filter_map(move |p| figure(&p.2));
        let memory: Vec<u64> = all(|r| r.anon).collect();
        let mean = memory.iter().sum::<u64>().checked_div(memory.len() as u64);
        let mut used = mine.iter().filter_map(|p| Some((p.0, p.2.cpu_us?)));
        let cpu = used.clone().next().zip(used.next_back()).and_then(|(a, b)| {
            let time = b.0.since(a.0).as_secs_f64();
            (time > 0.0).then(|| (b.1.saturating_sub(a.1)) as f64 / time / 1e4)
        });
        OwnRow {
            number: row.number,
            from: row.from,
            memory_mean: mean,
            memory_max: memory.iter().max().copied(),
            descriptors_max: all(|r| r.fds).max(),
            threads_max: all(|r| r.pids).max(),
            cpu,
            lateness_p99: (row.lateness.count > 0).then_some(row.lateness.p99),
        }
    };
    ledger.iter().map(row).collect()
}

/// By ledger row.
pub(super) fn table(facts: &Facts<'_>) -> Table {
    let mut table = Table::new([
        ">#",
        "From",
        ">Memory, mean",
        ">Memory, max",
        ">Descriptors",
        ">Threads",
        ">CPU %",
        ">Sent late p99",
    ]);
    let bytes = |b: Option<u64>| b.map_or_else(dash, |b| Bytes(b).human());
    for r in rows(facts) {
        table.row([
            r.number.to_string(),
            r.from.to_string(),
            bytes(r.memory_mean),
            bytes(r.memory_max),
            r.descriptors_max.map_or_else(dash, count),
            r.threads_max.map_or_else(dash, count),
            r.cpu.map_or_else(dash, |cpu| trim(cpu, 1)),
            r.lateness_p99.map_or_else(dash, latency),
        ]);
    }
    table
}

/// How its gauges were judged.
pub(super) fn verdicts(facts: &Facts<'_>) -> Table {
    let mut table = Table::new(["Gauge", "Verdict", ">Growth per hour", "Reason"]);
    for own in &facts.verdict.own {
        table.row([
            own.gauge.to_string(),
            own.finding.verdict.to_string(),
            growth(own),
            own.finding.reason.clone(),
        ]);
    }
    table
}

/// `0.2 MiB (-0.1 MiB to 0.4 MiB)`.
fn growth(own: &OwnGauge) -> String {
    let amount = |value| GaugeUnit::amount(own.finding.unit, value);
    own.finding.slope.map_or_else(dash, |slope| {
        format!("{} ({} to {})", amount(slope.value), amount(slope.low), amount(slope.high))
    })
}

/// The same for programs.
pub(super) fn document(facts: &Facts<'_>) -> Value {
    let gauge = |own: &OwnGauge| {
        json!({
            "gauge": own.gauge.to_string(),
            "verdict": own.finding.verdict,
            "reason": own.finding.reason,
            "growth_per_hour": own.finding.slope.map(|s| s.value),
            "growth_per_hour_low": own.finding.slope.map(|s| s.low),
            "growth_per_hour_high": own.finding.slope.map(|s| s.high),
        })
    };
    let row = |r: OwnRow| {
        json!({
            "number": r.number,
            "from_seconds": r.from.as_secs_f64(),
            "memory_mean_bytes": r.memory_mean,
            "memory_max_bytes": r.memory_max,
            "descriptors_max": r.descriptors_max,
            "threads_max": r.threads_max,
            "cpu_percent": r.cpu,
        })
    };
    json!({
        "rows": rows(facts).into_iter().map(row).collect::<Vec<_>>(),
        "gauges": facts.verdict.own.iter().map(gauge).collect::<Vec<_>>(),
    })
}
