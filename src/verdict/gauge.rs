//! One limit measured over load slices as they come: for `abort_when` and the steady state.

use std::collections::VecDeque;
use std::time::Duration;

use super::limits::{self, Bound};
use super::second::answered;
use super::sliding::Sliding;
use super::windows::Span;
use crate::clock::Offset;
use crate::experiment::{LatencyFigure, LimitKind, Load, Timeline};
use crate::record::{Counts, Histogram, LimitResult, LoadSlice};

/// One of `achieved_rate`, `error_rate` and `latency` over the last so long. Anything else is never measured.
#[derive(Clone, Debug)]
pub(super) struct Gauge {
    kind: LimitKind,
    step: Option<u16>,
    timeline: Timeline,
    window: Duration,
    slices: VecDeque<(Span, Counts)>,
    counts: Counts,
    latency: Option<(LatencyFigure, Sliding)>,
    /// Start of the load: the first slice's.
    begin: Option<Offset>,
}

impl Gauge {
    /// A gauge over a sliding window.
    pub(super) fn new(kind: &LimitKind, load: &Load, window: Duration) -> Self {
        let (latency, step) = match kind {
            LimitKind::Latency { figure, step, .. } => {
                (Some((*figure, Sliding::new(window))), limits::step_index(load, step.as_deref()))
            }
            _ => (None, None),
        };
        Self {
            kind: kind.clone(),
            step,
            timeline: load.timeline(),
            window,
            slices: VecDeque::new(),
            counts: Counts::default(),
            latency,
            begin: None,
        }
    }

    /// Says when the load began; else it is the first slice's start.
    pub(super) fn begin(mut self, at: Offset) -> Self {
        self.begin = Some(at);
        self
    }

    /// Adds a slice. Gives the limit's result over the window each time the window is full and moved on.
    pub(super) fn slice(&mut self, slice: &LoadSlice) -> Option<LimitResult> {
        self.begin.get_or_insert(slice.from);
        let span = Span { from: slice.from, to: slice.to };
        if let Some((figure, sliding)) = &mut self.latency {
            let latencies = limits::pick_step(slice, self.step);
            let (place, histogram) = sliding.push(span, &latencies)?;
            return Some(limits::latency_result(&self.kind, *figure, &histogram, 0, Some(place)));
        }
        self.slices.push_back((span, slice.counts));
        self.counts.add(&slice.counts);
        let oldest = span.to - self.window;
        while let Some((first, counts)) = self.slices.front()
            && first.from < oldest
        {
            subtract(&mut self.counts, counts);
            self.slices.pop_front();
        }
        let from = self.slices.front().map_or(span.from, |(first, _)| first.from);
        let place = Span { from, to: span.to };
        let full = place.length() + Duration::from_millis(100) >= self.window;
        if full { self.counted(place) } else { None }
    }

    /// The result over what the window holds at the end, full or not.
    pub(super) fn finish(self) -> Option<LimitResult> {
        if let Some((figure, sliding)) = self.latency {
            let (place, histogram) = sliding.finish().unwrap_or((EMPTY, Histogram::new()));
            return Some(limits::latency_result(&self.kind, figure, &histogram, 0, Some(place)));
        }
        let from = self.slices.front().map(|(span, _)| span.from);
        let to = self.slices.back().map(|(span, _)| span.to);
        let place = from.zip(to).map_or(EMPTY, |(from, to)| Span { from, to });
        self.counted(place)
    }

    fn counted(&self, place: Span) -> Option<LimitResult> {
        let bound = Bound::of(&self.kind);
        let few = format!("only {} arrivals ended", self.counts.ended());
        let (asked, measured) = match &self.kind {
            LimitKind::AchievedRate { .. } => {
                let begin = self.begin.unwrap_or_default();
                let asked = self.timeline.due_before(place.to.since(begin))
                    - self.timeline.due_before(place.from.since(begin));
                (asked, answered(&self.counts) as f64 / asked.max(1.0))
            }
            LimitKind::ErrorRate { .. } => {
                let ended = self.counts.ended() as f64;
                (ended, self.counts.errors() as f64 / ended.max(1.0))
            }
            _ => return None,
        };
        let name = limits::name(&self.kind);
        Some(if asked < limits::MIN_ARRIVALS as f64 {
            bound.unknown(name, few)
        } else {
            bound.judge(name, measured, Some(place), None)
        })
    }
}

const EMPTY: Span = Span { from: Offset::ZERO, to: Offset::ZERO };

fn subtract(sum: &mut Counts, gone: &Counts) {
    sum.scheduled -= gone.scheduled;
    sum.ok -= gone.ok;
    sum.failed -= gone.failed;
    sum.timed_out -= gone.timed_out;
    sum.not_sent -= gone.not_sent;
}
