//! Showing what is wrong with an experiment file.

use std::io::IsTerminal;
use std::path::Path;

use super::args::{Color, Common, OverrideArgs};
use super::exit::Exit;
use crate::experiment::{self, Experiment, LoadError, Overrides};

/// Whether to colour what goes to `stream`.
pub(super) fn color(common: &Common, stream: &impl IsTerminal) -> bool {
    match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    }
}

impl From<&OverrideArgs> for Overrides {
    fn from(args: &OverrideArgs) -> Self {
        Self {
            duration: args.duration,
            rate: args.rate,
            seed: args.seed,
            set: args.set.clone(),
            tag: args.tag.clone(),
        }
    }
}

/// Loads an experiment; on failure every problem is on stderr (or, with `--json`, on stdout), and the exit
/// that goes with it is the answer.
pub(super) fn load(
    path: &Path,
    overrides: &OverrideArgs,
    common: &Common,
) -> Result<Experiment, Exit> {
    match experiment::load_with(path, &overrides.into()) {
        Ok(experiment) => Ok(experiment),
        Err(e) => {
            show(&e, common);
            Err(if matches!(e, LoadError::Override(_)) {
                Exit::Usage
            } else {
                Exit::InvalidExperiment
            })
        }
    }
}

/// Shows every problem of a file.
fn show(error: &LoadError, common: &Common) {
    if common.json {
        say!("{}", json(error));
    } else {
        complain!("{}", text(error, color(common, &std::io::stderr())));
    }
}

fn json(error: &LoadError) -> serde_json::Value {
    match error {
        LoadError::Invalid(problems) => serde_json::json!({
            "file": problems.file(), "valid": false, "problems": problems.list(), "omitted": problems.omitted(),
        }),
        other => serde_json::json!({ "valid": false, "error": format!("failed to {other}") }),
    }
}

fn text(error: &LoadError, color: bool) -> String {
    match error {
        LoadError::Invalid(problems) => problems.graphical(color),
        LoadError::Override(e) => match &e.hint {
            Some(hint) => format!("error: failed to {e}\nhint: {hint}"),
            None => format!("error: failed to {e}"),
        },
        LoadError::Unreadable { .. } => format!("error: failed to {error}"),
    }
}
