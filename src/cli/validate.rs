//! `longhaul validate FILE...`

use super::args::{Common, OverrideArgs, ValidateArgs};
use super::exit::Exit;
use super::problems;
use crate::units::duration;

/// Checks each file; starts nothing.
pub(super) fn validate(args: &ValidateArgs, common: &Common) -> Exit {
    let mut good = true;
    for file in &args.files {
        let Ok(experiment) = problems::load(file, &OverrideArgs::default(), common) else {
            good = false;
            continue;
        };
        if common.json {
            say!("{}", serde_json::json!({ "file": file, "valid": true, "name": experiment.name }));
        } else if !common.quiet {
            say!(
                "{}: valid: {}, {} of load, {} fault entries, {} limits",
                file.display(),
                experiment.name,
                duration(experiment.load.timeline().total),
                experiment.faults.len(),
                experiment.limits.len()
            );
        }
    }
    if good { Exit::Pass } else { Exit::InvalidExperiment }
}
