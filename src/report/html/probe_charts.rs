//! Charts of what the target told of itself.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::chart::{Chart, Line, Look, Unit};
use super::super::facts::Facts;
use crate::clock::Offset;
use crate::experiment::{Polled, PolledValue};
use crate::record::{Subject, probe_series};

/// One chart for each probe: its number, or without one the time its answers took.
pub(super) fn all(facts: &Facts<'_>) -> Vec<Chart> {
    let probes = facts.data.run.experiment.probes.iter().enumerate();
    probes.filter_map(|(n, probe)| chart(facts, n, probe)).collect()
}

fn chart(facts: &Facts<'_>, n: usize, probe: &Polled) -> Option<Chart> {
    let (series, unit, per) = match probe.reads {
        PolledValue::Nothing => (probe_series::SECONDS, Unit::Latency, 1e6),
        PolledValue::Json(_) | PolledValue::Metric(_) => (probe_series::VALUE, Unit::Count, 1.0),
    };
    let of = |name: &str| {
        let own = |s: &&crate::record::ScrapedSeries| {
            s.name == name && s.subject == Subject::Probe(probe.name.clone())
        };
        facts.data.scraped.iter().find(own).map_or(&[][..], |series| &series.points)
    };
    let failed: BTreeSet<Offset> =
        of(probe_series::FAILED).iter().filter(|p| p.1 > 0.0).map(|p| p.0).collect();
    let answered = of(series).iter().filter(|p| !failed.contains(&p.0));
    let points: Vec<_> = answered.map(|(at, value)| (*at, value * per)).collect();
    let last = points.last()?.1;
    let highest = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let failed = failed.len();
    let failed = if failed > 0 { format!(", {failed} without an answer") } else { String::new() };
    let hole = probe.every.mul_f64(2.5) + probe.timeout + Duration::from_millis(500);
    Some(Chart {
        id: format!("chart-probe-{n}"),
        title: probe.name.clone(),
        note: format!("highest {}, last {}{failed}", unit.text(highest), unit.text(last)),
        unit,
        lines: vec![Line { name: String::new(), look: Look::Series(0, 0), points, hole }],
        bars: None,
        bound: None,
        marks: Vec::new(),
        size: (548.0, 220.0),
    })
}
