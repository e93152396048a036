//! What a comparison says, in words: the same in every format.

use std::collections::{BTreeMap, BTreeSet};

use super::super::figures::{calendar, count, dash, latency, outcome, percent, rate};
use super::super::table::Table;
use crate::record::{
    Aspect, Change, ComparedRun, Comparison, Difference, Figure, Finding, Line, Metric, Tier,
};
use crate::units::{Bytes, trim};

/// A value of a metric with its unit.
pub(in crate::report) fn value(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Mean | Metric::P50 | Metric::P95 | Metric::P99 => latency(value.round() as u64),
        Metric::Throughput => rate(value),
        Metric::ErrorRate => percent(value),
        Metric::Memory => Bytes(value as u64).human(),
        Metric::Cpu => format!("{}%", trim(value, 1)),
        Metric::Descriptors | Metric::Threads => count(value.round() as u64),
    }
}

/// A change with its sign: `+31%`, `-0.2 pt`.
pub(in crate::report) fn change(metric: Metric, change: f64) -> String {
    let (digits, unit) = if metric.by_difference() { (2, " pt") } else { (1, "%") };
    let text = trim(change * 100.0, digits);
    let text = if text == "-0" { "0".to_owned() } else { text };
    format!("{}{text}{unit}", if text.starts_with('-') { "" } else { "+" })
}

/// The lines of a metric: `+15/+25%`.
pub(super) fn lines(metric: Metric, line: &Line) -> String {
    let sign = if metric.more_is_better() { "-" } else { "+" };
    let unit = if metric.by_difference() { " pt" } else { "%" };
    let text = |at: crate::units::Percent| format!("{sign}{}", trim(at.get(), 3));
    format!("{}/{}{unit}", text(line.warn), text(line.fail))
}

/// The bounds of a change: `+25.2% to +38.2%`.
pub(super) fn bounds(metric: Metric, x: &Change) -> String {
    format!("{} to {}", change(metric, x.low), change(metric, x.high))
}

/// A figure as a reader looks for it: `p95 browse/GET /items/{}`, `memory api`, `mean of all steps`.
pub(in crate::report) fn figure(figure: &Figure) -> String {
    match &figure.of {
        Some(of) => format!("{} {of}", figure.metric),
        None => format!("{} of all steps", figure.metric),
    }
}

/// In one sentence.
pub(super) fn headline(c: &Comparison) -> String {
    let list = |tier: Tier| -> Vec<&Finding> { c.of_tier(tier).collect() };
    let words = |found: &[&Finding]| {
        let first = found.first().map_or_else(String::new, |f| {
            let by = f.change.map_or_else(dash, |x| change(f.figure.metric, x.change));
            format!("{} {by}", figure(&f.figure))
        });
        if found.len() > 1 { format!("{first}, and {} more", found.len() - 1) } else { first }
    };
    match c.tier() {
        Tier::Fail => format!("regressed: {}", words(&list(Tier::Fail))),
        Tier::Warn => {
            format!("worse, within the fail lines: {}", words(&list(Tier::Warn)))
        }
        Tier::Unknown if c.refused.iter().any(|d| d.aspect != Aspect::Outcome) => {
            "not compared: the runs are unlike".to_owned()
        }
        Tier::Unknown if !c.refused.is_empty() => {
            "not compared: a run's figures carry no verdict of their own".to_owned()
        }
        Tier::Unknown => "not compared: too few undisturbed windows in either run".to_owned(),
        Tier::Pass => {
            let better: Vec<&Finding> = c.findings.iter().filter(|f| f.better).collect();
            if better.is_empty() {
                let compared = c.findings.iter().filter(|f| f.change.is_some()).count();
                format!("no regression in {compared} figures")
            } else {
                format!("no regression; better: {}", words(&better))
            }
        }
    }
}

/// A tier in one word; what became better says so.
pub(super) fn tier(finding: &Finding) -> &'static str {
    match finding.tier {
        Tier::Pass if finding.better => "better",
        Tier::Pass => "ok",
        other => super::super::figures::tier(other),
    }
}

/// Which run it is: `20261121-020000-x-0a1b of 2026-11-21 02:00:00 UTC, passed, longhaul 0.1.0`.
pub(super) fn run(run: &ComparedRun) -> String {
    let judged = run.outcome.map(|o| format!(", {}", outcome(o))).unwrap_or_default();
    let id = if run.name == run.run.as_str() { String::new() } else { format!(" = {}", run.run) };
    format!("{}{id} of {}{judged}", run.name, calendar(run.started))
}

/// What is another in tags, images and longhaul: `tag commit: a1 -> b2`.
pub(super) fn versions(c: &Comparison) -> Vec<String> {
    let mut all = changes("tag ", &c.a.tags, &c.b.tags);
    all.extend(changes("", &c.a.versions, &c.b.versions));
    if c.a.longhaul != c.b.longhaul {
        all.push(format!("longhaul: {} -> {}", c.a.longhaul, c.b.longhaul));
    }
    if c.a.experiment != c.b.experiment {
        all.push(format!("experiment: {} -> {}", c.a.experiment, c.b.experiment));
    }
    all
}

fn changes(kind: &str, a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let text = |side: Option<&String>| side.cloned().unwrap_or_else(|| "none".to_owned());
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| format!("{kind}{name}: {} -> {}", text(a.get(name)), text(b.get(name))))
        .collect()
}

/// `load profile: hold 50/s in a, hold 60/s in b`.
pub fn difference_text(d: &Difference) -> String {
    let side = |text: &Option<String>, name| text.as_ref().map(|text| format!("{text} in {name}"));
    let both: Vec<String> = side(&d.a, "a").into_iter().chain(side(&d.b, "b")).collect();
    let lone = match (&d.a, &d.b) {
        (Some(_), None) if d.what != "outcome" => ", not in b",
        (None, Some(_)) if d.what != "outcome" => ", not in a",
        _ => "",
    };
    let what = if d.aspect.name() == d.what { String::new() } else { format!(" {}", d.what) };
    format!("{}{what}: {}{lone}", d.aspect, both.join(", "))
}

/// How to compare runs all the same that are unlike in this, or why there is no honest way.
pub fn ways_out(refused: &[Difference]) -> Vec<String> {
    let aspects: BTreeSet<_> = refused.iter().map(|d| d.aspect).collect();
    if let Some(firm) = aspects.iter().find(|a| a.accepted_means().is_none()) {
        return vec![format!(
            "a different {firm} can't be accepted: make a run of the other under the same load and compare that"
        )];
    }
    if refused.iter().any(|d| d.what == "window") {
        return vec![
            "their windows differ, and a baseline's can't be cut anew: make a baseline from a run of this length"
                .to_owned(),
        ];
    }
    let mut ways: Vec<String> = aspects
        .iter()
        .filter_map(|a| Some(format!("with `--accept {a}` {}", a.accepted_means()?)))
        .collect();
    if aspects.len() > 1 {
        let names: Vec<&str> = aspects.iter().map(|a| a.name()).collect();
        ways.push(format!("all at once: `--accept {}`", names.join(",")));
    }
    ways
}

/// What the bounds allow for.
pub(super) fn allowance(c: &Comparison) -> String {
    match c.spread_runs {
        Some(n) => format!("The bounds allow for how much {n} runs of one version differed."),
        None => "The bounds allow for an assumed 3% between equal runs; from five runs of one version on it is \
                 measured."
            .to_owned(),
    }
}

/// Every figure in a table.
pub(super) fn table(c: &Comparison) -> Table {
    let mut table = Table::new(["", "figure", ">a", ">b", ">change", ">98% interval", ">lines"]);
    for f in &c.findings {
        let metric = f.figure.metric;
        let cell = |text: &dyn Fn(&Change) -> String| f.change.as_ref().map_or_else(dash, text);
        table.row([
            tier(f).to_owned(),
            figure(&f.figure),
            cell(&|x| value(metric, x.a)),
            cell(&|x| value(metric, x.b)),
            cell(&|x| change(metric, x.change)),
            cell(&|x| bounds(metric, x)),
            lines(metric, &f.line),
        ]);
    }
    table
}

/// Why figures were not compared, each reason once.
pub(super) fn gaps(c: &Comparison) -> Vec<String> {
    let mut by_note: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for f in &c.findings {
        if let Some(note) = &f.note {
            by_note.entry(note).or_default().push(figure(&f.figure));
        }
    }
    by_note
        .into_iter()
        .map(|(note, figures)| format!("not compared: {}: {note}", figures.join(", ")))
        .collect()
}
