//! `longhaul report RUN`

use super::args::{Common, FormatArg, ReportArgs};
use super::exit::Exit;
use super::{print_json, recorded};
use crate::report::{Format, verdict_text};
use crate::run::judge_again;

/// Judges a recorded run again; never needs the target.
pub(super) fn report(args: &ReportArgs, common: &Common) -> anyhow::Result<Exit> {
    let store = recorded(common)?;
    let id = store.find(&args.run)?;
    let formats: Vec<Format> = if args.format.is_empty() {
        Format::ALL.to_vec()
    } else {
        args.format.iter().map(|f| Format::from(*f)).collect()
    };
    let judged = judge_again(&store, &id, &args.out, &formats)?;
    if common.json {
        print_json(&judged.summary)?;
    } else {
        say!("{}", verdict_text(&judged.verdict, super::colors::color(common, &std::io::stdout())));
        for file in &judged.files {
            say!("report: {}", file.display());
        }
    }
    Ok(Exit::Verdict(judged.verdict.exit_code))
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
