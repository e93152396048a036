//! Starts of instances that were not the first, and when instances were down.

use std::collections::BTreeMap;
use std::time::Duration;

use super::windows::{FaultWindow, Span};
use crate::clock::Offset;
use crate::experiment::Injection;
use crate::record::{Event, EventKind, PlannedFault, TargetAction, Victim};

/// One start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Offset,
    pub(super) who: Victim,
}

/// A new process life that samples showed: between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rebirth {
    pub(super) between: Span,
    pub(super) lives: u32,
    pub(super) who: Victim,
}

/// A sample may be this much older than the event of the start it shows.
const SLACK: Duration = Duration::from_secs(2);

/// The start that an event tells of.
pub(super) fn told(event: &Event) -> Option<Start> {
    match &event.kind {
        EventKind::Target { victim, action: TargetAction::Start, .. } => {
            Some(Start { at: event.at, who: victim.clone() })
        }
        _ => None,
    }
}

/// All starts from `since` on, in time order: those the engine told of, and those that only the samples show.
pub(super) fn find<'a>(
    told: impl IntoIterator<Item = &'a Start>,
    rebirths: &[Rebirth],
    since: Offset,
) -> Vec<Start> {
    let mut starts: Vec<Start> = told.into_iter().filter(|s| s.at >= since).cloned().collect();
    let told = starts.len();
    for birth in rebirths {
        let around = Span { from: birth.between.from - SLACK, to: birth.between.to + SLACK };
        let known =
            starts[..told].iter().filter(|s| s.who == birth.who && around.contains(s.at)).count();
        for _ in known..birth.lives as usize {
            starts.push(Start { at: birth.between.to, who: birth.who.clone() });
        }
    }
    starts.sort_by(|a, b| (a.at, &a.who).cmp(&(b.at, &b.who)));
    starts
}

/// Whether a reading that comes after one at `last` may still show this start.
pub(super) fn may_be_shown(start: &Start, last: Offset) -> bool {
    start.at + SLACK >= last
}

/// Whether a fault of ours caused the start: it lies in the window of a fault that hit the instance, or up to
/// `restart_after` and a few seconds behind it.
pub(super) fn injected(start: &Start, windows: &[FaultWindow], planned: &[PlannedFault]) -> bool {
    windows.iter().any(|window| {
        let fault = &planned[window.fault];
        let restart_after = match &fault.inject {
            Injection::Kill { restart_after, .. } => *restart_after,
            _ => Duration::ZERO,
        };
        let reach = window.force.to + restart_after + Duration::from_secs(5);
        fault.victims.contains(&start.who)
            && (Span { from: window.force.from, to: reach }).contains(start.at)
    })
}

/// When each instance was not running, until `end`.
pub(super) fn downtimes(events: &[Event], end: Offset) -> BTreeMap<Victim, Vec<Span>> {
    let mut down: BTreeMap<Victim, Vec<Span>> = BTreeMap::new();
    for event in events {
        let EventKind::Target { victim, action, .. } = &event.kind else { continue };
        let spans = down.entry(victim.clone()).or_default();
        let open = spans.last_mut().filter(|s| s.to == end);
        match (action, open) {
            (TargetAction::Die { .. }, None) => spans.push(Span { from: event.at, to: end }),
            (TargetAction::Start, Some(open)) => open.to = event.at,
            _ => {}
        }
    }
    down
}

#[cfg(test)]
mod tests {
    use super::super::testing::{secs, start_event, victim};
    use super::*;

    #[test]
    fn a_start_that_events_and_samples_both_show_is_one_start() {
        let at = |s| Offset::ZERO + secs(s);
        let birth = |from, to, lives| Rebirth {
            between: Span { from: at(from), to: at(to) },
            lives,
            who: victim("api", 1),
        };
        let events = [start_event("api", 1, 1), start_event("api", 1, 20)];
        let find = |births: &[Rebirth]| {
            let told: Vec<Start> = events.iter().filter_map(told).collect();
            find(&told, births, at(10))
        };
        assert_eq!(find(&[]).len(), 1);
        assert_eq!(find(&[birth(19, 20, 1)]).len(), 1);
        assert_eq!(find(&[birth(19, 20, 3)]).len(), 3);
        assert_eq!(find(&[birth(40, 41, 1)]).len(), 2);
    }
}
