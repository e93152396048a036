//! One condition on the load, measured over slices as they come: for `abort_when` and the steady state.

use std::time::Duration;

use super::super::super::sliding::Sliding;
use super::super::super::windows::Span;
use super::super::{Bound, load_name};
use super::Tally;
use super::meter::{Feed, feed, judge, step_index, wants_latencies};
use super::value::value;
use crate::clock::Offset;
use crate::experiment::{Condition, Load, LoadMeasure, Timeline};
use crate::record::{LimitResult, LoadSlice};

/// A condition over the last so long. Its memory does not depend on how long that is.
#[derive(Clone, Debug)]
pub(in crate::verdict) struct LiveMeter {
    measure: LoadMeasure,
    bound: Bound,
    step: Option<u16>,
    timeline: Timeline,
    /// Start of the load.
    begin: Offset,
    /// `None`: over everything.
    sliding: Option<Sliding>,
    whole: Tally,
}

impl LiveMeter {
    /// A meter over a sliding window. `begin` is the start of the load.
    pub(in crate::verdict) fn sliding(
        condition: &Condition,
        load: &Load,
        begin: Offset,
        window: Duration,
    ) -> Self {
        Self { sliding: Some(Sliding::by_block(window)), ..Self::whole(condition, load, begin) }
    }

    /// A meter over everything. `begin` is the start of the load.
    pub(in crate::verdict) fn whole(condition: &Condition, load: &Load, begin: Offset) -> Self {
        Self {
            measure: condition.measure.clone(),
            bound: Bound::of(&condition.bound),
            step: step_index(load, condition.measure.step()),
            timeline: load.timeline(),
            begin,
            sliding: None,
            whole: Tally::default(),
        }
    }

    /// Adds a slice. Gives the result over the window each time the window is full and moved on.
    pub(in crate::verdict) fn slice(&mut self, slice: &LoadSlice) -> Option<LimitResult> {
        let tally = self.tally(slice);
        let Some(sliding) = &mut self.sliding else {
            self.whole.add(&tally);
            return None;
        };
        let (place, tally) = sliding.push(Span { from: slice.from, to: slice.to }, tally)?;
        let found = value(&self.measure, &tally);
        Some(judge(&self.bound, load_name(&self.measure), found, Some(place)))
    }

    /// The result over everything there was.
    pub(in crate::verdict) fn finish(&self) -> LimitResult {
        judge(&self.bound, load_name(&self.measure), value(&self.measure, &self.whole), None)
    }

    fn tally(&self, slice: &LoadSlice) -> Tally {
        let due = |at: Offset| self.timeline.due_before(at.since(self.begin));
        let mut tally = Tally {
            time: slice.to.since(slice.from),
            asked: due(slice.to) - due(slice.from),
            ..Tally::default()
        };
        if feed(&self.measure) == Feed::Seconds {
            tally.counts = slice.counts;
            return tally;
        }
        let mine = |step: u16| self.step.is_none_or(|own| own == step);
        for step in slice.steps.iter().filter(|s| mine(s.step.0)) {
            tally.counts.add(&step.counts);
            if wants_latencies(&self.measure) {
                tally.latencies(&step.ok);
            }
        }
        tally
    }
}
