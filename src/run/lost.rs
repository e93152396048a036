//! What the store could not take at the end of a run, for the verdict all the same.

use crate::clock::Offset;
use crate::record::{Event, EventKind, GapSource, RunData};

/// The events that a verdict can't do without: phases, stops, faults. Few: their number is that of the plan.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<Event>);

impl Kept {
    /// Keeps an event, if it is of that kind.
    pub(super) fn event(&mut self, event: &Event) {
        if matches!(
            event.kind,
            EventKind::Phase { .. }
                | EventKind::Stop { .. }
                | EventKind::Steady { .. }
                | EventKind::Fault { .. }
        ) {
            self.0.push(event.clone());
        }
    }

    /// Puts those that are not on record into it, and a gap from the last moment on record until `now`.
    pub(super) fn complete(self, data: &mut RunData, reason: String, now: Offset) {
        let told = data.events.last().map(|e| e.at);
        let from = told.max(data.slices.last().map(|s| s.to)).unwrap_or_default();
        let missing: Vec<Event> =
            self.0.into_iter().filter(|event| !data.events.contains(event)).collect();
        data.events.extend(missing);
        data.events.sort_by_key(|event| event.at);
        let kind = EventKind::Gap { source: GapSource::Store, from, reason };
        data.events.push(Event { at: now, kind });
    }
}
