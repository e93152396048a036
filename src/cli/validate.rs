//! `longhaul validate FILE...`

use std::path::Path;

use serde_json::{Value, json};

use super::args::{Common, ValidateArgs};
use super::complaint::Complaint;
use super::exit::Exit;
use crate::experiment::{self, Experiment};
use crate::units::duration;

/// Checks each file; starts nothing.
pub(super) fn validate(args: &ValidateArgs, common: &Common) -> Exit {
    let mut good = true;
    for file in &args.files {
        match experiment::load(file) {
            Ok(experiment) if common.json => say!("{}", valid(file, &experiment)),
            Ok(experiment) if !common.quiet => say!(
                "{}: valid: {}, {} of load, {} fault entries, {} limits",
                file.display(),
                experiment.name,
                duration(experiment.load.timeline().total),
                experiment.faults.len(),
                experiment.limits.len()
            ),
            Ok(_) => {}
            Err(error) => {
                good = false;
                let complaint = Complaint::from(error);
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

/// A line has the same keys whatever came of the file.
fn valid(file: &Path, experiment: &Experiment) -> Value {
    json!({
        "type": "file", "file": file, "valid": true, "name": experiment.name,
        "error": null, "problems": [], "omitted": 0,
    })
}

fn invalid(file: &Path, told: &Value) -> Value {
    let problems = told.get("problems").cloned().unwrap_or_else(|| json!([]));
    let omitted = told.get("omitted").cloned().unwrap_or_else(|| json!(0));
    json!({
        "type": "file", "file": file, "valid": false, "name": null,
        "error": told["error"], "problems": problems, "omitted": omitted,
    })
}
