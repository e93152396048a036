//! A trend on a terminal: a line of blocks, the changes, and every run.

use std::fmt::Write as _;

use super::super::compare::value_words;
use super::super::figures::{dash, outcome};
use super::super::table::{Table, cut};
use super::super::terminal::{WIDTH, paint, wrap};
use super::{change_text, counts, expected, headline, why_not};
use crate::record::{Trend, TrendFinding};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The trend in at most 100 columns. `color` adds terminal colours.
pub fn trend_text(trend: &Trend, color: bool) -> String {
    let metric = trend.figure.metric;
    let mut out = String::new();
    for (i, line) in wrap(&headline(trend), WIDTH).iter().enumerate() {
        writeln!(out, "{}", if i == 0 { paint(color, "1", line) } else { line.clone() }).ok();
    }
    let values: Vec<f64> = trend.points.iter().filter_map(|p| p.value).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low.is_finite() {
        let sparks = sparks(trend, low, high);
        let (low, high) = (value_words(metric, low), value_words(metric, high));
        writeln!(out, "\n  {}  {low} to {high}", paint(color, "36", &sparks)).ok();
    }
    let empty = Vec::new();
    let changes = match &trend.finding {
        TrendFinding::Changes { changes, .. } => changes,
        TrendFinding::TooFew { .. } => &empty,
    };
    let told = changes.iter().map(|c| change_text(trend, c)).chain(expected(trend));
    for line in told {
        for (i, part) in wrap(&line, WIDTH - 4).iter().enumerate() {
            writeln!(out, "  {} {part}", if i == 0 { '-' } else { ' ' }).ok();
        }
    }
    let mut table = Table::new(["", "run", ">figure", "outcome", "new, or why not counted"]);
    for (i, p) in trend.points.iter().enumerate() {
        let changed = changes.iter().any(|c| c.at == i);
        table.row([
            if changed { ">" } else { "" }.to_owned(),
            p.run.to_string(),
            p.value.map_or_else(dash, |v| value_words(metric, v)),
            p.outcome.map_or_else(dash, |o| outcome(o).to_owned()),
            why_not(p).unwrap_or_else(|| p.changed.join(", ")),
        ]);
    }
    write!(out, "\n{}", table.text(WIDTH)).ok();
    out
}

/// One block a run, a bar where the figure changed; the latest that fit.
fn sparks(trend: &Trend, low: f64, high: f64) -> String {
    let changed = |i: usize| match &trend.finding {
        TrendFinding::Changes { changes, .. } => changes.iter().any(|c| c.at == i),
        TrendFinding::TooFew { .. } => false,
    };
    let mut text = String::new();
    for (i, point) in trend.points.iter().enumerate() {
        if changed(i) {
            text.push('|');
        }
        let level = |v: f64| if high > low { (v - low) / (high - low) } else { 0.5 };
        text.push(match point.value {
            Some(v) if counts(point) => BLOCKS[(level(v) * 7.0).round() as usize],
            Some(_) => '×',
            None => '·',
        });
    }
    let surplus = text.chars().count().saturating_sub(60);
    cut(&text.chars().skip(surplus).collect::<String>(), 60)
}
