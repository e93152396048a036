//! A sweep on a terminal.

use std::fmt::Write as _;

use super::super::figures::{dash, outcome};
use super::super::table::{Table, cut};
use super::super::terminal::{mark, wrap};
use super::{measured_by, table, what};
use crate::record::{SweepVerdict, VerdictOutcome};

const WIDTH: usize = 100;

/// The sweep: outcome, reasons, every size, every limit; at most 100 columns but for the table of sizes, whose run ids
/// are there to be copied. `color` adds terminal colours.
pub fn sweep_text(v: &SweepVerdict, color: bool) -> String {
    let paint = |code: &str, text: &str| {
        if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let word = outcome(v.outcome).to_uppercase();
    let code = match v.outcome {
        VerdictOutcome::Passed => "1;32",
        VerdictOutcome::Warned | VerdictOutcome::Inconclusive => "1;33",
        _ => "1;31",
    };
    let headline = cut(&v.headline, WIDTH - word.len() - 2);
    let mut out = format!("{}  {headline}\n", paint(code, &word));
    for reason in &v.reasons {
        for (i, line) in wrap(reason, WIDTH - 4).iter().enumerate() {
            writeln!(out, "  {} {line}", if i == 0 { '-' } else { ' ' }).ok();
        }
    }
    write!(out, "\n{}\n{}", what(v), table(v).text(usize::MAX)).ok();
    if let Some(by) = measured_by(v) {
        writeln!(out, "  {by}").ok();
    }
    if !v.limits.is_empty() {
        let mut limits = Table::new(["", "limit", "bound", ">measured", ">margin"]);
        for l in &v.limits {
            limits.row([
                mark(l.tier).to_owned(),
                l.name.clone(),
                l.bound.clone(),
                l.measured.clone(),
                l.margin.clone().unwrap_or_else(dash),
            ]);
        }
        write!(out, "\nLimits\n{}", limits.text(WIDTH)).ok();
    }
    out
}
