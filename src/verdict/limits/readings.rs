//! Readings of a service's instances within a part of the run.

use std::time::Duration;

use super::super::case::Case;
use super::super::part::Part;
use super::super::starts;
use super::super::windows::Span;
use crate::clock::Offset;
use crate::experiment::{Injection, Statistic};
use crate::record::{Reading, Subject, Victim};

type Points<'a> = &'a [(Offset, u32, Reading)];

/// The readings of each instance of a service, by its number.
pub(super) fn of<'a>(case: &Case<'a>, service: &str) -> Vec<(u32, Points<'a>)> {
    case.data
        .series
        .iter()
        .filter_map(|s| match &s.subject {
            Subject::Instance { service: name, ordinal } if name == service => {
                Some((*ordinal, s.points.as_slice()))
            }
            _ => None,
        })
        .collect()
}

/// Whether there are enough memory readings of a service's instances in this part.
pub(super) fn enough(case: &Case, part: &Part, service: &str) -> Result<(), String> {
    let interval = case.experiment().sampling.interval;
    let read: Vec<(u32, Vec<Offset>)> = of(case, service)
        .into_iter()
        .map(|(ordinal, points)| {
            let read = points.iter().filter(|(_, _, reading)| reading.anon.is_some());
            (ordinal, read.map(|(at, ..)| *at).collect())
        })
        .collect();
    enough_of(case, part, &Wanted { service, what: "memory", interval }, &read)
}

/// What is read of a service's instances, and how often.
pub(super) struct Wanted<'a> {
    pub(super) service: &'a str,
    pub(super) what: &'a str,
    pub(super) interval: Duration,
}

/// Whether at least nine tenths of the readings are there that each of a service's instances should have given in this
/// part while it was running: time in which one was down, or in which a fault of ours had it down, asks for none.
/// `read`: when each instance was read, in time order.
pub(super) fn enough_of(
    case: &Case,
    part: &Part,
    wanted: &Wanted<'_>,
    read: &[(u32, Vec<Offset>)],
) -> Result<(), String> {
    let Wanted { service, what, interval } = *wanted;
    let interval = interval.as_secs_f64().max(1e-3);
    let stretches = part.stretches();
    let Some(end) = stretches.last().map(|s| s.to) else {
        return Err("there was no such time".to_owned());
    };
    let downtimes = starts::downtimes(&case.data.events, end);
    // The interval at either end may have missed the stretch.
    let ends = 2.0 * stretches.len() as f64;
    let mut any = false;
    for (ordinal, moments) in read {
        let (mut expected, mut got) = (0.0, 0);
        let who = Victim { service: service.to_owned(), ordinal: *ordinal };
        let mut down: Vec<Span> = downtimes.get(&who).cloned().unwrap_or_default();
        down.extend(case.windows.iter().filter_map(|w| {
            let fault = &case.data.run.faults[w.fault];
            let stops = matches!(
                fault.inject,
                Injection::Kill { .. } | Injection::Stop { .. } | Injection::Restart { .. }
            );
            (stops && fault.victims.contains(&who)).then_some(w.force)
        }));
        for stretch in &stretches {
            let down = spread(down.clone(), *stretch);
            let up = stretch.length().saturating_sub(down.iter().map(Span::length).sum());
            expected += up.as_secs_f64() / interval;
            let first = moments.partition_point(|at| *at < stretch.from);
            got += moments[first..]
                .iter()
                .take_while(|at| **at < stretch.to)
                .filter(|at| !down.iter().any(|d| d.contains(**at)))
                .count();
        }
        if got as f64 + ends < 0.9 * expected {
            return Err(format!(
                "only {got} of {expected:.0} expected readings of {what} of {service}#{ordinal}"
            ));
        }
        any |= got > 0;
    }
    if any { Ok(()) } else { Err(format!("there are no readings of {what} of {service}")) }
}

/// The spans, each widened by two seconds, cut to the stretch and merged.
fn spread(mut spans: Vec<Span>, stretch: Span) -> Vec<Span> {
    let slack = Duration::from_secs(2);
    for span in &mut spans {
        *span = Span {
            from: (span.from - slack).clamp(stretch.from, stretch.to),
            to: (span.to + slack).clamp(stretch.from, stretch.to),
        };
    }
    spans.sort_by_key(|s| s.from);
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

/// A figure over a stretch of time: its weight and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) span: Span,
    pub(super) value: f64,
    pub(super) weight: f64,
}

impl Point {
    /// A reading of one moment.
    pub(super) fn at(moment: Offset, value: f64) -> Self {
        Self { span: Span { from: moment, to: moment }, value, weight: 1.0 }
    }
}

/// The statistic of an instance's points, and the time it is of if it is not of all or of a moment; `None` without any.
pub(super) fn figure(
    points: &[Point],
    statistic: Statistic,
    window: Option<Duration>,
) -> Option<(f64, Option<Span>)> {
    match (statistic, window) {
        (Statistic::Max, _) => points
            .iter()
            .max_by(|a, b| a.value.total_cmp(&b.value))
            .map(|p| (p.value, Some(p.span).filter(|span| !span.length().is_zero()))),
        (Statistic::Mean, Some(window)) => {
            worst_mean(points, window).map(|(value, span)| (value, Some(span)))
        }
        (Statistic::Mean, None) => mean(points).map(|value| (value, None)),
    }
}

/// A figure, whose it is, and the time it is of.
pub(super) type Found<T> = (f64, T, Option<Span>);

/// The highest of several; of equal ones the first.
pub(super) fn highest<T>(found: impl IntoIterator<Item = Found<T>>) -> Option<Found<T>> {
    found.into_iter().reduce(|worst, next| if next.0 > worst.0 { next } else { worst })
}

/// The weighted mean of all points; `None` without any.
fn mean(points: &[Point]) -> Option<f64> {
    let weight: f64 = points.iter().map(|p| p.weight).sum();
    (weight > 0.0).then(|| points.iter().map(|p| p.value * p.weight).sum::<f64>() / weight)
}

/// The highest mean of any window that the points reach across. A window longer than all of them is one window.
fn worst_mean(points: &[Point], window: Duration) -> Option<(f64, Span)> {
    let end = points.last()?.span.to;
    let (mut sum, mut weight, mut next) = (0.0, 0.0, 0);
    let mut worst: Option<(f64, Span)> = None;
    for (i, first) in points.iter().enumerate() {
        let span = Span { from: first.span.from, to: first.span.from + window };
        while let Some(point) = points.get(next)
            && point.span.from < span.to
        {
            sum += point.value * point.weight;
            weight += point.weight;
            next += 1;
        }
        let mean = sum / weight.max(f64::MIN_POSITIVE);
        sum -= first.value * first.weight;
        weight -= first.weight;
        let reached = i == 0 || end + Duration::from_secs(1) >= span.to;
        if reached && worst.is_none_or(|(w, _)| mean > w) {
            worst = Some((mean, span));
        }
    }
    worst
}
