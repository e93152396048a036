//! The comparison with a baseline as a part of a run's verdict: one limit per metric, the worst figure counts.

use std::time::Duration;

use super::super::case::Case;
use super::super::limits::Judged;
use super::digest::{NoDigest, of_case};
use super::regression::{compare, refuse};
use crate::record::{
    Aspect, Change, ComparedRun, Comparison, Difference, Finding, LimitResult, Line, Metric, Side,
    Tier,
};
use crate::units::{Percent, trim};

/// How the run compares with the baseline that it was given; `None` without one.
pub(in super::super) fn against(case: &Case) -> Option<Comparison> {
    let against = case.data.run.against.as_deref()?;
    let digest = of_case(case, window(case, against.digest.window));
    Some(match digest {
        Ok(mut digest) => {
            // Whether its figures carry a verdict is what is being found out.
            digest.outcome = None;
            compare(
                (&against.name, &against.digest),
                (digest.run.as_str(), &digest),
                &against.terms,
            )
        }
        Err(reason) => refuse(against, this(case), nothing(&reason)),
    })
}

/// The baseline's windows, if this run's records can be cut into them.
fn window(case: &Case, theirs: Duration) -> Option<Duration> {
    let by_minute = case.experiment().load.profile_length() > Duration::from_hours(1);
    (!by_minute || theirs.as_secs().is_multiple_of(60)).then_some(theirs)
}

fn this(case: &Case) -> ComparedRun {
    let run = &case.data.run;
    ComparedRun {
        name: run.id.to_string(),
        run: run.id.clone(),
        experiment: run.experiment.name.clone(),
        started: run.anchor,
        outcome: None,
        longhaul: run.provenance.longhaul.clone(),
        tags: run.experiment.tags.clone(),
        versions: run.provenance.images.clone(),
    }
}

fn nothing(reason: &NoDigest) -> Difference {
    let what = "judged phase".to_owned();
    Difference { aspect: Aspect::Length, what, a: None, b: Some(reason.to_string()) }
}

/// The comparison as limits: one for each metric that was compared.
pub(in super::super) fn limits(comparison: &Comparison) -> Vec<Judged> {
    let judged = |result| Judged { result, side: Side::Environment };
    if !comparison.refused.is_empty() {
        let why: Vec<String> = comparison.refused.iter().map(words).collect();
        let bound = format!("none against {}", comparison.a.name);
        return vec![judged(LimitResult {
            name: "regression".to_owned(),
            bound,
            warn: None,
            measured: "not measured".to_owned(),
            margin: None,
            tier: Tier::Unknown,
            bound_value: 0.0,
            measured_value: None,
            window: None,
            note: Some(format!("the runs are unlike: {}", why.join("; "))),
        })];
    }
    Metric::ALL
        .into_iter()
        .filter_map(|metric| {
            let of: Vec<&Finding> =
                comparison.findings.iter().filter(|f| f.figure.metric == metric).collect();
            of.first().map(|first| judged(limit(&comparison.a.name, metric, first.line, &of)))
        })
        .collect()
}

fn limit(baseline: &str, metric: Metric, line: Line, of: &[&Finding]) -> LimitResult {
    let sign = if metric.more_is_better() { "-" } else { "+" };
    let bound = |at: Percent| {
        let unit = if metric.by_difference() { " points" } else { "%" };
        format!("<= {sign}{}{unit} against {baseline}", trim(at.get(), 4))
    };
    let mut result = LimitResult {
        name: format!("regression {metric}"),
        bound: bound(line.fail),
        warn: Some(bound(line.warn)),
        measured: "not measured".to_owned(),
        margin: None,
        tier: Tier::Unknown,
        bound_value: line.fail.fraction(),
        measured_value: None,
        window: None,
        note: None,
    };
    let compared = of.iter().filter_map(|f| Some((*f, f.change?)));
    // A tier outweighs a larger change that is in doubt.
    let worst = compared.max_by(|(a, x), (b, y)| {
        a.tier.cmp(&b.tier).then(worse(metric, x).total_cmp(&worse(metric, y)))
    });
    let Some((finding, change)) = worst else {
        result.note = of.first().and_then(|f| f.note.clone());
        return result;
    };
    let by = worse(metric, &change);
    let outside = by - line.fail.fraction();
    let side = if outside > 0.0 { "outside" } else { "inside" };
    let others = of.iter().filter(|f| f.tier == finding.tier).count() - 1;
    let more = match finding.tier {
        Tier::Fail | Tier::Warn if others > 0 => format!(", and {others} more"),
        _ => String::new(),
    };
    result.tier = finding.tier;
    let whose = finding.figure.of.as_ref().map(|of| format!(" in {of}")).unwrap_or_default();
    result.measured = format!("{}{whose}", signed(metric, change.change));
    result.margin = Some(format!("{} {side}", size(metric, outside.abs())));
    result.measured_value = Some(by);
    result.note = Some(format!(
        "98 %: {} to {}{more}",
        signed(metric, change.low),
        signed(metric, change.high)
    ));
    result
}

/// How much worse: positive is worse.
fn worse(metric: Metric, change: &Change) -> f64 {
    if metric.more_is_better() { -change.change } else { change.change }
}

fn size(metric: Metric, change: f64) -> String {
    let unit = if metric.by_difference() { "points" } else { "%" };
    let digits = if metric.by_difference() { 2 } else { 1 };
    format!("{} {unit}", trim(change * 100.0, digits))
}

fn signed(metric: Metric, change: f64) -> String {
    let text = size(metric, change);
    if text.starts_with('-') { text } else { format!("+{text}") }
}

fn words(difference: &Difference) -> String {
    let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
    format!(
        "{} {}: {} there, {} here",
        difference.aspect,
        difference.what,
        text(&difference.a),
        text(&difference.b)
    )
}
