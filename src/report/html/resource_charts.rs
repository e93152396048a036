//! Charts of memory and CPU.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::chart::{Chart, Line, Look, Points, Unit};
use super::super::facts::Facts;
use super::super::figures::growth;
use crate::clock::Offset;
use crate::record::{Series, Subject};
use crate::units::Bytes;

/// One chart per service with a line per instance, then the host and longhaul.
pub(super) fn memory(facts: &Facts<'_>) -> Vec<Chart> {
    let mut groups: BTreeMap<(u8, String), Vec<&Series>> = BTreeMap::new();
    for series in &facts.data.series {
        let key = match &series.subject {
            Subject::Instance { service, .. } => (0, service.clone()),
            Subject::Host => (1, "host".to_owned()),
            Subject::Longhaul => (2, "longhaul".to_owned()),
            Subject::Probe(_) => continue,
        };
        groups.entry(key).or_default().push(series);
    }
    let hole = hole(facts);
    groups
        .into_iter()
        .enumerate()
        .filter_map(|(n, ((kind, name), series))| {
            let lines: Vec<Line> =
                series.iter().enumerate().filter_map(|(i, s)| anon(s, i, hole)).collect();
            if lines.is_empty() {
                return None;
            }
            let limit = series.iter().flat_map(|s| &s.points).filter_map(|p| p.2.limit).max();
            let bound = limit.map(|b| {
                let what = if kind == 1 { "total" } else { "limit" };
                (b as f64, format!("{what} {}", Bytes(b).human()))
            });
            Some(Chart {
                id: format!("chart-memory-{n}"),
                note: memory_note(facts, &name, &lines),
                title: name,
                unit: Unit::Bytes,
                lines,
                bars: None,
                bound,
                marks: series.iter().flat_map(|s| restarts(s)).collect(),
                size: (548.0, 220.0),
            })
        })
        .collect()
}

fn anon(series: &Series, index: usize, hole: Duration) -> Option<Line> {
    let points: Points =
        series.points.iter().filter_map(|p| Some((p.0, p.2.anon? as f64))).collect();
    let name = match &series.subject {
        Subject::Instance { ordinal, .. } => format!("#{ordinal}"),
        _ => String::new(),
    };
    (!points.is_empty()).then_some(Line {
        name,
        look: Look::Series(palette(index), index / 6),
        points,
        hole,
    })
}

fn memory_note(facts: &Facts<'_>, service: &str, lines: &[Line]) -> String {
    let highest = lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(0.0, f64::max);
    let grown = facts.verdict.ledger.last().and_then(|row| {
        row.services.iter().find(|s| s.service == service).and_then(|s| s.growth_percent)
    });
    let grown = grown.map_or_else(String::new, |g| format!(", growth {}", growth(g)));
    format!("highest {}{grown}", Bytes(highest as u64).human())
}

/// Where a new life of the process begins.
fn restarts(series: &Series) -> Vec<(Offset, String)> {
    series
        .points
        .windows(2)
        .filter(|pair| pair[1].1 != pair[0].1)
        .map(|pair| (pair[1].0, format!("{} restarted", series.subject)))
        .collect()
}

/// CPU per service, all instances together, with the host and longhaul.
pub(super) fn cpu(facts: &Facts<'_>) -> Option<Chart> {
    let hole = hole(facts);
    let grid = facts.data.run.experiment.sampling.interval.max(Duration::from_millis(100));
    let mut services: BTreeMap<(u8, String), BTreeMap<u64, f64>> = BTreeMap::new();
    for series in &facts.data.series {
        let key = match &series.subject {
            Subject::Instance { service, .. } => (0, service.clone()),
            Subject::Host => (1, "host".to_owned()),
            Subject::Longhaul => (2, "longhaul".to_owned()),
            Subject::Probe(_) => continue,
        };
        let sums = services.entry(key).or_default();
        for (at, percent) in busy(series, hole) {
            let tick = u128::from(at.as_micros()) / grid.as_micros();
            *sums.entry(tick as u64).or_default() += percent;
        }
    }
    let lines: Vec<Line> = services
        .into_iter()
        .filter(|(_, sums)| !sums.is_empty())
        .enumerate()
        .map(|(i, ((kind, name), sums))| Line {
            name,
            look: match kind {
                0 => Look::Series(palette(i), i / 6),
                1 => Look::Series(7, 2),
                _ => Look::Series(7, 3),
            },
            points: sums
                .into_iter()
                .map(|(tick, sum)| (Offset::ZERO + grid * tick as u32, sum))
                .collect(),
            hole,
        })
        .collect();
    (!lines.is_empty()).then(|| Chart {
        id: "chart-cpu".to_owned(),
        title: "CPU".to_owned(),
        note: "percent of one core, all instances of a service together".to_owned(),
        unit: Unit::Cpu,
        lines,
        bars: None,
        bound: None,
        marks: Vec::new(),
        size: (1120.0, 240.0),
    })
}

/// Percent of one core between neighbouring readings of one life.
fn busy(series: &Series, hole: Duration) -> Points {
    series
        .points
        .windows(2)
        .filter_map(|pair| {
            let ((from, life, before), (to, same, after)) = (&pair[0], &pair[1]);
            let elapsed = to.since(*from);
            let used = after.cpu_us?.checked_sub(before.cpu_us?)?;
            (life == same && elapsed > Duration::ZERO && elapsed <= hole)
                .then(|| (*to, used as f64 / elapsed.as_micros() as f64 * 100.0))
        })
        .collect()
}

/// The six colours for series; the last two are kept for other uses.
fn palette(index: usize) -> usize {
    index % 6
}

fn hole(facts: &Facts<'_>) -> Duration {
    facts.data.run.experiment.sampling.interval.mul_f64(2.5) + Duration::from_millis(500)
}
