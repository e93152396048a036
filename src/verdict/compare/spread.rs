//! How much equal runs differ.

use super::likeness::differences;
use super::rule::assumed_sigma;
use crate::record::{Aspect, Digest, Figure, Metric, Spread};

/// Runs of one version at least, to measure it.
const NEEDED: usize = 5;
/// The least of the assumed spread that is believed: a few runs may agree by luck.
const LEAST: f64 = 1.0 / 3.0;

/// The standard deviation between runs of one version that are alike with `like`, from the version with the most
/// of them; `None` with fewer than five. Of figures compared by ratio it is that of their logarithm.
pub fn spread(history: &[Digest], like: &Digest, accepted: &[Aspect]) -> Option<Spread> {
    let mut versions: Vec<Vec<&Digest>> = Vec::new();
    let alike = |run: &&Digest| {
        let unlike = differences(like, run);
        unlike.iter().all(|d| accepted.contains(&d.aspect))
    };
    for run in history.iter().filter(alike) {
        match versions.iter_mut().find(|v| same_version(v[0], run)) {
            Some(version) => version.push(run),
            None => versions.push(vec![run]),
        }
    }
    let runs = versions.into_iter().max_by_key(Vec::len).filter(|v| v.len() >= NEEDED)?;
    let sigmas = like.figures().into_iter().filter_map(|figure| {
        let levels: Vec<f64> = runs.iter().filter_map(|run| level(run, &figure)).collect();
        let logs = levels.iter().map(|v| if figure.metric.by_difference() { *v } else { v.ln() });
        let sigma = deviation(&logs.filter(|v| v.is_finite()).collect::<Vec<_>>())?;
        let sigma = sigma.max(assumed_sigma(figure.metric) * LEAST);
        Some((figure, sigma))
    });
    Some(Spread { runs: runs.len() as u32, sigmas: sigmas.collect() })
}

/// A figure over a whole run: the median over its windows; of a share, over all windows together.
pub(super) fn level(run: &Digest, figure: &Figure) -> Option<f64> {
    if figure.metric == Metric::ErrorRate {
        let counts = run.counts(figure);
        let (errors, ended) =
            counts.iter().flatten().fold((0, 0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
        return (ended > 0).then(|| errors as f64 / ended as f64);
    }
    let mut values: Vec<f64> = run.values(figure).into_iter().flatten().collect();
    (!values.is_empty()).then(|| super::bootstrap::median(&mut values))
}

/// Whether both ran the same: images or programs, and tags.
fn same_version(a: &Digest, b: &Digest) -> bool {
    a.versions == b.versions && a.tags == b.tags
}

/// The sample standard deviation, n - 1; `None` with too few values.
fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < NEEDED {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((squares / (n - 1.0)).sqrt())
}
