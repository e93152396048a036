//! `leak.json`: the investigation for programs. Every field is described in `docs/leak.md`.

use serde_json::{Value, json};

use super::facts::Facts;
use super::figures;
use super::leaks::{Case, nearest};
use crate::record::{LogExcerpt, RunData, Verdict};

/// Version of the format. It grows when a field changes its meaning or goes; new fields don't count.
pub const LEAK_SCHEMA: u32 = 1;

/// The investigation of one service, or of all, as a JSON document.
pub fn leak_document(
    data: &RunData,
    verdict: &Verdict,
    service: Option<&str>,
    logs: &[LogExcerpt],
) -> Value {
    document(&Facts::of(data, verdict).with_logs(logs), service)
}

pub(super) fn document(facts: &Facts<'_>, service: Option<&str>) -> Value {
    let run = &facts.data.run;
    json!({
        "schema": LEAK_SCHEMA,
        "run": run.id,
        "experiment": run.experiment.name,
        "started_at": figures::clock(run.anchor, facts.span.0).to_string(),
        "duration_seconds": facts.duration().as_secs_f64(),
        "provenance": run.provenance,
        "instances": Case::all(facts, service).iter().map(|case| instance(facts, case)).collect::<Vec<_>>(),
    })
}

fn instance(facts: &Facts<'_>, case: &Case<'_>) -> Value {
    json!({
        "instance": case.instance,
        "clues": case.clues,
        "gauges": case.results.iter()
            .map(|r| json!({
                "gauge": r.gauge,
                "finding": r.finding,
                "nearest_event": r.finding.change_point
                    .and_then(|change| nearest(&facts.data.events, change.at))
                    .map(|near| json!({ "at_seconds": near.at.as_secs_f64(), "text": near.what })),
            }))
            .collect::<Vec<_>>(),
        "log": case.logs,
        "lives": case.lives(&facts.data.events).iter().map(|life| json!({
            "number": life.number,
            "from_seconds": life.from.as_secs_f64(),
            "to_seconds": life.to.as_secs_f64(),
            "memory_first_bytes": life.memory.0,
            "memory_last_bytes": life.memory.1,
            "ended_by": life.ending,
        })).collect::<Vec<_>>(),
        "looks": case.looks,
        "not_captured": case.missing(),
    })
}
