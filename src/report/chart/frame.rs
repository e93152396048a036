//! What all charts of a page share: the stretch of time, the faults, the unjudged phases.

use jiff::Timestamp;

use super::super::facts::Facts;
use crate::clock::Offset;
use crate::record::{Phase, Recovery};

/// One fault's time in force, and how long the target took afterwards.
pub(in crate::report) struct Window {
    /// Its number in the table of faults, from 1.
    pub(in crate::report) number: usize,
    pub(in crate::report) id: String,
    pub(in crate::report) what: String,
    pub(in crate::report) from: Offset,
    pub(in crate::report) to: Offset,
    /// When the workload was itself again, if that is known.
    pub(in crate::report) recovered: Option<Offset>,
}

/// The common ground of a page's charts.
pub(in crate::report) struct Frame {
    pub(in crate::report) start: Offset,
    pub(in crate::report) end: Offset,
    pub(in crate::report) windows: Vec<Window>,
    /// Unjudged phases: name, start, end.
    pub(in crate::report) shades: Vec<(&'static str, Offset, Offset)>,
    /// Calendar time of offset zero; `None` where the time axis stands for several runs.
    pub(in crate::report) anchor: Option<Timestamp>,
}

impl Frame {
    /// The frame of a run; `None` when no load ever ran.
    pub(in crate::report) fn of(facts: &Facts<'_>) -> Option<Self> {
        let data = facts.data;
        let shade = |name, phase| data.phase(phase).map(|(from, to)| (name, from, to));
        let shades: Vec<_> = [shade("warm-up", Phase::Warming), shade("cool-down", Phase::Cooling)]
            .into_iter()
            .flatten()
            .filter(|(_, from, to)| to > from)
            .collect();
        let first = data.slices.first()?.from;
        let last = data.slices.last()?.to;
        let start = shades.iter().map(|s| s.1).fold(first, Offset::min);
        let end = shades.iter().map(|s| s.2).fold(last, Offset::max);
        let windows = facts
            .verdict
            .faults
            .iter()
            .enumerate()
            .filter_map(|(i, fault)| {
                let from = fault.injected_at?;
                let to = fault.healed_at.unwrap_or(end).max(from);
                let recovered = match fault.recovery {
                    Recovery::Recovered { from_end, .. } => Some(to + from_end),
                    _ => None,
                };
                Some(Window {
                    number: i + 1,
                    id: fault.id.to_string(),
                    what: fault.what.clone(),
                    from,
                    to,
                    recovered,
                })
            })
            .collect();
        (end > start).then_some(Self { start, end, windows, shades, anchor: Some(data.run.anchor) })
    }

    /// Position of a moment between `left` and `right`; moments outside stick to the edge.
    pub(super) fn x(&self, at: Offset, left: f64, right: f64) -> f64 {
        let whole = self.end.as_secs_f64() - self.start.as_secs_f64();
        let share = (at.as_secs_f64() - self.start.as_secs_f64()) / whole;
        left + share.clamp(0.0, 1.0) * (right - left)
    }
}
