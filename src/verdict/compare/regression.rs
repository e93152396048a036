//! Two runs, compared: every figure by the regression rule.

use super::likeness::differences;
use super::rule::{self, Between, MIN_WINDOWS, assumed_sigma};
use crate::record::{
    Against, ComparedRun, Comparison, Difference, Digest, Figure, Finding, Metric, Terms, Tier,
};
use crate::seed::Seed;

/// Compares run `b` with run `a`, each called by a name of the caller's. Runs that are unlike in an aspect which
/// the terms don't accept are refused. Where their lengths differ and that is accepted, the stretch that both have is compared.
pub fn compare(a: (&str, &Digest), b: (&str, &Digest), terms: &Terms) -> Comparison {
    let unlike = differences(a.1, b.1);
    let (accepted, refused) = unlike.into_iter().partition::<Vec<_>, _>(|d| {
        terms.accepted.contains(&d.aspect)
            && d.aspect.accepted_means().is_some()
            && d.what != "window"
    });
    let findings = if refused.is_empty() { findings(a.1, b.1, terms) } else { Vec::new() };
    Comparison {
        a: compared(a),
        b: compared(b),
        refused,
        accepted,
        spread_runs: terms.spread.as_ref().map(|s| s.runs),
        findings,
    }
}

/// The comparison with a baseline of a run that has no digest of its own.
pub(in super::super) fn refuse(
    against: &Against,
    b: ComparedRun,
    reason: Difference,
) -> Comparison {
    Comparison {
        a: compared((&against.name, &against.digest)),
        b,
        refused: vec![reason],
        accepted: Vec::new(),
        spread_runs: None,
        findings: Vec::new(),
    }
}

fn compared((name, digest): (&str, &Digest)) -> ComparedRun {
    ComparedRun {
        name: name.to_owned(),
        run: digest.run.clone(),
        experiment: digest.experiment.clone(),
        started: digest.started,
        outcome: digest.outcome,
        longhaul: digest.longhaul.clone(),
        tags: digest.tags.clone(),
        versions: digest.versions.clone(),
    }
}

/// The figures of either run that have a line, in order.
fn findings(a: &Digest, b: &Digest, terms: &Terms) -> Vec<Finding> {
    let mut figures = a.figures();
    figures.extend(b.figures());
    figures.retain(|f| terms.lines.0.contains_key(&f.metric));
    // The order of metrics, then all steps, then by the order in the file: a stable sort keeps the latter.
    figures.sort_by_key(|f| f.metric);
    let mut known: Vec<Figure> = Vec::new();
    for figure in figures {
        if !known.contains(&figure) {
            known.push(figure);
        }
    }
    known.into_iter().filter_map(|figure| finding(a, b, figure, terms)).collect()
}

fn finding(a: &Digest, b: &Digest, figure: Figure, terms: &Terms) -> Option<Finding> {
    let line = *terms.lines.0.get(&figure.metric)?;
    let measured = terms.spread.as_ref().and_then(|s| Some((s.of(&figure)?, s.runs)));
    let between = match measured {
        Some((sigma, runs)) => Between { sigma, runs: Some(runs) },
        None => Between { sigma: assumed_sigma(figure.metric), runs: None },
    };
    let sigma = between.sigma;
    let seed = Seed(0x6c68).split(&figure.to_string());
    let ruling = if figure.metric == Metric::ErrorRate {
        let (mut of_a, mut of_b) = (a.counts(&figure), b.counts(&figure));
        shared(&mut of_a, &mut of_b);
        rule::difference(&of_a, &of_b, between, seed)
    } else {
        let (mut of_a, mut of_b) = (a.values(&figure), b.values(&figure));
        shared(&mut of_a, &mut of_b);
        rule::ratio(&of_a, &of_b, between, seed)
    };
    Some(match ruling {
        Ok(ruling) => {
            let (tier, better) = rule::tier(figure.metric, &ruling.change, &line);
            let (change, windows) = (Some(ruling.change), ruling.windows);
            Finding { figure, tier, better, change, line, windows, sigma, note: None }
        }
        Err((in_a, in_b)) => Finding {
            figure,
            tier: Tier::Unknown,
            better: false,
            change: None,
            line,
            windows: (in_a as u32, in_b as u32),
            sigma,
            note: Some(format!(
                "{in_a} and {in_b} undisturbed windows have this figure; {MIN_WINDOWS} are needed"
            )),
        },
    })
}

/// Cuts both to the length that both have; a figure that one of them lacks altogether stays as it is.
fn shared<T>(a: &mut Vec<T>, b: &mut Vec<T>) {
    if !a.is_empty() && !b.is_empty() {
        let both = a.len().min(b.len());
        a.truncate(both);
        b.truncate(both);
    }
}
