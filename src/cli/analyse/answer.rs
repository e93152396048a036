//! A finding as it is printed.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::record::{GaugeUnit, LeakFinding, Range, Standing};

/// One JSON line: the same keys whatever came of the file. What is not known, and a time that never comes, is null.
pub(super) fn json(file: &Path, judged: Result<&LeakFinding, &str>) -> String {
    let finding = judged.ok();
    let slope = finding.and_then(|f| f.slope);
    json!({
        "file": file,
        "verdict": finding.map(|f| f.verdict),
        "reason": finding.map(|f| &f.reason),
        "slope_bytes_per_hour": slope.map(|s| s.value),
        "slope_low": slope.map(|s| s.low),
        "slope_high": slope.map(|s| s.high),
        "bytes_per_request": finding.and_then(|f| f.per_request),
        "hours_to_limit": finding.and_then(|f| f.to_limit),
        "change_point_s": finding.and_then(|f| f.change_point).map(|c| c.at.as_secs_f64()),
        "shape": finding.and_then(|f| f.shape.as_ref()),
        "rivals": finding.map_or(&[][..], |f| &f.rivals),
        "would_change": finding.map(|f| &f.would_change),
        "hours_needed": finding.and_then(|f| f.hours_needed),
        "basis": finding.map(|f| f.basis),
        "error": judged.err(),
    })
    .to_string()
}

/// For people. Quiet: the sentence alone.
pub(super) fn text(file: &Path, finding: &LeakFinding, quiet: bool) -> String {
    let mut out = format!("{}: {}: {}", file.display(), finding.verdict, finding.reason);
    if quiet {
        return out;
    }
    let mut line = |label: &str, text: String| {
        write!(out, "\n  {label:<12} {text}").ok();
    };
    if let Some(slope) = finding.slope {
        line("slope", ranged(finding.unit, slope));
    }
    if let Some(each) = finding.per_request {
        line("per request", finding.unit.amount(each));
    }
    if let Some(hours) = finding.to_limit {
        line("limit", hours.to_string());
    }
    if let Some(change) = finding.change_point {
        let text = format!("at {} (BIC {} lower with it)", change.at, change.gain.round());
        line("change", text);
    }
    if let Some(hours) = finding.hours_needed {
        line("needed", format!("about {} h more", crate::units::trim(hours, 1)));
    }
    line("would change", finding.would_change.clone());
    if !finding.rivals.is_empty() {
        line("rivals", format!("{:<28} {:>7}  {:<36} why", "shape", "BIC", "slope at the end"));
    }
    for rival in &finding.rivals {
        let mark = match rival.standing {
            Standing::Best => "*",
            Standing::Plausible => "+",
            Standing::Lost => " ",
        };
        let shape = match rival.parameters.as_str() {
            "" => rival.shape.clone(),
            parameters => format!("{} ({parameters})", rival.shape),
        };
        let slope = ranged(finding.unit, rival.slope);
        let delta = format!("+{}", crate::units::trim(rival.delta_bic, 1));
        line(mark, format!("{shape:<28} {delta:>7}  {slope:<36} {}", rival.why));
    }
    out
}

fn ranged(unit: GaugeUnit, range: Range) -> String {
    format!(
        "{}/h ({}/h to {}/h)",
        unit.amount(range.value),
        unit.amount(range.low),
        unit.amount(range.high)
    )
}
