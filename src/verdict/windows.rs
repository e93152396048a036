//! When faults were in force, and for how long after them the target is given to recover.

use std::time::Duration;

use super::recovery::{self, Measured};
use super::second::Second;
use crate::clock::Offset;
use crate::record::{Event, EventKind, FaultStage, PlannedFault, Recovery};

/// A stretch of time: start inclusive, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Offset,
    pub(super) to: Offset,
}

impl Span {
    /// Its length.
    pub(super) fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    /// Its middle.
    pub(super) fn middle(&self) -> Offset {
        self.from + self.length() / 2
    }

    /// Whether the moment lies in it.
    pub(super) fn contains(&self, at: Offset) -> bool {
        self.from <= at && at < self.to
    }

    /// The time both share.
    pub(super) fn overlap(&self, other: &Self) -> Duration {
        self.to.min(other.to).since(self.from.max(other.from))
    }
}

/// What the events say of one planned fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) injected: Option<Offset>,
    pub(super) active: bool,
    pub(super) unverified: Option<String>,
    pub(super) not_applied: Option<String>,
    pub(super) healed: Option<(Offset, String)>,
    pub(super) stuck: Option<String>,
    /// The workload is known to have left its band, though the seconds that show it are gone.
    pub(super) left_band: bool,
}

/// The life of each planned fault, in the order of the plan.
pub(super) fn lives(planned: &[PlannedFault], events: &[Event]) -> Vec<Life> {
    let mut lives = vec![Life::default(); planned.len()];
    for event in events {
        live_on(&mut lives, planned, event);
    }
    lives
}

/// Takes an event into the lives; one that is of no fault changes nothing.
pub(super) fn live_on(lives: &mut [Life], planned: &[PlannedFault], event: &Event) {
    if let EventKind::Fault { fault, stage } = &event.kind
        && let Some(i) = planned.iter().position(|p| p.id == *fault)
    {
        lives[i].reach(event.at, stage);
    }
}

impl Life {
    fn reach(&mut self, at: Offset, stage: &FaultStage) {
        match stage {
            FaultStage::Intended | FaultStage::Healing => {}
            FaultStage::Injected => {
                self.injected.get_or_insert(at);
            }
            FaultStage::Active { .. } => {
                self.injected.get_or_insert(at);
                self.active = true;
            }
            FaultStage::Unverified { reason } => {
                self.injected.get_or_insert(at);
                self.unverified = Some(reason.clone());
            }
            FaultStage::NotApplied { reason } => {
                self.not_applied = Some(reason.clone());
                // What was asked for and refused was never in force.
                if !self.active {
                    self.injected = None;
                }
            }
            FaultStage::Healed { evidence } => {
                self.healed.get_or_insert((at, evidence.clone()));
                // A heal that first got stuck and then went through is a heal.
                self.stuck = None;
            }
            FaultStage::Stuck { reason } => {
                if self.healed.is_none() {
                    self.stuck = Some(reason.clone());
                }
            }
        }
    }
}

/// One fault in force.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FaultWindow {
    /// Index in the plan.
    pub(super) fault: usize,
    /// From injection to heal; to the end of what is known for one that was not healed.
    pub(super) force: Span,
    /// End of its recovery tail: what ends before is not held against the time outside faults.
    pub(super) tail: Offset,
    /// How the workload came back.
    pub(super) measured: Measured,
}

impl FaultWindow {
    /// The time in which the workload was not itself; watching ended at `watched_to`.
    pub(super) fn disturbed(&self, watched_to: Offset) -> Span {
        let to = match (self.measured.back, &self.measured.recovery) {
            (Some(back), _) => back,
            // Nothing tells how long; what follows it needs a baseline of its own.
            (None, Recovery::NoBaseline { .. }) => watched_to.min(self.force.to + LONGEST_TAIL),
            (None, _) => watched_to,
        };
        Span { from: self.force.from, to: to.max(self.force.to) }
    }

    /// Its force as seconds show it: a fault of no length still touches the second it happened in.
    pub(super) fn seen(&self) -> Span {
        let to = self.force.to.max(self.force.from + Duration::from_micros(1));
        Span { from: self.force.from, to }
    }
}

/// Longest recovery tail of a fault without `recover_within`.
const LONGEST_TAIL: Duration = Duration::from_mins(5);
/// Tail of a fault whose recovery can't be measured for want of a baseline.
const BLIND_TAIL: Duration = Duration::from_secs(30);

/// The windows of all faults that were injected, by start. `judged` is the profile, as far as it is known;
/// `timeout` the load's: an arrival that fell due under a fault may end that much after it, so no tail is shorter.
pub(super) fn find(
    planned: &[PlannedFault],
    lives: &[Life],
    seconds: &[Second],
    judged: Span,
    timeout: Duration,
) -> Vec<FaultWindow> {
    let mut forces: Vec<(usize, Span)> = lives
        .iter()
        .enumerate()
        .filter_map(|(i, life)| {
            let from = life.injected?;
            let to = life.healed.as_ref().map_or(judged.to, |(at, _)| *at).max(from);
            Some((i, Span { from, to }))
        })
        .collect();
    forces.sort_by_key(|(i, force)| (force.from, *i));

    let mut disturbed: Vec<Span> = Vec::new();
    let mut windows = Vec::new();
    for &(fault, force) in &forces {
        // Nothing can be told of the time in which another fault is in force.
        let others = forces.iter().filter(|(other, _)| *other != fault).map(|(_, other)| other);
        let next = others
            .filter(|other| other.from >= force.to || other.to > force.to)
            .map(|other| other.from.max(force.to))
            .min()
            .unwrap_or(judged.to);
        let watched_to = next.min(judged.to).max(force.to);
        let measured = recovery::measure(
            seconds,
            judged.from,
            force,
            watched_to,
            &disturbed,
            lives[fault].left_band,
        );
        let longest = planned[fault].recover_within.unwrap_or(LONGEST_TAIL);
        let tail = match &measured.recovery {
            Recovery::Recovered { from_end, .. } => (*from_end).max(timeout),
            Recovery::Unaffected => timeout,
            Recovery::NotRecovered { .. } => longest,
            Recovery::NoBaseline { .. } => BLIND_TAIL.max(timeout),
        };
        let tail = force.to + tail.min(longest.max(timeout));
        let window = FaultWindow { fault, force, tail, measured };
        disturbed.push(window.disturbed(watched_to));
        windows.push(window);
    }
    windows
}

/// What a stretch of time was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// No fault and no recovery.
    Clear,
    /// A fault was in force for a part of it.
    Fault,
    /// A fault had ended and its tail had not.
    Recovering,
}

/// What the stretch of time was like; a fault anywhere in it outweighs a tail.
pub(super) fn weather(windows: &[FaultWindow], stretch: Span) -> Weather {
    let mut weather = Weather::Clear;
    for window in windows {
        if stretch.overlap(&window.seen()) > Duration::ZERO {
            return Weather::Fault;
        }
        if stretch.overlap(&Span { from: window.force.to, to: window.tail }) > Duration::ZERO {
            weather = Weather::Recovering;
        }
    }
    weather
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, secs};
    use super::*;

    #[test]
    fn a_fault_masks_its_window_and_its_tail_and_nothing_else() {
        let data = Synthetic::hold(300).fault("cut", 100, 20).build();
        let (judged, seconds) = Synthetic::parts(&data);
        let lives = lives(&data.run.faults, &data.events);
        let windows = find(&data.run.faults, &lives, &seconds, judged, Duration::from_secs(5));
        assert_eq!(windows.len(), 1);
        let at = |s: u64| {
            let from = judged.from + secs(s);
            weather(&windows, Span { from, to: from + secs(1) })
        };
        assert_eq!(at(99), Weather::Clear);
        assert_eq!(at(100), Weather::Fault);
        assert_eq!(at(119), Weather::Fault);
        assert_eq!(at(121), Weather::Recovering);
        assert_eq!(at(126), Weather::Clear);
    }

    #[test]
    fn a_fault_that_was_not_healed_stays_in_force() {
        let mut data = Synthetic::hold(300).fault("cut", 100, 20).build();
        data.events.retain(|e| {
            !matches!(e.kind, EventKind::Fault { stage: FaultStage::Healed { .. }, .. })
        });
        let (judged, seconds) = Synthetic::parts(&data);
        let lives = lives(&data.run.faults, &data.events);
        let windows = find(&data.run.faults, &lives, &seconds, judged, Duration::from_secs(5));
        assert_eq!(windows[0].force.to, judged.to);
    }

    #[test]
    fn a_fault_that_was_refused_was_never_in_force() {
        let mut data = Synthetic::hold(300).fault("cut", 100, 20).build();
        for event in &mut data.events {
            if let EventKind::Fault { stage, .. } = &mut event.kind
                && !matches!(stage, FaultStage::Intended | FaultStage::Injected)
            {
                *stage = FaultStage::NotApplied { reason: "no permission".into() };
            }
        }
        let (judged, seconds) = Synthetic::parts(&data);
        let lives = lives(&data.run.faults, &data.events);
        assert!(lives[0].not_applied.is_some(), "{lives:?}");
        let windows = find(&data.run.faults, &lives, &seconds, judged, Duration::from_secs(5));
        assert_eq!(windows, []);
    }

    #[test]
    fn overlapping_faults_do_not_answer_for_each_other() {
        // The long one hurts; the short one comes and goes meanwhile.
        let data = Synthetic::hold(600)
            .fault("long", 100, 300)
            .fault("short", 150, 50)
            .each(100..402, |s| (s.counts.ok, s.counts.failed) = (40, 10))
            .build();
        let (judged, seconds) = Synthetic::parts(&data);
        let lives = lives(&data.run.faults, &data.events);
        let windows = find(&data.run.faults, &lives, &seconds, judged, Duration::from_secs(5));
        let recovery = |name: &str| {
            let of = |w: &&FaultWindow| data.run.faults[w.fault].name == name;
            &windows.iter().find(of).unwrap().measured.recovery
        };
        let Recovery::Recovered { from_end, .. } = recovery("long") else { panic!("{windows:?}") };
        assert!(from_end.abs_diff(secs(2)) <= secs(1), "{from_end:?}");
        assert_eq!(*recovery("short"), Recovery::NotRecovered { watched: Duration::ZERO });
    }

    #[test]
    fn a_late_heal_clears_a_stuck_one() {
        let mut data = Synthetic::hold(60).fault("cut", 10, 5).build();
        let id = data.run.faults[0].id.clone();
        let stuck = FaultStage::Stuck { reason: "engine away".into() };
        let at = data.events.iter().map(|e| e.at).max().unwrap();
        data.events.retain(|e| {
            !matches!(e.kind, EventKind::Fault { stage: FaultStage::Healed { .. }, .. })
        });
        let mut push = |stage| {
            data.events.push(Event { at, kind: EventKind::Fault { fault: id.clone(), stage } });
        };
        push(stuck);
        push(FaultStage::Healed { evidence: "seen".into() });
        assert_eq!(lives(&data.run.faults, &data.events)[0].stuck, None);
        data.events.pop();
        assert!(lives(&data.run.faults, &data.events)[0].stuck.is_some());
    }
}
