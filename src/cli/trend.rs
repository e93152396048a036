//! `longhaul trend NAME`

use super::args::{Common, TrendArgs};
use super::comparing::digests;
use super::complaint::Complaint;
use super::exit::Exit;
use super::print_json;
use crate::record::{Digest, Figure, RunRecord, RunStatus};
use crate::report::{trend_json, trend_text, write_trend};
use crate::run;
use crate::store::Store;
use crate::verdict;

/// Shows a figure over an experiment's runs; never needs the target.
pub(super) fn trend(args: &TrendArgs, common: &Common) -> anyhow::Result<Exit> {
    let store = Store::open(&common.data)?;
    let runs = run::all_recorded(&store)?;
    let of_name = |run: &&RunRecord| run.experiment.name == args.name;
    let mut mine: Vec<&RunRecord> = runs
        .iter()
        .filter(of_name)
        .filter(|r| r.status != RunStatus::Running)
        .take(args.last as usize)
        .collect();
    if mine.is_empty() {
        let mut names: Vec<&str> = runs.iter().map(|r| r.experiment.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let text = format!(
            "no finished run of an experiment called {:?} is recorded in {}",
            args.name,
            common.data.display()
        );
        let hint = match names.as_slice() {
            [] => "`longhaul runs` lists what there is".to_owned(),
            names => format!("there are runs of {}", names.join(", ")),
        };
        return Err(Complaint::new(Exit::Usage, text).hint(hint).into());
    }
    mine.reverse();
    let digests = digests(&store, &mine, common);
    let figure = figure(args, &digests).map_err(|known| {
        let text = match &args.of {
            Some(of) => format!("no run has {} of {of:?}", args.metric),
            None => format!("{} is measured per service", args.metric),
        };
        Complaint::new(Exit::Usage, text)
            .hint(format!("write --of with one of {}", known.join(", ")))
    })?;
    let trend = verdict::trend(&args.name, &digests, &figure);
    if common.json {
        print_json(&trend_json(&trend))?;
    } else {
        say!("{}", trend_text(&trend, super::colors::color(common, &std::io::stdout())));
    }
    if let Some(dir) = &args.out {
        for file in write_trend(&trend, dir)? {
            if !common.json {
                say!("written: {}", file.display());
            }
        }
    }
    Ok(Exit::Pass)
}

/// The figure that is meant; without `--of` a metric of services means the only service, or else all are told.
fn figure(args: &TrendArgs, digests: &[Digest]) -> Result<Figure, Vec<String>> {
    let mut known: Vec<Figure> = digests.iter().flat_map(Digest::figures).collect();
    known.retain(|f| f.metric == args.metric);
    let figure = Figure { metric: args.metric, of: args.of.clone() };
    if known.contains(&figure) {
        return Ok(figure);
    }
    let mut names: Vec<String> = known.iter().filter_map(|f| f.of.clone()).collect();
    names.sort();
    names.dedup();
    match names.as_slice() {
        [only] if args.of.is_none() => Ok(Figure { metric: args.metric, of: Some(only.clone()) }),
        _ => Err(names),
    }
}
