//! `summary.json`: the run for programs. Every field is described in `docs/summary.md`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::facts::{Facts, StepFacts};
use super::leaks::{Case, sentence};
use super::{figures, own};
use crate::clock::Offset;
use crate::record::{
    Counts, ErrorBudget, FaultResult, LedgerRow, LimitResult, Quantiles, Recoveries, Recovery,
    RunData, Times, Verdict,
};

/// Version of the summary's format. It grows when a field changes its meaning or goes; new fields don't count.
pub const SCHEMA: u32 = 1;

/// The summary as a JSON document, as `summary.json` holds it.
pub fn summary(data: &RunData, verdict: &Verdict) -> Value {
    document(&Facts::of(data, verdict))
}

/// The summary as text.
pub(super) fn text(facts: &Facts<'_>) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&document(facts)).map(|text| text + "\n")
}

fn document(facts: &Facts<'_>) -> Value {
    let run = &facts.data.run;
    let v = facts.verdict;
    let time = |at| figures::clock(run.anchor, at).to_string();
    json!({
        "schema": SCHEMA,
        "run": {
            "id": run.id,
            "experiment": run.experiment.name,
            "tags": run.experiment.tags,
            "target": facts.target(),
            "seed": run.experiment.seed,
            "sweep": run.sweep,
            "status": run.status,
            "started_at": time(facts.span.0),
            "ended_at": time(facts.span.1),
            "duration_seconds": facts.duration().as_secs_f64(),
            "offset_zero_at": run.anchor.to_string(),
            "profile_from_seconds": facts.profile().map(|p| p.0.as_secs_f64()),
            "profile_to_seconds": facts.profile().map(|p| p.1.as_secs_f64()),
        },
        "verdict": {
            "outcome": v.outcome,
            "exit_code": v.exit_code,
            "headline": v.headline,
            "side": v.side,
            "reasons": v.reasons,
        },
        "capacity": facts.capacity().map(|(levels, found)| json!({ "found": found, "steps": levels })),
        "limits": v.limits.iter().map(limit).collect::<Vec<_>>(),
        "comparison": v.comparison.as_deref().map(super::compare::comparison_json),
        "faults": v.faults.iter().map(fault).collect::<Vec<_>>(),
        "not_healed": facts.stuck.iter().map(|(fault, reason)| json!({ "fault": fault, "reason": reason }))
            .collect::<Vec<_>>(),
        "totals": counts(&v.totals),
        "latency": quantiles(&facts.latency),
        "availability": {
            "total": v.availability.total,
            "outside_faults": v.availability.outside_faults,
            "during_faults": v.availability.during_faults,
            "recovering": v.availability.recovering,
        },
        "recoveries": v.recoveries.iter().map(recoveries).collect::<Vec<_>>(),
        "error_budget": v.error_budget.as_ref().map(error_budget),
        "steps": facts.steps.iter().map(StepFacts::json).collect::<Vec<_>>(),
        "errors": facts.errors.iter().take(100).map(|e| json!({
            "text": e.text, "step": e.step, "count": e.count,
            "first_seconds": e.first.as_secs_f64(), "last_seconds": e.last.as_secs_f64(),
        })).collect::<Vec<_>>(),
        "leaks": leaks(facts),
        "ledger": v.ledger.iter().map(ledger).collect::<Vec<_>>(),
        "longhaul": own::document(facts),
        "provenance": provenance(facts.data),
    })
}

fn leaks(facts: &Facts<'_>) -> Value {
    let cases = Case::all(facts, None);
    let gravest = cases.first().and_then(|c| c.results.first()).map(|r| r.finding.verdict);
    json!({ "verdict": gravest, "sentence": sentence(&cases).text })
}

fn seconds(at: Option<Offset>) -> Option<f64> {
    at.map(Offset::as_secs_f64)
}

pub(super) fn limit(l: &LimitResult) -> Value {
    json!({
        "name": l.name,
        "tier": l.tier,
        "bound": l.bound,
        "warn": l.warn,
        "measured": l.measured,
        "margin": l.margin,
        "bound_value": l.bound_value,
        "measured_value": l.measured_value,
        "window_from_seconds": seconds(l.window.map(|w| w.0)),
        "window_to_seconds": seconds(l.window.map(|w| w.1)),
        "note": l.note,
    })
}

fn fault(f: &FaultResult) -> Value {
    let (recovery, from_end, from_start, detail) = match &f.recovery {
        Recovery::Recovered { from_end, from_start } => {
            ("recovered", Some(from_end.as_secs_f64()), Some(from_start.as_secs_f64()), None)
        }
        Recovery::Unaffected => ("unaffected", None, None, None),
        Recovery::NotRecovered { watched } => {
            ("not_recovered", None, None, Some(format!("watched for {}", figures::span(*watched))))
        }
        Recovery::NoBaseline { reason } => ("no_baseline", None, None, Some(reason.clone())),
    };
    json!({
        "id": f.id,
        "what": f.what,
        "planned_at_seconds": seconds(f.planned_at),
        "injected_at_seconds": seconds(f.injected_at),
        "healed_at_seconds": seconds(f.healed_at),
        "verified": f.verified,
        "ending": f.ending,
        "impact": counts(&f.impact),
        "first_error_after_seconds": f.first_error.map(|d| d.as_secs_f64()),
        "worst_p99_us": f.worst_p99_us,
        "healthy_after_seconds": f.healthy_after.map(|d| d.as_secs_f64()),
        "recovery": recovery,
        "recovered_after_end_seconds": from_end,
        "recovered_after_start_seconds": from_start,
        "recovery_detail": detail,
    })
}

fn recoveries(r: &Recoveries) -> Value {
    let times = |t: Option<Times>| {
        t.map(|t| json!({ "median": t.median.as_secs_f64(), "max": t.max.as_secs_f64() }))
    };
    json!({
        "fault": r.fault,
        "injected": r.injected,
        "unaffected": r.unaffected,
        "recovered": r.recovered,
        "censored": r.censored,
        "no_baseline": r.no_baseline,
        "after_end_seconds": times(r.from_end),
        "after_start_seconds": times(r.from_start),
        "first_error_seconds": times(r.first_error),
    })
}

fn error_budget(b: &ErrorBudget) -> Value {
    json!({
        "objective": b.objective.fraction(),
        "allowed": b.allowed,
        "spent": b.spent,
        "outside_faults": b.outside_faults,
        "during_faults": b.during_faults,
        "recovering": b.recovering,
        "by_fault": b.faults.iter().map(|(id, lost)| json!({ "id": id, "spent": lost })).collect::<Vec<_>>(),
        "burn_rates": b.burn_rates,
    })
}

pub(super) fn counts(c: &Counts) -> Value {
    json!({
        "scheduled": c.scheduled, "ok": c.ok, "failed": c.failed, "timed_out": c.timed_out,
        "not_sent": c.not_sent, "error_rate": c.error_rate(),
    })
}

pub(super) fn quantiles(q: &Quantiles) -> Value {
    json!({ "count": q.count, "p50_us": q.p50, "p95_us": q.p95, "p99_us": q.p99, "max_us": q.max })
}

/// One ledger row, as the summary holds it.
pub fn ledger(r: &LedgerRow) -> Value {
    json!({
        "number": r.number,
        "from_seconds": r.from.as_secs_f64(),
        "to_seconds": r.to.as_secs_f64(),
        "counts": counts(&r.counts),
        "target_rate_per_second": r.target_rate,
        "achieved_rate_per_second": r.achieved_rate,
        "error_rate": r.error_rate,
        "error_rate_outside_faults": r.error_rate_outside_faults,
        "latency": quantiles(&r.latency),
        "lateness": quantiles(&r.lateness),
        "services": r.services.iter().map(|s| json!({
            "service": s.service,
            "memory_min_bytes": s.memory_min,
            "memory_mean_bytes": s.memory_mean,
            "memory_max_bytes": s.memory_max,
            "growth_percent": s.growth_percent,
            "bytes_per_arrival": s.bytes_per_request,
            "cpu_percent": s.cpu_percent,
            "descriptors_max": s.fds_max,
            "threads_max": s.pids_max,
            "restarts": s.restarts,
        })).collect::<Vec<_>>(),
        "faults": r.faults,
    })
}

#[derive(Serialize)]
struct Origin<'a> {
    longhaul: &'a str,
    host: &'a str,
    kernel: &'a str,
    cpu: &'a str,
    memory_bytes: u64,
    engine: Option<&'a str>,
    images: &'a BTreeMap<String, String>,
    experiment_sha256: &'a str,
}

fn provenance(data: &RunData) -> Origin<'_> {
    let p = &data.run.provenance;
    Origin {
        longhaul: &p.longhaul,
        host: &p.host,
        kernel: &p.kernel,
        cpu: &p.cpu,
        memory_bytes: p.memory,
        engine: p.engine.as_deref(),
        images: &p.images,
        experiment_sha256: &p.experiment_sha256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_summary_keeps_its_form() {
        let (data, verdict) = fixture::passed();
        insta::assert_snapshot!(text(&Facts::of(&data, &verdict)).unwrap());
    }

    /// Every field's name stands in the document that describes them, as a word in code type.
    #[test]
    fn every_field_is_documented() {
        let page = include_str!("../../docs/summary.md");
        let (data, verdict) = fixture::failed();
        let mut unknown = Vec::new();
        names(&summary(&data, &verdict), &mut |name| {
            if !page.contains(&format!("`{name}`")) {
                unknown.push(name.to_owned());
            }
        });
        assert!(unknown.is_empty(), "docs/summary.md lacks {unknown:?}");
    }

    fn names(value: &Value, tell: &mut impl FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    tell(name);
                    // These are keyed by names of the user's, and by numbers.
                    if !["tags", "images", "statuses"].contains(&name.as_str()) {
                        names(inner, tell);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|i| names(i, tell)),
            _ => {}
        }
    }
}
