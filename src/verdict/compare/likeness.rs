//! Whether two runs may be compared at all.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::{self, Conditions};
use crate::experiment::Experiment;
use crate::record::{Aspect, Difference, Digest, VerdictOutcome};
use crate::units::duration;

/// Every respect in which the runs are unlike.
pub fn differences(a: &Digest, b: &Digest) -> Vec<Difference> {
    let mut found = unlike(&a.conditions, &b.conditions, |_| true);
    if a.window != b.window {
        found.push(Difference {
            aspect: Aspect::Length,
            what: "window".to_owned(),
            a: Some(duration(a.window)),
            b: Some(duration(b.window)),
        });
    }
    found.extend(unsound(a).map(|word| outcome(Some(word), None)));
    found.extend(unsound(b).map(|word| outcome(None, Some(word))));
    found.sort_by_key(|d| d.aspect);
    found
}

/// In which respects a run of the experiment, not yet made, would be unlike: what can be told before anything starts.
pub fn planned_differences(a: &Digest, experiment: &Experiment) -> Vec<Difference> {
    let planned = conditions::planned(experiment);
    let mut found = unlike(&a.conditions, &planned, |aspect| planned.contains_key(&aspect));
    found.extend(unsound(a).map(|word| outcome(Some(word), None)));
    found
}

/// The outcome of a run whose figures don't stand for what they say. One that was stopped has sound figures for the
/// time it had.
fn unsound(run: &Digest) -> Option<String> {
    match run.outcome? {
        VerdictOutcome::Inconclusive => Some("inconclusive".to_owned()),
        VerdictOutcome::Errored => Some("errored".to_owned()),
        _ => None,
    }
}

fn outcome(a: Option<String>, b: Option<String>) -> Difference {
    Difference { aspect: Aspect::Outcome, what: "outcome".to_owned(), a, b }
}

fn unlike(a: &Conditions, b: &Conditions, counts: impl Fn(Aspect) -> bool) -> Vec<Difference> {
    let none = BTreeMap::new();
    let mut found = Vec::new();
    for aspect in Aspect::ALL.into_iter().filter(|aspect| counts(*aspect)) {
        let (a, b) = (a.get(&aspect).unwrap_or(&none), b.get(&aspect).unwrap_or(&none));
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            let (a, b) = (a.get(name), b.get(name));
            if a != b {
                let what = name.clone();
                found.push(Difference { aspect, what, a: a.cloned(), b: b.cloned() });
            }
        }
    }
    found
}
