//! `longhaul validate FILE...`

use std::path::Path;

use serde_json::{Value, json};

use super::args::{Common, OverrideArgs, ValidateArgs};
use super::complaint::Complaint;
use super::exit::Exit;
use super::plan;
use crate::experiment::Experiment;
use crate::run::Warning;
use crate::units::duration;

/// Checks each file and what it comes to; starts nothing.
pub(super) async fn validate(args: &ValidateArgs, common: &Common) -> Exit {
    let mut good = true;
    for file in &args.files {
        match plan::resolve(file, &OverrideArgs::default()).await {
            Ok((plans, doubtful)) if common.json => {
                let doubts = plan::doubts(&plans, &doubtful);
                say!("{}", valid(file, &plans[0].experiment, &doubts));
            }
            Ok((plans, doubtful)) if !common.quiet => {
                let experiment = &plans[0].experiment;
                say!(
                    "{}: valid: {}, {}{} of load, {} fault entries, {} limits",
                    file.display(),
                    experiment.name,
                    runs(experiment),
                    duration(experiment.load.timeline().total),
                    experiment.faults.len(),
                    limits(experiment)
                );
                for warning in &plan::doubts(&plans, &doubtful) {
                    complain!("warning: {}", warned(file, warning));
                }
            }
            Ok(_) => {}
            Err(error) => {
                good = false;
                let complaint = Complaint::of(error);
                if common.json {
                    say!("{}", invalid(file, &complaint.json()));
                } else {
                    complaint.tell(common);
                }
            }
        }
    }
    if good { Exit::Pass } else { Exit::InvalidExperiment }
}

/// How many runs a sweep has; nothing for a run alone.
fn runs(experiment: &Experiment) -> String {
    let sizes = experiment.sweep.as_ref().map(|sweep| sweep.sizes.len());
    sizes.map_or_else(String::new, |n| format!("{n} runs of "))
}

fn limits(experiment: &Experiment) -> usize {
    let of_sweep = experiment.sweep.as_ref().and_then(|sweep| sweep.efficiency);
    experiment.limits.len() + usize::from(of_sweep.is_some())
}

/// In one line, without the line of the file: a secret may stand in it.
fn warned(file: &Path, warning: &Warning) -> String {
    let place = match (warning.line, warning.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    let hint = warning.hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    format!("{}{place}: {}{hint}", file.display(), warning.message)
}

/// A line has the same keys whatever came of the file.
fn valid(file: &Path, experiment: &Experiment, doubts: &[Warning]) -> Value {
    json!({
        "type": "file", "file": file, "valid": true, "name": experiment.name,
        "error": null, "problems": [], "omitted": 0, "warnings": doubts,
    })
}

fn invalid(file: &Path, told: &Value) -> Value {
    let problems = told.get("problems").cloned().unwrap_or_else(|| json!([]));
    let omitted = told.get("omitted").cloned().unwrap_or_else(|| json!(0));
    json!({
        "type": "file", "file": file, "valid": false, "name": null,
        "error": told["error"], "problems": problems, "omitted": omitted,
        "warnings": [],
    })
}
