//! Readings of a service's instances within a part of the run.

use std::time::Duration;

use super::super::case::Case;
use super::super::part::Part;
use super::super::starts;
use super::super::windows::Span;
use crate::clock::Offset;
use crate::experiment::Injection;
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

/// Whether at least nine tenths of the memory readings are there that a service's instances should have given in
/// this part while they were running: time in which one was down, or in which a fault of ours had it down, asks for none.
pub(super) fn enough(case: &Case, part: &Part, service: &str) -> Result<(), String> {
    let interval = case.experiment().sampling.interval.as_secs_f64().max(1e-3);
    let stretches = part.stretches();
    let Some(end) = stretches.last().map(|s| s.to) else {
        return Err("there was no such time".to_owned());
    };
    let downtimes = starts::downtimes(&case.data.events, end);
    let (mut expected, mut got, mut ends) = (0.0, 0, 0.0);
    for (ordinal, points) in of(case, service) {
        let who = Victim { service: service.to_owned(), ordinal };
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
            // The interval at either end may have missed the stretch.
            ends = 2.0 * stretches.len() as f64;
            let first = points.partition_point(|(at, ..)| *at < stretch.from);
            got += points[first..]
                .iter()
                .take_while(|(at, ..)| *at < stretch.to)
                .filter(|(at, _, reading)| {
                    reading.anon.is_some() && !down.iter().any(|d| d.contains(*at))
                })
                .count();
        }
    }
    if got as f64 + ends < 0.9 * expected || got == 0 {
        Err(format!("only {got} of {expected:.0} expected memory readings of {service}"))
    } else {
        Ok(())
    }
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

/// The weighted mean of all points; `None` without any.
pub(super) fn mean(points: &[Point]) -> Option<f64> {
    let weight: f64 = points.iter().map(|p| p.weight).sum();
    (weight > 0.0).then(|| points.iter().map(|p| p.value * p.weight).sum::<f64>() / weight)
}

/// The highest mean of any window that the points reach across. A window longer than all of them is one window.
pub(super) fn worst_mean(points: &[Point], window: Duration) -> Option<(f64, Span)> {
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
