//! Limits in words, for whoever reads them before the run.

use serde::Serialize;

use super::{limit_name, load_name};
use crate::experiment::{self, Accepted, BoundSide, Condition, Limit, Measure, Quantity};

/// What must hold, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitInWords {
    /// What is measured, and over which part of the run.
    pub limit: String,
    /// What it must hold.
    pub bound: String,
    /// What it must hold not to warn.
    pub warn: Option<String>,
}

impl LimitInWords {
    /// Of a limit of the run.
    pub fn of(limit: &Limit) -> Self {
        let name = limit_name(limit);
        match &limit.measure {
            Measure::Leak { accepted: Accepted::NotLeaking, .. } => Self {
                limit: name,
                bound: "no gauge leaks".to_owned(),
                warn: Some("none is suspected".to_owned()),
            },
            Measure::Leak { accepted: Accepted::Stable, .. } => {
                Self { limit: name, bound: "every gauge is stable".to_owned(), warn: None }
            }
            _ => Self::bounded(name, &limit.bound),
        }
    }

    /// Of a condition on the load.
    pub fn of_condition(condition: &Condition) -> Self {
        Self::bounded(load_name(&condition.measure), &condition.bound)
    }

    /// Of the limit of a sweep.
    pub fn of_efficiency(bound: &experiment::Bound) -> Self {
        Self::bounded("efficiency".to_owned(), bound)
    }

    fn bounded(limit: String, bound: &experiment::Bound) -> Self {
        let side = match bound.side {
            BoundSide::AtLeast => "at least",
            BoundSide::AtMost => "at most",
        };
        let words = |quantity: Quantity| format!("{side} {quantity}");
        Self { limit, bound: words(bound.limit), warn: bound.warn.map(words) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, condition};
    use super::*;

    fn limit(entry: &str) -> Limit {
        Synthetic::hold(60).limit(entry).build().run.experiment.limits.remove(0)
    }

    #[test]
    fn limits_are_read_as_sentences() {
        let told: Vec<String> = [
            "error_rate: { max: 1%, warn: 0.5%, scope: outside_faults }",
            "achieved_rate: { min: 90% }",
            "latency: { p95: 500ms, window: 30s }",
            "restarts: { max: 0, unless: injected }",
            "leak: { service: api }",
            "leak: { verdict: stable }",
        ]
        .iter()
        .map(|text| LimitInWords::of(&limit(text)))
        .chain([LimitInWords::of_condition(&condition("latency: { p99: 300ms }"))])
        .map(|l| format!("{}: {}; {}", l.limit, l.bound, l.warn.unwrap_or_default()))
        .collect();
        insta::assert_snapshot!(told.join("\n"), @"
        error_rate outside faults: at most 1%; at most 0.5%
        achieved_rate: at least 90%; 
        latency p95, worst 30s: at most 500ms; 
        restarts unless injected: at most 0; 
        leak api: no gauge leaks; none is suspected
        leak: every gauge is stable; 
        latency p99: at most 300ms;
        ");
    }
}
