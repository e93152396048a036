//! `longhaul baseline`

use super::args::{BaselineArgs, BaselineCommand, Common};
use super::comparing::named;
use super::complaint::Complaint;
use super::exit::Exit;
use super::print_json;
use crate::record::{Digest, VerdictOutcome};
use crate::store::{Baselines, Store, baseline_text};

/// Writes, lists, removes and prints baselines.
pub(super) fn baseline(args: &BaselineArgs, common: &Common) -> anyhow::Result<Exit> {
    let baselines = Baselines::of(&args.baselines);
    match &args.command {
        BaselineCommand::Set { name, run } => {
            let store = Store::open(&common.data)?;
            let found = named(run, &store, &baselines)?;
            if let Some(outcome @ (VerdictOutcome::Errored | VerdictOutcome::Aborted)) =
                found.digest.outcome
            {
                let text = format!(
                    "run {} {} before its end: it can't be a baseline",
                    found.digest.run,
                    if outcome == VerdictOutcome::Aborted { "was stopped" } else { "broke off" }
                );
                return Err(Complaint::new(Exit::Verdict(11), text).into());
            }
            let before = baselines.get(name).ok();
            let path = baselines.set(name, &found.digest)?;
            if common.json {
                print_json(&entry(name.as_str(), &found.digest))?;
            } else {
                say!("{}: run {}", path.display(), found.digest.run);
                if let Some(before) = before.filter(|b| b.run != found.digest.run) {
                    say!("  in place of run {}", before.run);
                }
            }
            if found.digest.outcome == Some(VerdictOutcome::Inconclusive) && !common.quiet {
                complain!(
                    "note: this run was inconclusive; comparing with it needs `--accept outcome`"
                );
            }
        }
        BaselineCommand::Ls => list(&baselines, common)?,
        BaselineCommand::Rm { name } => {
            baselines.remove(name)?;
            if !common.quiet && !common.json {
                say!("removed {}", baselines.path(name).display());
            }
        }
        BaselineCommand::Export { run } => {
            let store = Store::open(&common.data)?;
            let found = named(run, &store, &baselines)?;
            say!("{}", baseline_text(&found.digest)?.trim_end());
        }
    }
    Ok(Exit::Pass)
}

fn list(baselines: &Baselines, common: &Common) -> anyhow::Result<()> {
    let names = baselines.names()?;
    let mut entries = Vec::new();
    for name in &names {
        match baselines.get(name) {
            Ok(digest) if common.json => entries.push(entry(name.as_str(), &digest)),
            Ok(digest) => {
                say!("{name:<28} {:<44} {}", digest.run, digest.started);
            }
            Err(error) => complain!("error: failed to {error}"),
        }
    }
    if common.json {
        return print_json(&entries);
    }
    if names.is_empty() {
        say!("no baselines yet: `longhaul baseline set NAME RUN` makes one");
    }
    Ok(())
}

fn entry(name: &str, digest: &Digest) -> serde_json::Value {
    serde_json::json!({
        "name": name, "run": digest.run, "experiment": digest.experiment, "started": digest.started,
        "outcome": digest.outcome, "tags": digest.tags, "versions": digest.versions,
    })
}
