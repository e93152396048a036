//! What several reports say of a run, gathered once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Offset;
use crate::experiment::System;
use crate::record::{
    Capacity, Counts, EventKind, FaultStage, Level, LogExcerpt, Phase, Quantiles, RunData, Verdict,
    Victim,
};

/// One step over the judged phase.
pub(super) struct StepFacts {
    pub(super) name: String,
    pub(super) counts: Counts,
    /// Latency of requests that ended well, from the intended time.
    pub(super) latency: Quantiles,
    /// Of those that ended otherwise.
    pub(super) bad_latency: Quantiles,
    /// Connecting, for connections that were opened for it.
    pub(super) connect: Quantiles,
    /// Their TLS handshakes.
    pub(super) tls: Quantiles,
    /// From sent to the first byte of the answer.
    pub(super) first_byte: Quantiles,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Answers by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Errors by text, most frequent first.
    pub(super) errors: Vec<(String, u64)>,
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
    /// What instances printed around the moments at which something changed, as far as anybody asked.
    pub(super) logs: &'a [LogExcerpt],
}

impl<'a> Facts<'a> {
    pub(super) fn of(data: &'a RunData, verdict: &'a Verdict) -> Self {
        let (steps, latency) = super::steps::of(data);
        Self {
            data,
            verdict,
            steps,
            latency,
            errors: errors(data),
            stuck: stuck(data),
            span: span(data),
            logs: &[],
        }
    }

    /// With what instances printed.
    pub(super) fn with_logs(self, logs: &'a [LogExcerpt]) -> Self {
        Self { logs, ..self }
    }

    /// From the first to the last record.
    pub(super) fn duration(&self) -> Duration {
        self.span.1.since(self.span.0)
    }

    /// The judged phase, if there was one.
    pub(super) fn profile(&self) -> Option<(Offset, Offset)> {
        self.data.phase(Phase::Holding)
    }

    /// The steps of the search for the limit, and what it found; `None` without one that came to its end.
    pub(super) fn capacity(&self) -> Option<(Vec<&'a Level>, &'a Capacity)> {
        let events = &self.data.events;
        let found = events.iter().find_map(|e| match &e.kind {
            EventKind::Capacity(found) => Some(found),
            _ => None,
        })?;
        let levels = events.iter().filter_map(|e| match &e.kind {
            EventKind::Level(level) => Some(level),
            _ => None,
        });
        Some((levels.collect(), found))
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
