//! A sweep: rates and efficiencies of all sizes, for a terminal, as a page with a picture, for tickets, CI servers and
//! programs.

mod junit;
mod markdown;
mod page;
mod picture;
mod terminal;

pub use terminal::sweep_text;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::figures::{calendar, dash, outcome, percent, rate};
use super::summary;
use super::table::Table;
use super::write::{Format, ReportError, replace};
use crate::record::{Estimate, SweepRun, SweepVerdict};

/// Version of the document's form. It grows when a field changes its meaning or goes; new fields don't count.
const SCHEMA: u32 = 1;

/// The sweep for programs; `docs/summary.md` describes its fields.
pub fn sweep_summary(v: &SweepVerdict) -> Value {
    let single = single(v);
    let run = |run: &SweepRun| {
        let rate = run.rate.as_ref();
        json!({
            "size": run.size,
            "run": run.run,
            "outcome": run.judged.as_ref().map(|j| j.0),
            "exit_code": run.judged.as_ref().map(|j| j.1),
            "headline": run.judged.as_ref().map(|j| &j.2),
            "rate_per_second": rate.map(|r| r.rate.value()),
            "rate_is": rate.map(|r| is(r.rate)),
            "measured_by": rate.map(|r| r.source),
            "rate_note": rate.map(|r| &r.note),
            "ideal_rate_per_second": single.map(|one| one * f64::from(run.size)),
            "efficiency": run.efficiency.map(Estimate::value),
            "efficiency_is": run.efficiency.map(is),
            "why_not": run.why_not,
        })
    };
    json!({
        "schema": SCHEMA,
        "sweep": v.id,
        "experiment": v.experiment,
        "started_at": v.started.to_string(),
        "service": v.sweep.service,
        "sizes": v.sweep.sizes,
        "verdict": {
            "outcome": v.outcome,
            "exit_code": v.exit_code,
            "headline": v.headline,
            "reasons": v.reasons,
        },
        "limits": v.limits.iter().map(summary::limit).collect::<Vec<_>>(),
        "runs": v.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

/// Writes the reports of a sweep into `dir`, which is created, and returns their paths in the order asked for. Each file
/// appears whole or not at all; one that is there already is replaced.
pub fn write_sweep(
    v: &SweepVerdict,
    dir: &Path,
    formats: &[Format],
) -> Result<Vec<PathBuf>, ReportError> {
    std::fs::create_dir_all(dir)
        .map_err(|source| ReportError::Write { path: dir.to_owned(), source })?;
    let write = |format: &Format| {
        let text = match format {
            Format::Html => page::page(v),
            Format::Markdown => markdown::report(v),
            Format::Json => format!("{:#}\n", sweep_summary(v)),
            Format::Junit => junit::text(v).map_err(|e| ReportError::Draw {
                file: format.file_name(),
                reason: e.to_string(),
            })?,
        };
        let path = dir.join(format.file_name());
        replace(&path, &text)
            .map_err(|source| ReportError::Write { path: path.clone(), source })?;
        Ok(path)
    };
    formats.iter().map(write).collect()
}

/// What one instance alone carried, arrivals per second; `None` when that is not known.
fn single(v: &SweepVerdict) -> Option<f64> {
    let one = v.runs.iter().find(|run| run.size == 1)?;
    match one.rate.as_ref()?.rate {
        Estimate::Exactly(rate) if rate > 0.0 => Some(rate),
        _ => None,
    }
}

/// The side of a figure that is known, for programs.
fn is(estimate: Estimate) -> &'static str {
    match estimate {
        Estimate::Exactly(_) => "exactly",
        Estimate::AtLeast(_) => "at_least",
        Estimate::AtMost(_) => "at_most",
    }
}

/// A rate as people read it.
fn rate_text(estimate: Estimate) -> String {
    format!("{}{}", estimate.words(), rate(estimate.value()))
}

/// An efficiency as people read it.
fn share_text(estimate: Estimate) -> String {
    format!("{}{}", estimate.words(), percent(estimate.value()))
}

/// What all rates were measured by; `None` without any.
fn measured_by(v: &SweepVerdict) -> Option<String> {
    let source = v.runs.iter().find_map(|run| Some(run.rate.as_ref()?.source))?;
    Some(format!("Rates are {}.", source.words()))
}

/// What the sweep was, in a sentence.
fn what(v: &SweepVerdict) -> String {
    let sizes: Vec<String> = v.sweep.sizes.iter().map(ToString::to_string).collect();
    format!(
        "Sweep {} over {} x {}, started {}",
        v.id,
        v.sweep.service,
        sizes.join(", "),
        calendar(v.started)
    )
}

/// Every size in a row.
fn table(v: &SweepVerdict) -> Table {
    let single = single(v);
    let mut table =
        Table::new([">Size", ">Rate", ">Ideal", ">Efficiency", "Outcome", "Run", "Note"]);
    for run in &v.runs {
        let note = run.why_not.clone().or_else(|| run.rate.as_ref().map(|rate| rate.note.clone()));
        table.row([
            run.size.to_string(),
            run.rate.as_ref().map_or_else(dash, |r| rate_text(r.rate)),
            single.map_or_else(dash, |one| rate(one * f64::from(run.size))),
            run.efficiency.map_or_else(dash, share_text),
            run.judged.as_ref().map_or_else(dash, |j| outcome(j.0).to_owned()),
            run.run.as_ref().map_or_else(dash, ToString::to_string),
            note.unwrap_or_default(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests;
