//! One limit on the load, measured over stored records.

use super::super::super::part::{self, Part};
use super::super::super::sliding::Sliding;
use super::super::super::windows::Span;
use super::super::{Bound, Judged, limit_name};
use super::Tally;
use super::value::{Value, value};
use crate::experiment::{Limit, Load, LoadMeasure, Measure, Scope};
use crate::record::{LimitResult, Side};

/// What a meter is fed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verdict) enum Feed {
    /// Seconds, which know arrivals.
    Seconds,
    /// Stored histograms, which know steps and latencies.
    Requests,
}

/// Measures one limit. Give it every stretch of load, in time order.
pub(in crate::verdict) struct Meter {
    name: String,
    measure: LoadMeasure,
    bound: Bound,
    scope: Scope,
    part: Part,
    step: Option<u16>,
    whole: Tally,
    sliding: Option<Sliding>,
    worst: Option<(f64, Span, String)>,
    /// The first window in which the target did so badly that there is no figure.
    hopeless: Option<(Span, String)>,
}

impl Meter {
    /// A meter for the limit; `None` when it is none on the load.
    pub(in crate::verdict) fn new(limit: &Limit, load: &Load, part: Part) -> Option<Self> {
        let Measure::Load(measure) = &limit.measure else { return None };
        let feed = feed(measure);
        Some(Self {
            name: limit_name(limit),
            measure: measure.clone(),
            bound: Bound::of(&limit.bound),
            scope: limit.scope.clone(),
            part,
            step: step_index(load, measure.step()),
            whole: Tally::default(),
            sliding: limit.window.map(|window| match feed {
                Feed::Seconds => Sliding::by_slice(window),
                Feed::Requests => Sliding::by_block(window),
            }),
            worst: None,
            hopeless: None,
        })
    }

    /// What it wants.
    pub(in crate::verdict) fn feed(&self) -> Feed {
        feed(&self.measure)
    }

    /// Whether this stretch belongs to its part of the run.
    pub(in crate::verdict) fn wants(&self, span: &Span) -> bool {
        self.part.holds(span)
    }

    /// Whether it looks at this step.
    pub(in crate::verdict) fn wants_step(&self, step: u16) -> bool {
        self.step.is_none_or(|own| own == step)
    }

    /// Whether it needs latencies.
    pub(in crate::verdict) fn wants_latencies(&self) -> bool {
        wants_latencies(&self.measure)
    }

    /// Adds a stretch that it wants.
    pub(in crate::verdict) fn add(&mut self, span: Span, tally: Tally) {
        self.whole.add(&tally);
        if let Some(sliding) = &mut self.sliding {
            let window = sliding.push(span, tally);
            self.consider(window);
        }
    }

    /// The result.
    pub(in crate::verdict) fn finish(mut self) -> Judged {
        let windowed = self.sliding.is_some();
        if let Some(last) = self.sliding.take().map(Sliding::finish) {
            self.consider(last);
        }
        let name = self.name;
        let breached = |worst: &(f64, Span, String)| self.bound.worse(worst.0, self.bound.value());
        let hopeless = self.hopeless.filter(|_| !self.worst.as_ref().is_some_and(breached));
        if let Some((span, measured)) = hopeless {
            let window = Some((span.from, span.to));
            let result = LimitResult { window, ..self.bound.fail(name, measured) };
            return Judged { result, side: Side::Longhaul };
        }
        let result = match (self.worst, value(&self.measure, &self.whole)) {
            (Some((worst, span, note)), _) => self.bound.judge(name, worst, Some(span), Some(note)),
            (None, Value::Measured(..)) if windowed => {
                let why = "no window held enough arrivals to tell".to_owned();
                self.bound.unknown(name, why)
            }
            (None, _) if self.scope != Scope::Total && self.whole.time.is_zero() => {
                self.bound.unknown(name, part::why_empty(&self.scope))
            }
            (None, whole) => judge(&self.bound, name, whole, None),
        };
        Judged { result, side: Side::Longhaul }
    }

    fn consider(&mut self, window: Option<(Span, Tally)>) {
        let Some((span, tally)) = window else { return };
        match value(&self.measure, &tally) {
            Value::Measured(value, note) => {
                if self.worst.as_ref().is_none_or(|(worst, ..)| self.bound.worse(value, *worst)) {
                    self.worst = Some((value, span, note));
                }
            }
            Value::Hopeless(measured) => {
                self.hopeless.get_or_insert((span, measured));
            }
            Value::TooLittle(_) => {}
        }
    }
}

/// The result of a figure, or of there being none.
pub(super) fn judge(bound: &Bound, name: String, value: Value, place: Option<Span>) -> LimitResult {
    match value {
        Value::Measured(value, note) => bound.judge(name, value, place, Some(note)),
        Value::Hopeless(measured) => bound.fail(name, measured),
        Value::TooLittle(why) => bound.unknown(name, why),
    }
}

/// What a measure is taken from.
pub(super) fn feed(measure: &LoadMeasure) -> Feed {
    match measure {
        LoadMeasure::Throughput { .. } => Feed::Requests,
        _ if measure.step().is_some() || wants_latencies(measure) => Feed::Requests,
        _ => Feed::Seconds,
    }
}

/// Whether the measure needs latencies.
pub(super) fn wants_latencies(measure: &LoadMeasure) -> bool {
    matches!(measure, LoadMeasure::Latency { .. } | LoadMeasure::Apdex { .. })
}

/// The step's index; one that no step has when there is no such step.
pub(super) fn step_index(load: &Load, step: Option<&str>) -> Option<u16> {
    let step = step?;
    let index = load.step_names().iter().position(|name| name == step);
    Some(index.and_then(|i| u16::try_from(i).ok()).unwrap_or(u16::MAX))
}
