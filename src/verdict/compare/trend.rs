//! A figure over many runs.

use std::collections::BTreeMap;

use super::changes::changes;
use super::likeness::differences;
use super::rule::{assumed_sigma, t_quantile};
use super::spread::level;
use crate::record::{Aspect, Digest, Figure, Trend, TrendChange, TrendFinding, TrendPoint};

/// Runs at least, to look for changes.
const NEEDED: usize = 6;
/// Runs at least since the last change, to say where the next one should lie.
const EXPECT: usize = 5;
/// The least of the assumed spread that is believed, as for two runs.
const LEAST: f64 = 1.0 / 3.0;

/// The figure over these runs, which come oldest first. Runs that are unlike the newest in what the figure depends on
/// are shown and not counted; a run whose outcome is in doubt likewise.
pub fn trend(experiment: &str, runs: &[Digest], figure: &Figure) -> Trend {
    let newest = runs.iter().rev().find(|r| level(r, figure).is_some());
    let mut points: Vec<TrendPoint> = Vec::new();
    for run in runs {
        let unlike = newest.map(|newest| differences(run, newest)).unwrap_or_default();
        points.push(TrendPoint {
            run: run.run.clone(),
            started: run.started,
            outcome: run.outcome,
            tags: run.tags.clone(),
            versions: run.versions.clone(),
            changed: points.last().map(|before| changed(before, run)).unwrap_or_default(),
            value: level(run, figure),
            // The newest run's own doubts are told once, at its own point.
            unlike: unlike
                .into_iter()
                .filter(|d| d.aspect != Aspect::Outcome || d.a.is_some())
                .collect(),
        });
    }
    let finding = find(&points, figure);
    Trend { experiment: experiment.to_owned(), figure: figure.clone(), points, finding }
}

fn find(points: &[TrendPoint], figure: &Figure) -> TrendFinding {
    let by_difference = figure.metric.by_difference();
    let scale = |v: f64| if by_difference { v } else { v.ln() };
    let back = |v: f64| if by_difference { v } else { v.exp() };
    let counted: Vec<(usize, f64)> = points
        .iter()
        .enumerate()
        .filter(|(_, p)| p.unlike.is_empty())
        .filter_map(|(i, p)| Some((i, scale(p.value?))))
        .filter(|(_, v)| v.is_finite())
        .collect();
    if counted.len() < NEEDED {
        return TrendFinding::TooFew { runs: counted.len(), needed: NEEDED };
    }
    let values: Vec<f64> = counted.iter().map(|c| c.1).collect();
    let grain = assumed_sigma(figure.metric) * LEAST;
    let cuts = changes(&values, grain);
    let edges: Vec<usize> =
        std::iter::once(0).chain(cuts.iter().copied()).chain([values.len()]).collect();
    let levels: Vec<f64> = edges
        .windows(2)
        .map(|e| super::bootstrap::median(&mut values[e[0]..e[1]].to_vec()))
        .collect();
    let found = cuts.iter().zip(levels.windows(2)).map(|(cut, level)| {
        let (before, after) = (back(level[0]), back(level[1]));
        let change = if by_difference { after - before } else { after / before - 1.0 };
        TrendChange { at: counted[*cut].0, before, after, change }
    });
    let last = &values[edges[edges.len() - 2]..];
    TrendFinding::Changes {
        changes: found.collect(),
        expected: expected(last, grain).map(|(low, high)| (back(low).max(0.0), back(high))),
    }
}

/// Where one more value of the same kind lies, 95 %: mean +- t s sqrt(1 + 1/n).
fn expected(values: &[f64], grain: f64) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    if values.len() < EXPECT {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let sd = (squares / (n - 1.0)).sqrt().max(grain);
    let wide = t_quantile(0.975, n - 1.0) * sd * (1.0 + 1.0 / n).sqrt();
    Some((mean - wide, mean + wide))
}

/// What is another tag or version than in the run before: `commit b2`, `api sha256:4c1f0e`.
fn changed(before: &TrendPoint, now: &Digest) -> Vec<String> {
    let news = |before: &BTreeMap<String, String>, now: &BTreeMap<String, String>| -> Vec<String> {
        let new = now.iter().filter(|(key, value)| before.get(*key) != Some(value));
        new.map(|(key, value)| format!("{key} {value}")).collect()
    };
    let mut changed = news(&before.tags, &now.tags);
    changed.extend(news(&before.versions, &now.versions));
    changed
}
