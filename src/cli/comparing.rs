//! What `compare`, `run --baseline`, `baseline` and `trend` share: from what a person types to digests and terms.

use std::path::Path;
use std::time::Duration;

use super::args::{Common, ComparingArgs};
use super::complaint::Complaint;
use super::exit::Exit;
use crate::clock::monotonic;
use crate::experiment::Experiment;
use crate::ids::{BaselineName, RunId};
use crate::record::{
    Against, Aspect, Digest, Line, Lines, Metric, RunRecord, RunStatus, Terms, VerdictOutcome,
};
use crate::report::{difference_text, ways_out};
use crate::run;
use crate::store::{Baselines, Store, StoreError, read_baseline};
use crate::units::Percent;
use crate::verdict;

/// Runs that the spread between equal runs is measured on, at most.
const HISTORY: usize = 30;

/// A run that was named, and where it comes from.
pub(super) struct Named {
    /// As it was typed, or the run's id.
    pub(super) name: String,
    pub(super) digest: Digest,
    /// Its record, unless it came from a file.
    pub(super) record: Option<RunRecord>,
}

/// The run that a text names: a file, a run's id, `latest`, a baseline, or the beginning of a run's id.
pub(super) fn named(text: &str, store: &Store, baselines: &Baselines) -> anyhow::Result<Named> {
    let file = |digest| Named { name: text.to_owned(), digest, record: None };
    if text.contains('/') || has_json(text) {
        return Ok(file(read_baseline(Path::new(text))?));
    }
    let found = store.find(text);
    let exact = found.as_ref().is_ok_and(|id| id.as_str() == text || text.starts_with("latest"));
    if !exact
        && let Ok(name) = text.parse::<BaselineName>()
        && baselines.has(&name)
    {
        return Ok(file(baselines.get(&name)?));
    }
    let id = match found {
        Err(e @ (StoreError::UnknownRun { .. } | StoreError::NoRuns { .. })) => {
            return Err(unknown(&e, baselines).into());
        }
        found => found?,
    };
    let record = run::recorded(store, &id)?;
    let digest = run::digest(store, &record)?;
    Ok(Named { name: id.to_string(), digest, record: Some(record) })
}

/// Neither a run nor a baseline.
fn unknown(error: &StoreError, baselines: &Baselines) -> Complaint {
    let names = baselines.names().unwrap_or_default();
    let names: Vec<&str> = names.iter().map(BaselineName::as_str).collect();
    let runs = error.hint().unwrap_or_default();
    let known = if names.is_empty() {
        format!("there is no baseline in {}; {runs}", baselines.dir().display())
    } else {
        format!("baselines: {}; {runs}", names.join(", "))
    };
    Complaint::new(Exit::Usage, format!("failed to {error}, and no baseline is called so"))
        .hint(known)
}

/// Whether a text ends as a baseline's file does.
pub(super) fn has_json(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// What a run of the experiment is compared with when it is judged. Refused before anything starts where it can be told already
/// that the two would be unlike.
pub(super) fn against(
    text: &str,
    experiment: &Experiment,
    args: &ComparingArgs,
    store: &Store,
    common: &Common,
) -> anyhow::Result<Against> {
    let named = named(text, store, &Baselines::of(&args.baselines))?;
    let mut unlike = verdict::planned_differences(&named.digest, experiment);
    unlike.retain(|d| !args.accept.contains(&d.aspect));
    if unlike.is_empty() {
        let terms = terms(args, store, &named.digest, None, common)?;
        return Ok(Against { name: named.name, digest: named.digest, terms });
    }
    let texts: Vec<String> = unlike.iter().map(difference_text).collect();
    let text = format!(
        "{text} (a) and a run of this experiment (b) would be unlike: {}; nothing was started",
        texts.join("; ")
    );
    Err(Complaint::new(Exit::Usage, text).hint(ways_out(&unlike).join("; ")).into())
}

/// Cuts both into windows of one length, where that is possible: the longer one of the two.
pub(super) fn same_windows(store: &Store, a: &mut Named, b: &mut Named) -> anyhow::Result<()> {
    let longer = a.digest.window.max(b.digest.window);
    for side in [a, b] {
        if let Some(record) = &side.record
            && side.digest.window != longer
            && side.digest.window < longer
        {
            let outcome = side.digest.outcome;
            side.digest = Digest { outcome, ..run::digest_by(store, record, longer)? };
        }
    }
    Ok(())
}

/// By what rules to compare with `like`: the lines and accepted differences of the command line, and the spread between
/// equal runs as far as this data folder knows it. `except` is the run that is judged by it.
pub(super) fn terms(
    args: &ComparingArgs,
    store: &Store,
    like: &Digest,
    except: Option<&RunId>,
    common: &Common,
) -> anyhow::Result<Terms> {
    let mut lines = Lines::default();
    for (metric, line) in &args.line {
        match line {
            Some(line) => lines.0.insert(*metric, *line),
            None => lines.0.remove(metric),
        };
    }
    let judged = |run: &&RunRecord| {
        let outcome = run.verdict.as_ref().map(|v| v.outcome);
        run.status == RunStatus::Finished
            && run.experiment.name == like.experiment
            && Some(&run.id) != except
            && outcome.is_some_and(|o| o != VerdictOutcome::Aborted && o != VerdictOutcome::Errored)
    };
    let runs = run::all_recorded(store)?;
    let runs: Vec<&RunRecord> = runs.iter().filter(judged).take(HISTORY).collect();
    let history = digests(store, &runs, common);
    let spread = verdict::spread(&history, like, &args.accept);
    Ok(Terms { lines, accepted: args.accept.clone(), spread })
}

/// The runs in short; one that has no digest is left out, with a line in the log. Says how far it is when it takes long.
pub(super) fn digests(store: &Store, runs: &[&RunRecord], common: &Common) -> Vec<Digest> {
    let mut told = monotonic();
    let mut all = Vec::new();
    for (i, record) in runs.iter().enumerate() {
        match run::digest(store, record) {
            Ok(digest) => all.push(digest),
            Err(error) => tracing::info!(run = %record.id, "leaving out a run: failed to {error}"),
        }
        if told.elapsed() > Duration::from_secs(2) && !common.quiet {
            complain!("reading earlier runs: {} of {}", i + 1, runs.len());
            told = monotonic();
        }
    }
    all
}

/// `p95=15%/25%`, `error_rate=0.5%/1%`, `cpu=off`.
pub(super) fn line(text: &str) -> Result<(Metric, Option<Line>), String> {
    let example = "write METRIC=WARN/FAIL as in p95=15%/25%, or METRIC=off";
    let (metric, lines) = text.split_once('=').ok_or(example)?;
    let metric: Metric = metric.trim().parse().map_err(|e| format!("{e}"))?;
    if lines.trim() == "off" {
        return Ok((metric, None));
    }
    let (warn, fail) = lines.split_once('/').ok_or(example)?;
    let percent = |text: &str| text.trim().parse::<Percent>().map_err(|e| e.to_string());
    let (warn, fail) = (percent(warn)?, percent(fail)?);
    if warn.get() < 0.0 || warn.get() > fail.get() {
        return Err(format!(
            "{example}; the warn line is not negative, and not beyond the fail line"
        ));
    }
    Ok((metric, Some(Line { warn, fail })))
}

/// An aspect in which runs may differ.
pub(super) fn aspect(text: &str) -> Result<Aspect, String> {
    text.parse()
}

/// A name that a baseline may have.
pub(super) fn baseline_name(text: &str) -> Result<BaselineName, String> {
    if text.starts_with("latest") || has_json(text) {
        return Err(
            "a name that starts with `latest` or ends with `.json` would mean something else"
                .to_owned(),
        );
    }
    text.parse().map_err(|e: crate::ids::IdError| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_set_and_left_out() {
        let (metric, set) = line("p95=15%/30%").unwrap();
        assert_eq!((metric, set.unwrap().fail), (Metric::P95, Percent::of(30.0)));
        assert_eq!(line("cpu=off").unwrap(), (Metric::Cpu, None));
        for wrong in ["p95", "p95=15%", "p95=30%/15%", "p95=-1%/5%", "p42=1%/2%", "p95=15/25"] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_baseline_is_never_called_as_a_path_or_as_a_run() {
        for wrong in ["latest", "latest~1", "x.json", "../x", "a/b", "", ".hidden", "-x"] {
            assert!(baseline_name(wrong).is_err(), "{wrong}");
        }
        assert!(baseline_name("nightly-2026.11").is_ok());
    }
}
