//! `report.md` of a sweep.

use super::super::figures::outcome;
use super::super::markdown::limits_table;
use super::super::table::escape;
use super::{measured_by, table, what};
use crate::record::SweepVerdict;

/// The report.
pub(super) fn report(v: &SweepVerdict) -> String {
    let word = outcome(v.outcome).to_uppercase();
    let mut parts = vec![
        format!("# {}: {word}\n", escape(&v.experiment)),
        format!("**{}**\n", escape(&v.headline)),
    ];
    let reasons: Vec<String> = v.reasons.iter().map(|r| format!("- {}\n", escape(r))).collect();
    if !reasons.is_empty() {
        parts.push(reasons.concat());
    }
    parts.push(format!("{}, exit code {}.\n", escape(&what(v)), v.exit_code));
    parts.push(format!("## Sizes\n\n{}", table(v).markdown()));
    parts.extend(measured_by(v).map(|by| by + "\n"));
    if !v.limits.is_empty() {
        parts.push(format!("## Limits\n\n{}", limits_table(&v.limits).markdown()));
    }
    parts.join("\n")
}
