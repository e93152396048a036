//! What several reports say of a run, gathered once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Offset;
use crate::experiment::System;
use crate::record::{
    Counts, EventKind, FaultStage, Histogram, Phase, Quantiles, RunData, Verdict, Victim,
};

/// One step over the judged phase.
pub(super) struct StepFacts {
    pub(super) name: String,
    pub(super) counts: Counts,
    pub(super) latency: Quantiles,
}

/// One error text over the whole run.
pub(super) struct ErrorFacts {
    pub(super) step: String,
    pub(super) text: String,
    pub(super) count: u64,
    pub(super) first: Offset,
    pub(super) last: Offset,
}

/// The facts of one run.
pub(super) struct Facts<'a> {
    pub(super) data: &'a RunData,
    pub(super) verdict: &'a Verdict,
    pub(super) steps: Vec<StepFacts>,
    /// All steps together.
    pub(super) latency: Quantiles,
    /// Most frequent first.
    pub(super) errors: Vec<ErrorFacts>,
    /// Faults that could not be undone, with the reason.
    pub(super) stuck: Vec<(String, String)>,
    /// First and last moment anything was recorded.
    pub(super) span: (Offset, Offset),
}

impl<'a> Facts<'a> {
    pub(super) fn of(data: &'a RunData, verdict: &'a Verdict) -> Self {
        let (steps, latency) = steps(data);
        Self {
            data,
            verdict,
            steps,
            latency,
            errors: errors(data),
            stuck: stuck(data),
            span: span(data),
        }
    }

    /// From the first to the last record.
    pub(super) fn duration(&self) -> Duration {
        self.span.1.since(self.span.0)
    }

    /// The judged phase, if there was one.
    pub(super) fn profile(&self) -> Option<(Offset, Offset)> {
        self.data.phase(Phase::Holding)
    }

    /// The target in a few words.
    pub(super) fn target(&self) -> String {
        match &self.data.run.experiment.target.system {
            System::Compose(c) => format!("compose project {}", c.project),
            System::Process(p) => {
                let names: Vec<&str> = p.services.keys().map(String::as_str).collect();
                format!("processes {}", names.join(", "))
            }
            System::External(e) => {
                let names: Vec<&str> = e.containers.keys().map(String::as_str).collect();
                format!("running containers {}", names.join(", "))
            }
        }
    }

    /// The name of a step, or its number when the experiment does not know it.
    pub(super) fn step_name(data: &RunData, step: u16) -> String {
        let mut names = data.run.experiment.load.step_names();
        if usize::from(step) < names.len() {
            names.swap_remove(usize::from(step))
        } else {
            format!("step {step}")
        }
    }

    /// The planned length and victims of a fault.
    pub(super) fn planned(&self, id: &str) -> Option<(Duration, &[Victim])> {
        let fault = self.data.run.faults.iter().find(|f| f.id.as_str() == id)?;
        Some((fault.lasts, &fault.victims))
    }
}

fn steps(data: &RunData) -> (Vec<StepFacts>, Quantiles) {
    let judged = data.phase(Phase::Holding);
    let mut per_step: BTreeMap<u16, (Counts, Histogram)> = BTreeMap::new();
    for row in &data.histograms {
        if judged.is_some_and(|(from, to)| row.from < from || row.from >= to) {
            continue;
        }
        let entry = per_step.entry(row.step.0).or_default();
        entry.0.add(&row.counts);
        if let Ok(histogram) = Histogram::from_v2(&row.ok) {
            entry.1.merge(&histogram);
        }
    }
    let mut all = Histogram::new();
    let steps = per_step
        .into_iter()
        .map(|(step, (counts, histogram))| {
            all.merge(&histogram);
            let name = Facts::step_name(data, step);
            StepFacts { name, counts, latency: Quantiles::of(&histogram) }
        })
        .collect();
    (steps, Quantiles::of(&all))
}

fn errors(data: &RunData) -> Vec<ErrorFacts> {
    let mut seen: BTreeMap<(u16, &str), (u64, Offset, Offset)> = BTreeMap::new();
    for slice in &data.slices {
        for error in &slice.errors {
            let entry =
                seen.entry((error.step.0, &error.text)).or_insert((0, slice.from, slice.to));
            entry.0 += error.count;
            entry.2 = slice.to;
        }
    }
    let mut errors: Vec<ErrorFacts> = seen
        .into_iter()
        .map(|((step, text), (count, first, last))| ErrorFacts {
            step: Facts::step_name(data, step),
            text: text.to_owned(),
            count,
            first,
            last,
        })
        .collect();
    errors.sort_by_key(|e| std::cmp::Reverse(e.count));
    errors
}

/// A fault counts as stuck as long as no later event says that it was healed after all.
fn stuck(data: &RunData) -> Vec<(String, String)> {
    let mut stuck = BTreeMap::new();
    for event in &data.events {
        if let EventKind::Fault { fault, stage } = &event.kind {
            match stage {
                FaultStage::Stuck { reason } => {
                    stuck.insert(fault.to_string(), reason.clone());
                }
                FaultStage::Healed { .. } => {
                    stuck.remove(fault.as_str());
                }
                _ => {}
            }
        }
    }
    stuck.into_iter().collect()
}

fn span(data: &RunData) -> (Offset, Offset) {
    let first = [data.slices.first().map(|s| s.from), data.events.first().map(|e| e.at)];
    let last = [
        data.slices.last().map(|s| s.to),
        data.events.last().map(|e| e.at),
        data.series.iter().filter_map(|s| s.points.last()).map(|p| p.0).max(),
    ];
    let first = first.into_iter().flatten().min().unwrap_or_default();
    (first, last.into_iter().flatten().max().unwrap_or(first))
}
