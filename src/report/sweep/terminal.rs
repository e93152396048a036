//! A sweep on a terminal.

use std::fmt::Write as _;

use super::super::opening::Opening;
use super::super::terminal::limits_text;
use super::{measured_by, table, what};
use crate::record::SweepVerdict;

/// The sweep: outcome, reasons, every size, every limit; at most 100 columns but for the table of sizes, whose run ids
/// are there to be copied. `color` adds terminal colours.
pub fn sweep_text(v: &SweepVerdict, color: bool) -> String {
    let mut out = Opening::from(v).text(color);
    write!(out, "\n{}\n{}", what(v), table(v).text(usize::MAX)).ok();
    if let Some(by) = measured_by(v) {
        writeln!(out, "  {by}").ok();
    }
    if !v.limits.is_empty() {
        write!(out, "\nLimits\n{}", limits_text(&v.limits, color)).ok();
    }
    out
}
