//! `longhaul runs`

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::{Common, RunsArgs, RunsCommand};
use super::exit::Exit;
use super::{print_json, tell_found};
use crate::experiment::System;
use crate::fault::alive;
use crate::record::{RunRecord, RunStatus};
use crate::report::{Table, ledger_text, outcome_text, span_text, summary, verdict_text};
use crate::run::recorded;
use crate::store::{Listed, Store, StoreError};
use crate::target::is_kept;

/// A run as it is listed.
struct Row {
    run: Listed,
    /// How far its records reach.
    lasted: Option<Duration>,
    /// Whether its target stays up.
    kept: bool,
    /// Whether a run under way has lost its process.
    cut_off: bool,
}

impl Row {
    /// A run that came to its end and does not say how is judged again.
    fn of(store: &Store, mut run: Listed) -> Result<Self, StoreError> {
        if run.status == Some(RunStatus::Finished)
            && run.outcome.is_none()
            && run.unreadable.is_none()
        {
            match recorded(store, &run.id) {
                Ok(record) => {
                    run.outcome = record.verdict.as_ref().map(|v| v.outcome);
                    run.headline = record.verdict.map(|v| v.headline);
                }
                Err(error) => run.unreadable = Some(format!("failed to {error}")),
            }
        }
        let dir = store.run_dir(&run.id);
        let cut_off = run.status == Some(RunStatus::Running) && !alive(&dir);
        Ok(Self { lasted: store.reach(&run.id)?, run, kept: is_kept(&dir), cut_off })
    }
}

/// Lists runs, or shows one.
pub(super) fn runs(args: &RunsArgs, common: &Common) -> anyhow::Result<Exit> {
    match args.command.as_ref().unwrap_or(&RunsCommand::Ls) {
        RunsCommand::Ls => list(common)?,
        RunsCommand::Show { run } => show(&super::recorded(common)?, run, common)?,
    }
    Ok(Exit::Pass)
}

fn list(common: &Common) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    if let Some(store) = Store::open_existing(&common.data)? {
        for run in store.list()? {
            rows.push(Row::of(&store, run)?);
        }
    }
    if common.json {
        return print_json(&rows.iter().map(document).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        say!("no runs in {}: `longhaul demo` makes one", common.data.display());
    } else {
        say!("{}", text(&rows).trim_end());
    }
    Ok(())
}

fn document(row: &Row) -> Value {
    let run = &row.run;
    json!({
        "id": run.id, "experiment": run.experiment, "started": run.started,
        "duration_seconds": row.lasted.map(|lasted| lasted.as_secs_f64()),
        "status": run.status, "outcome": run.outcome, "headline": run.headline,
        "kept": row.kept, "cut_off": row.cut_off, "unreadable": run.unreadable, "sweep": run.sweep,
    })
}

/// A line for each run, none cut off: ids are there to be copied.
fn text(rows: &[Row]) -> String {
    let mut table = Table::new(["run", "started (UTC)", ">lasted", "experiment", "outcome", ""]);
    for row in rows {
        table.row([
            row.run.id.to_string(),
            started(row.run.started),
            lasted(row.lasted),
            experiment(&row.run),
            outcome(row),
            told(row),
        ]);
    }
    table.text(usize::MAX)
}

/// Its name, and the size of a run of a sweep.
fn experiment(run: &Listed) -> String {
    let name = run.experiment.clone().unwrap_or_default();
    run.sweep.as_ref().map_or_else(|| name.clone(), |part| format!("{name}, {part}"))
}

fn started(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn lasted(lasted: Option<Duration>) -> String {
    lasted.map_or_else(|| "-".to_owned(), span_text)
}

fn outcome(row: &Row) -> String {
    let outcome = match (row.run.status, row.run.outcome) {
        _ if row.run.unreadable.is_some() => "unreadable",
        (Some(RunStatus::Running), _) if row.cut_off => "cut off",
        (Some(RunStatus::Running), _) => "running",
        (Some(RunStatus::Interrupted), _) => "interrupted",
        (Some(RunStatus::Finished), Some(outcome)) => outcome_text(outcome),
        (Some(RunStatus::Finished) | None, _) => "not judged",
    };
    if row.kept { format!("{outcome}, kept up") } else { outcome.to_owned() }
}

/// Why it can't be read, or else how it ended, or what to do about it.
fn told(row: &Row) -> String {
    let run = &row.run;
    let told = run.unreadable.as_ref().or(run.headline.as_ref());
    if row.cut_off && told.is_none() {
        return format!("its process is gone: `longhaul cleanup {}` undoes what it left", run.id);
    }
    told.and_then(|told| told.lines().next()).unwrap_or_default().to_owned()
}

fn show(store: &Store, run: &str, common: &Common) -> anyhow::Result<()> {
    let data = store.load(&store.find(run)?)?;
    let verdict = crate::verdict::judge(&data);
    if common.json {
        return print_json(&summary(&data, &verdict));
    }
    let row = Row::of(
        store,
        Listed::from(&RunRecord { verdict: Some(verdict.clone()), ..data.run.clone() }),
    )?;
    say!("{}", facts(&data.run, &row));
    say!("{}", ledger_text(&verdict.ledger));
    say!("{}", verdict_text(&verdict, super::colors::color(common, &std::io::stdout())));
    tell_found(&summary(&data, &verdict));
    Ok(())
}

/// What is fixed about a run, a line each.
fn facts(run: &RunRecord, row: &Row) -> String {
    let experiment = &run.experiment;
    let tags: Vec<String> = experiment.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let target = match &experiment.target.system {
        System::Compose(compose) => format!("compose project {}", compose.project),
        System::Process(_) => "child processes".to_owned(),
        System::External(_) => "running containers".to_owned(),
    };
    let target = if row.kept {
        format!("{target}, kept up: `longhaul cleanup {}` takes it down", run.id)
    } else {
        target
    };
    let sweep = run.sweep.as_ref().map(|part| format!("{part} of {}", part.id));
    let lines = [
        ("run", run.id.to_string()),
        ("outcome", outcome(row)),
        ("experiment", format!("{}, seed {}", experiment.name, experiment.seed)),
        ("sweep", sweep.unwrap_or_default()),
        ("tags", tags.join(" ")),
        ("started", format!("{} UTC", started(run.anchor))),
        ("lasted", lasted(row.lasted)),
        ("target", target),
        ("machine", run.provenance.host.clone()),
    ];
    lines
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name:<11} {text}\n"))
        .collect::<Vec<_>>()
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, name: &str, outcome: Option<&str>) -> RunRecord {
        let verdict = outcome.map(|outcome| {
            json!({
                "outcome": outcome, "exit_code": 0, "headline": "Every limit held.", "side": null, "reasons": [],
                "limits": [], "ledger": [], "faults": [], "totals": {
                    "scheduled": 0, "ok": 0, "failed": 0, "timed_out": 0, "not_sent": 0 },
                "availability": { "total": null, "outside_faults": null, "during_faults": null, "recovering": null },
            })
        });
        let run = serde_json::from_value(json!({
            "id": id, "anchor": "2026-11-21T02:00:00.5Z", "verdict": null, "faults": [],
            "status": if outcome.is_some() { "finished" } else { "running" },
            "provenance": { "longhaul": "", "host": "soak-1", "kernel": "", "cpu": "", "memory": 0, "engine": null,
                            "images": {}, "experiment_sha256": "" },
            "experiment": {
                "version": 1, "name": name, "description": null, "tags": { "team": "payments" }, "seed": 1,
                "variables": {}, "target": { "process": { "services": {} }, "ready": [] },
                "load": {
                    "warmup": "10s", "profile": [], "arrival": "constant", "connections": 1, "timeout": "1s",
                    "cooldown": "0s", "tls": {}, "scenarios": []
                },
                "faults": [], "overlap": "forbid", "steady_state": null, "limits": [], "abort_when": [],
                "sampling": { "interval": "1s", "ledger": null }
            }
        }));
        let mut run: RunRecord = run.unwrap();
        run.verdict = verdict.map(|v| serde_json::from_value(v).unwrap());
        run
    }

    fn row(run: &RunRecord, lasted: Option<u64>, kept: bool) -> Row {
        Row {
            run: Listed::from(run),
            lasted: lasted.map(Duration::from_secs),
            kept,
            cut_off: false,
        }
    }

    fn short() -> RunRecord {
        record("20261119-020000-short-11ff", "short", Some("inconclusive"))
    }

    fn rows() -> Vec<Row> {
        let soak = |id, outcome| record(id, "checkout-soak", outcome);
        vec![
            Row {
                cut_off: true,
                ..row(&soak("20261121-040000-checkout-soak-0a1c", None), Some(61), false)
            },
            row(&soak("20261121-020000-checkout-soak-0a1b", None), None, false),
            row(&soak("20261120-020000-checkout-soak-0a1a", Some("passed")), Some(86_423), false),
            row(&short(), Some(32), true),
        ]
    }

    #[test]
    fn runs_are_listed_in_columns_under_their_headings() {
        insta::assert_snapshot!(text(&rows()), @"
        run                                 started (UTC)         lasted  experiment     outcome
        20261121-040000-checkout-soak-0a1c  2026-11-21 02:00:00   1m 01s  checkout-soak  cut off                its process is gone: `longhaul cleanup 20261121-040000-checkout-soak-0a1c` undoes what it left
        20261121-020000-checkout-soak-0a1b  2026-11-21 02:00:00        -  checkout-soak  running
        20261120-020000-checkout-soak-0a1a  2026-11-21 02:00:00  24h 00m  checkout-soak  passed                 Every limit held.
        20261119-020000-short-11ff          2026-11-21 02:00:00     32 s  short          inconclusive, kept up  Every limit held.
        ");
    }

    #[test]
    fn a_run_is_shown_with_what_is_fixed_about_it() {
        insta::assert_snapshot!(facts(&short(), &rows()[3]), @"
        run         20261119-020000-short-11ff
        outcome     inconclusive, kept up
        experiment  short, seed 1
        tags        team=payments
        started     2026-11-21 02:00:00 UTC
        lasted      32 s
        target      child processes, kept up: `longhaul cleanup 20261119-020000-short-11ff` takes it down
        machine     soak-1
        ");
    }

    #[test]
    fn a_listed_run_says_how_long_it_took_and_whether_it_is_kept() {
        let told = document(&rows()[3]);
        assert_eq!((&told["duration_seconds"], &told["kept"]), (&json!(32.0), &json!(true)));
        assert_eq!(document(&rows()[1])["duration_seconds"], Value::Null);
        assert_eq!(document(&rows()[0])["cut_off"], true);
    }
}
