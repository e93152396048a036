//! Everything that is known of a run, worked out once for all who judge it.

use super::ledger::Ledger;
use super::limits::Meter;
use super::second::{Second, total};
use super::starts::{self, Start};
use super::windows::{self, FaultWindow, Life, Span, weather};
use crate::clock::Offset;
use crate::experiment::Experiment;
use crate::record::{
    Counts, EventKind, Histogram, LedgerRow, LimitResult, Phase, RunData, StopCause, Subject,
};

/// A run, laid out for judging.
pub(super) struct Case<'a> {
    pub(super) data: &'a RunData,
    /// The profile as far as it was run; `None` when it was never reached.
    pub(super) judged: Option<Span>,
    /// Seconds from the profile's start on; after its end those in which its last arrivals ended.
    pub(super) seconds: Vec<Second>,
    /// Per planned fault.
    pub(super) lives: Vec<Life>,
    /// Per fault that was injected, by start.
    pub(super) windows: Vec<FaultWindow>,
    pub(super) starts: Vec<Start>,
    pub(super) ledger: Vec<LedgerRow>,
    /// Per limit of the experiment: the result of a latency limit.
    pub(super) latencies: Vec<Option<LimitResult>>,
    /// Stored histograms that can't be read.
    pub(super) unreadable: usize,
    asked: f64,
}

impl<'a> Case<'a> {
    /// Works the records out.
    pub(super) fn new(data: &'a RunData) -> Self {
        let experiment = &data.run.experiment;
        let lives = windows::lives(&data.run.faults, &data.events);
        let Some((start, end)) = data.phase(Phase::Holding) else {
            return Self {
                data,
                judged: None,
                seconds: Vec::new(),
                lives,
                windows: Vec::new(),
                starts: Vec::new(),
                ledger: Vec::new(),
                latencies: vec![None; experiment.limits.len()],
                unreadable: 0,
                asked: 0.0,
            };
        };
        let mut ledger = Ledger::new(experiment, start);
        ledger.end_at(end);
        let judged = ledger.profile();
        for row in &data.slices {
            ledger.second(Second::from(row));
        }
        for series in &data.series {
            for (at, epoch, reading) in &series.points {
                ledger.sample(&series.subject, *at, *epoch, reading);
            }
        }
        let mut meters: Vec<Option<Meter>> =
            experiment.limits.iter().map(|l| Meter::new(l, &experiment.load)).collect();
        let mut unreadable = 0;
        for row in &data.histograms {
            let middle = row.from + row.to.since(row.from) / 2;
            if middle < judged.from {
                continue;
            }
            let Ok(ok) = Histogram::from_v2(&row.ok) else {
                unreadable += 1;
                continue;
            };
            ledger.latency(row.from, row.to, &ok);
            for meter in meters.iter_mut().flatten() {
                meter.add(row, &ok);
            }
        }
        let seconds = ledger.seconds().to_vec();
        let planned = &data.run.faults;
        let windows = windows::find(planned, &lives, &seconds, judged, experiment.load.timeout);
        let starts = starts::find(&data.events, ledger.rebirths(), judged.from);
        let asked = ledger.asked(judged);
        let ledger = std::iter::from_fn(|| ledger.close(&windows, planned, &starts)).collect();
        Self {
            data,
            judged: Some(judged),
            seconds,
            lives,
            windows,
            starts,
            ledger,
            latencies: meters.into_iter().map(|m| m.map(Meter::finish)).collect(),
            unreadable,
            asked,
        }
    }

    /// What was asked for.
    pub(super) fn experiment(&self) -> &'a Experiment {
        &self.data.run.experiment
    }

    /// Arrivals of the judged phase.
    pub(super) fn totals(&self) -> Counts {
        total(&self.seconds)
    }

    /// Arrivals asked for in the judged phase.
    pub(super) fn asked(&self) -> f64 {
        self.asked
    }

    /// Seconds that no fault and no recovery touched.
    pub(super) fn clear(&self) -> impl Iterator<Item = &Second> {
        self.seconds.iter().filter(|s| {
            weather(&self.windows, Span { from: s.from, to: s.to }) == windows::Weather::Clear
        })
    }

    /// Why the run ended early, if it did.
    pub(super) fn stop(&self) -> Option<(Offset, StopCause, &'a str)> {
        self.data.events.iter().find_map(|e| match &e.kind {
            EventKind::Stop { cause, reason } => Some((e.at, *cause, reason.as_str())),
            _ => None,
        })
    }

    /// Names of the services that were sampled.
    pub(super) fn services(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self
            .data
            .series
            .iter()
            .filter_map(|s| match &s.subject {
                Subject::Instance { service, .. } => Some(service.as_str()),
                Subject::Host | Subject::Longhaul => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
