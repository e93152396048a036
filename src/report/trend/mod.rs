//! A figure over many runs: for a terminal, as a page with a picture, and for programs.

mod page;
mod picture;
mod terminal;

pub use terminal::trend_text;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::compare::{change_words, figure_words, value_words, write_all};
use super::figures::calendar;
use super::write::ReportError;
use crate::record::{Trend, TrendChange, TrendFinding, TrendPoint};

/// Version of the document's form. It grows when a field changes its meaning or goes; new fields don't count.
const SCHEMA: u32 = 1;

/// The trend for programs; `docs/compare.md` describes its fields.
pub fn trend_json(trend: &Trend) -> Value {
    let mut document = json!({ "schema": SCHEMA });
    if let (Some(fields), Ok(Value::Object(own))) =
        (document.as_object_mut(), serde_json::to_value(trend))
    {
        fields.extend(own);
    }
    document
}

/// Writes `trend.html`, `trend.svg` and `trend.json` into `dir`, which is created.
pub fn write_trend(trend: &Trend, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let files = [
        ("trend.html", page::page(trend)),
        ("trend.svg", picture::alone(trend)),
        ("trend.json", format!("{:#}\n", trend_json(trend))),
    ];
    write_all(&files, dir)
}

/// In one sentence.
fn headline(trend: &Trend) -> String {
    let figure = figure_words(&trend.figure);
    let counted = trend.points.iter().filter(|p| counts(p)).count();
    let over = format!("{figure} over {counted} runs of {}", trend.experiment);
    match &trend.finding {
        TrendFinding::TooFew { runs, needed } => {
            format!("{over}: too few runs to look for changes ({runs}, {needed} are needed)")
        }
        TrendFinding::Changes { changes, .. } => match changes.as_slice() {
            [] => format!("{over}: no change beyond the noise"),
            [one] => format!("{over}: 1 change, {}", by(trend, one)),
            [.., last] => {
                format!("{over}: {} changes, the last {}", changes.len(), by(trend, last))
            }
        },
    }
}

fn by(trend: &Trend, change: &TrendChange) -> String {
    change_words(trend.figure.metric, change.change)
}

/// What a change says: `+28% from 12.2 ms to 15.6 ms, since 20261112-…, which brought commit b2`.
fn change_text(trend: &Trend, change: &TrendChange) -> String {
    let point = &trend.points[change.at];
    let metric = trend.figure.metric;
    // What changed with runs that don't count belongs to the first that does.
    let from = trend.points[..change.at].iter().rposition(counts).map_or(0, |i| i + 1);
    let news: Vec<&str> = trend.points[from..=change.at]
        .iter()
        .flat_map(|p| &p.changed)
        .map(String::as_str)
        .collect();
    let brought = if news.is_empty() {
        ", with the same tags and versions as before".to_owned()
    } else {
        format!(", which brought {}", news.join(", "))
    };
    format!(
        "{} from {} to {}, since {} of {}{brought}",
        by(trend, change),
        value_words(metric, change.before),
        value_words(metric, change.after),
        point.run,
        calendar(point.started),
    )
}

/// Where the next run should lie.
fn expected(trend: &Trend) -> Option<String> {
    let TrendFinding::Changes { expected, .. } = &trend.finding else { return None };
    let (low, high) = (*expected)?;
    let metric = trend.figure.metric;
    Some(format!(
        "a run like those since the last change would have {} to {} (95%)",
        value_words(metric, low),
        value_words(metric, high)
    ))
}

/// Whether the run has the figure and is like the newest.
fn counts(point: &TrendPoint) -> bool {
    point.value.is_some() && point.unlike.is_empty()
}

/// Why a run does not count.
fn why_not(point: &TrendPoint) -> Option<String> {
    if let Some(first) = point.unlike.first() {
        let more = match point.unlike.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        return Some(if first.what == "outcome" {
            format!("{}{more}", side(&first.a))
        } else {
            format!("{} {}: {}{more}", first.aspect, first.what, side(&first.a))
        });
    }
    point.value.is_none().then(|| "not measured".to_owned())
}

#[cfg(test)]
mod tests;
