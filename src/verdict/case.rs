//! Everything that is known of a run, worked out once for all who judge it.

use std::cell::OnceCell;
use std::ops::Range;

use super::ledger::Ledger;
use super::limits::{Feed, Judged, Meter, Tally};
use super::part::Part;
use super::second::{Second, total};
use super::starts::{self, Start};
use super::windows::{self, FaultWindow, Life, Span};
use super::{leaks, own};
use crate::clock::Offset;
use crate::experiment::{Experiment, Scope};
use crate::record::{
    Capacity, Counts, EventKind, Histogram, HistogramRow, LeakResult, LedgerRow, OwnGauge, Phase,
    RunData, StopCause, Subject,
};

/// A run, laid out for judging.
pub(super) struct Case<'a> {
    pub(super) data: &'a RunData,
    /// The profile as far as it was run; `None` when it was never reached.
    pub(super) judged: Option<Span>,
    /// The time without load before the warm-up, if the target was given one.
    pub(super) idle: Option<Span>,
    /// Seconds from the profile's start on; after its end those in which its last arrivals ended.
    pub(super) seconds: Vec<Second>,
    /// Per planned fault.
    pub(super) lives: Vec<Life>,
    /// Per fault that was injected, by start.
    pub(super) windows: Vec<FaultWindow>,
    pub(super) starts: Vec<Start>,
    pub(super) ledger: Vec<LedgerRow>,
    /// Per limit of the experiment: the result of one on the load.
    pub(super) metered: Vec<Option<Judged>>,
    /// Stored histograms that can't be read.
    pub(super) unreadable: usize,
    asked: f64,
    leaks: OnceCell<Vec<LeakResult>>,
    own: OnceCell<Vec<OwnGauge>>,
}

impl<'a> Case<'a> {
    /// Works the records out.
    pub(super) fn new(data: &'a RunData) -> Self {
        let experiment = &data.run.experiment;
        let lives = windows::lives(&data.run.faults, &data.events);
        let nothing = Self {
            data,
            judged: None,
            idle: None,
            seconds: Vec::new(),
            lives,
            windows: Vec::new(),
            starts: Vec::new(),
            ledger: Vec::new(),
            metered: vec![None; experiment.limits.len()],
            unreadable: 0,
            asked: 0.0,
            leaks: OnceCell::new(),
            own: OnceCell::new(),
        };
        let Some((start, end)) = data.phase(Phase::Holding) else { return nothing };
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
        let planned = &data.run.faults;
        let seconds = ledger.seconds().to_vec();
        let windows =
            windows::find(planned, &nothing.lives, &seconds, judged, experiment.load.timeout);
        let mut case = Self {
            judged: Some(judged),
            idle: idle(data),
            asked: ledger.asked(judged),
            seconds,
            windows,
            ..nothing
        };
        case.measure(&mut ledger);
        let told: Vec<Start> = data.events.iter().filter_map(starts::told).collect();
        case.starts = starts::find(&told, ledger.rebirths(), judged.from);
        case.ledger =
            std::iter::from_fn(|| ledger.close(&case.windows, planned, &case.starts)).collect();
        case
    }

    /// Every gauge of every instance, judged for leaks.
    pub(super) fn leaks(&self) -> &[LeakResult] {
        self.leaks.get_or_init(|| leaks::results(self.data, &self.lives))
    }

    /// Every gauge of longhaul itself, judged.
    pub(super) fn own(&self) -> &[OwnGauge] {
        self.own.get_or_init(|| own::results(self.data))
    }

    /// Reads every stored histogram once, for the ledger and for the limits on the load.
    fn measure(&mut self, ledger: &mut Ledger) {
        let experiment = self.experiment();
        let meter = |limit: &crate::experiment::Limit| {
            Meter::new(limit, &experiment.load, self.part(&limit.scope)?)
        };
        let mut meters: Vec<Option<Meter>> = experiment.limits.iter().map(meter).collect();
        let Some(judged) = self.judged else { return };
        let data = self.data;
        for second in &self.seconds {
            let span = Span { from: second.from, to: second.to };
            let tally = Tally { counts: second.counts, ..stretch(ledger, judged, span) };
            for meter in meters.iter_mut().flatten() {
                if meter.feed() == Feed::Seconds && meter.wants(&span) {
                    meter.add(span, tally.clone());
                }
            }
        }
        for Block { span, rows } in blocks(&self.seconds, &data.histograms, judged) {
            let mut tallies: Vec<Option<Tally>> = meters
                .iter()
                .map(|meter| {
                    let meter = meter.as_ref()?;
                    (meter.feed() == Feed::Requests && meter.wants(&span))
                        .then(|| stretch(ledger, judged, span))
                })
                .collect();
            for row in &data.histograms[rows] {
                let Ok(ok) = Histogram::from_v2(&row.ok) else {
                    self.unreadable += 1;
                    continue;
                };
                ledger.latency(row.from, row.to, &ok);
                for (meter, tally) in meters.iter().zip(&mut tallies) {
                    if let (Some(meter), Some(tally)) = (meter, tally)
                        && meter.wants_step(row.step.0)
                    {
                        tally.counts.add(&row.counts);
                        if meter.wants_latencies() {
                            tally.latencies(&ok);
                        }
                    }
                }
            }
            for (meter, tally) in meters.iter_mut().zip(tallies) {
                if let (Some(meter), Some(tally)) = (meter, tally) {
                    meter.add(span, tally);
                }
            }
        }
        self.metered = meters.into_iter().map(|m| m.map(Meter::finish)).collect();
    }

    /// The part of the run that a scope means; `None` when the profile was never reached.
    pub(super) fn part(&self, scope: &Scope) -> Option<Part> {
        let planned = &self.data.run.faults;
        Some(Part::new(scope, self.judged?, self.idle, &self.windows, planned))
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

    /// What the search for the limit found, if there was one and it came to its end.
    pub(super) fn capacity(&self) -> Option<&'a Capacity> {
        self.data.events.iter().find_map(|e| match &e.kind {
            EventKind::Capacity(found) => Some(found),
            _ => None,
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
                Subject::Host | Subject::Longhaul | Subject::Probe(_) => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The time without load before the warm-up.
fn idle(data: &RunData) -> Option<Span> {
    let settle = data.run.experiment.load.settle;
    let begin = data.phase(Phase::Warming).or(data.phase(Phase::Holding))?.0;
    (!settle.is_zero()).then(|| Span { from: begin - settle, to: begin })
}

/// The time that a stretch takes of the profile, and the arrivals asked for in it.
fn stretch(ledger: &Ledger, judged: Span, span: Span) -> Tally {
    let from = span.from.clamp(judged.from, judged.to);
    let within = Span { from, to: span.to.clamp(from, judged.to) };
    Tally { time: within.length(), asked: ledger.asked(within), ..Tally::default() }
}

/// A stretch that stored latencies don't divide further, and their rows.
struct Block {
    span: Span,
    rows: Range<usize>,
}

/// The stretches from the profile's start on, in time order: those of stored latencies, and seconds without any.
fn blocks(seconds: &[Second], rows: &[HistogramRow], judged: Span) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let span = Span { from: row.from, to: row.to };
        if span.middle() < judged.from {
            continue;
        }
        match blocks.last_mut() {
            Some(last) if row.from < last.span.to && last.rows.end == i => {
                last.span.to = last.span.to.max(row.to);
                last.rows.end = i + 1;
            }
            _ => blocks.push(Block { span, rows: i..i + 1 }),
        }
    }
    let mut next = 0;
    let mut empty = Vec::new();
    for second in seconds {
        while blocks.get(next).is_some_and(|b| b.span.to <= second.middle()) {
            next += 1;
        }
        if blocks.get(next).is_none_or(|b| second.middle() < b.span.from) {
            let span = Span { from: second.from, to: second.to };
            empty.push(Block { span, rows: 0..0 });
        }
    }
    blocks.extend(empty);
    blocks.sort_by_key(|b| b.span.from);
    blocks
}
