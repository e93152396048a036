//! `longhaul report RUN`

use std::path::PathBuf;

use super::args::{Common, FormatArg, ReportArgs};
use super::exit::Exit;
use super::{print_json, recorded, tell_found};
use crate::report::{Format, sweep_text, verdict_text};
use crate::run::{self, RunError, judge_again, judge_sweep};

/// Judges a recorded run, or a sweep, again; never needs the target.
pub(super) fn report(args: &ReportArgs, common: &Common) -> anyhow::Result<Exit> {
    let store = recorded(common)?;
    let formats: Vec<Format> = if args.format.is_empty() {
        Format::ALL.to_vec()
    } else {
        args.format.iter().map(|f| Format::from(*f)).collect()
    };
    let told = |error| match error {
        RunError::Store(error) => anyhow::Error::from(error),
        other => other.into(),
    };
    let color = super::colors::color(common, &std::io::stdout());
    let id = match store.find(&args.run) {
        Ok(id) => id,
        Err(unknown) => {
            let sweep = run::find_sweep(&store, &args.run)?;
            let judged = sweep.map(|id| judge_sweep(&store, &id, &args.out, &formats)).transpose();
            let Some(judged) = judged.map_err(told)?.flatten() else { return Err(unknown.into()) };
            if common.json {
                print_json(&judged.summary)?;
            } else {
                say!("{}", sweep_text(&judged.verdict, color));
                tell_files(&judged.files);
            }
            return Ok(Exit::Verdict(judged.verdict.exit_code));
        }
    };
    let judged = judge_again(&store, &id, &args.out, &formats).map_err(told)?;
    if common.json {
        print_json(&judged.summary)?;
    } else {
        say!("{}", verdict_text(&judged.verdict, color));
        tell_found(&judged.summary);
        tell_files(&judged.files);
    }
    Ok(Exit::Verdict(judged.verdict.exit_code))
}

fn tell_files(files: &[PathBuf]) {
    for file in files {
        say!("report: {}", file.display());
    }
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Html => Self::Html,
            FormatArg::Md => Self::Markdown,
            FormatArg::Json => Self::Json,
            FormatArg::Junit => Self::Junit,
        }
    }
}
