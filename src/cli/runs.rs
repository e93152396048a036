//! `longhaul runs`

use super::args::{Common, RunsArgs, RunsCommand};
use super::exit::Exit;
use super::{print_json, recorded};
use crate::record::{RunRecord, RunStatus};
use crate::report::{ledger_text, summary, verdict_text};
use crate::store::Store;

/// Lists runs, or shows one.
pub(super) fn runs(args: &RunsArgs, common: &Common) -> anyhow::Result<Exit> {
    match args.command.as_ref().unwrap_or(&RunsCommand::Ls) {
        RunsCommand::Ls => {
            let store = Store::open_existing(&common.data)?;
            list(&store.map_or(Ok(Vec::new()), |store| store.runs())?, common)?;
        }
        RunsCommand::Show { run } => show(&recorded(common)?, run, common)?,
    }
    Ok(Exit::Pass)
}

fn list(runs: &[RunRecord], common: &Common) -> anyhow::Result<()> {
    if common.json {
        let rows: Vec<_> = runs
            .iter()
            .map(|run| {
                serde_json::json!({
                    "id": run.id, "experiment": run.experiment.name, "started": run.anchor,
                    "status": run.status, "outcome": run.verdict.as_ref().map(|v| v.outcome),
                    "headline": run.verdict.as_ref().map(|v| &v.headline),
                })
            })
            .collect();
        return print_json(&rows);
    }
    if runs.is_empty() {
        say!("no runs in {}: `longhaul demo` makes one", common.data.display());
    }
    for run in runs {
        say!("{:<44} {:<14} {}", run.id, outcome(run), headline(run));
    }
    Ok(())
}

fn outcome(run: &RunRecord) -> String {
    match (run.status, &run.verdict) {
        (RunStatus::Running, _) => "running".to_owned(),
        (RunStatus::Interrupted, _) => "interrupted".to_owned(),
        (RunStatus::Finished, Some(v)) => format!("{:?}", v.outcome).to_lowercase(),
        (RunStatus::Finished, None) => "not judged".to_owned(),
    }
}

fn headline(run: &RunRecord) -> &str {
    run.verdict.as_ref().map_or("", |v| v.headline.as_str())
}

fn show(store: &Store, run: &str, common: &Common) -> anyhow::Result<()> {
    let data = store.load(&store.find(run)?)?;
    let verdict = crate::verdict::judge(&data);
    if common.json {
        return print_json(&summary(&data, &verdict));
    }
    say!("{}   {}\n", data.run.id, data.run.anchor);
    say!("{}", ledger_text(&verdict.ledger));
    say!("{}", verdict_text(&verdict, super::colors::color(common, &std::io::stdout())));
    Ok(())
}
