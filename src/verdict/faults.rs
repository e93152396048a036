//! Each planned fault: what became of it and what it did to the workload.

use std::time::Duration;

use super::case::Case;
use super::windows::Life;
use crate::clock::Offset;
use crate::experiment::{Direction, Injection};
use crate::record::{
    Counts, Event, EventKind, FaultResult, PlannedFault, Recoveries, Recovery, TargetAction, Times,
    Victim,
};

/// Every planned fault, judged, in the order of the plan.
pub(super) fn results(case: &Case) -> Vec<FaultResult> {
    let planned = &case.data.run.faults;
    planned.iter().enumerate().map(|(i, fault)| result(case, i, fault)).collect()
}

fn result(case: &Case, i: usize, fault: &PlannedFault) -> FaultResult {
    let life = &case.lives[i];
    let window = case.windows.iter().find(|w| w.fault == i);
    let measured = window.map(|w| &w.measured);
    let never = || Recovery::NoBaseline { reason: "it was never in force".to_owned() };
    FaultResult {
        id: fault.id.clone(),
        what: what(fault),
        planned_at: case.judged.map(|j| j.from + fault.at),
        injected_at: life.injected,
        healed_at: life.healed.as_ref().map(|(at, _)| *at),
        verified: life.active && life.unverified.is_none() && life.healed.is_some(),
        ending: ending(life),
        impact: measured.map_or_else(Counts::default, |m| m.impact),
        first_error: measured.and_then(|m| m.first_error),
        worst_p99_us: measured.and_then(|m| m.worst_p99_us),
        healthy_after: life
            .healed
            .as_ref()
            .zip(life.injected)
            .and_then(|((healed, _), from)| healthy_after(&case.data.events, fault, from, *healed)),
        recovery: measured.map_or_else(never, |m| m.recovery.clone()),
    }
}

/// The recoveries from the faults of each entry of the file, in its order.
pub(super) fn recoveries(case: &Case) -> Vec<Recoveries> {
    let planned = &case.data.run.faults;
    let mut names: Vec<&str> = Vec::new();
    for fault in planned {
        if !names.contains(&fault.name.as_str()) {
            names.push(&fault.name);
        }
    }
    let of = |name: &str| {
        let mine = case.windows.iter().filter(|w| planned[w.fault].name == name);
        let (mut ends, mut starts, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = Recoveries {
            fault: name.to_owned(),
            injected: 0,
            unaffected: 0,
            recovered: 0,
            censored: 0,
            no_baseline: 0,
            from_end: None,
            from_start: None,
            first_error: None,
        };
        for window in mine {
            all.injected += 1;
            firsts.extend(window.measured.first_error);
            match &window.measured.recovery {
                Recovery::Recovered { from_end, from_start } => {
                    all.recovered += 1;
                    ends.push(*from_end);
                    starts.push(*from_start);
                }
                Recovery::Unaffected => {
                    all.unaffected += 1;
                    ends.push(Duration::ZERO);
                    starts.push(Duration::ZERO);
                }
                Recovery::NotRecovered { .. } => all.censored += 1,
                Recovery::NoBaseline { .. } => all.no_baseline += 1,
            }
        }
        (all.from_end, all.from_start, all.first_error) =
            (times(ends), times(starts), times(firsts));
        all
    };
    names.into_iter().map(of).collect()
}

fn times(mut all: Vec<Duration>) -> Option<Times> {
    all.sort_unstable();
    let max = *all.last()?;
    Some(Times { median: all[all.len() / 2], max })
}

fn ending(life: &Life) -> String {
    if let Some(reason) = &life.stuck {
        format!("stuck: {reason}")
    } else if let Some(reason) = &life.not_applied {
        format!("not applied: {reason}")
    } else if let Some((_, evidence)) = &life.healed {
        match &life.unverified {
            Some(reason) => format!("healed: {evidence}; not seen in force: {reason}"),
            None => format!("healed: {evidence}"),
        }
    } else if life.injected.is_some() {
        "in force when the records end".to_owned()
    } else {
        "never injected".to_owned()
    }
}

/// The fault in words: `kill api#2 with SIGKILL`.
pub(super) fn what(fault: &PlannedFault) -> String {
    let victims = names(&fault.victims);
    match &fault.inject {
        Injection::Kill { signal, .. } => format!("kill {victims} with {}", signal.0),
        Injection::Stop { .. } => format!("stop {victims}"),
        Injection::Restart { .. } => format!("restart {victims}"),
        Injection::Pause { .. } => format!("pause {victims}"),
        Injection::Detach { network: Some(network), .. } => {
            format!("detach {victims} from network {network}")
        }
        Injection::Detach { network: None, .. } => format!("detach {victims} from its networks"),
        Injection::Partition { direction, .. } => {
            let peers = names(&fault.peers);
            match direction {
                Direction::Both => format!("partition {victims} from {peers}"),
                Direction::Forward => format!("drop packets from {victims} to {peers}"),
                Direction::Backward => format!("drop packets from {peers} to {victims}"),
            }
        }
    }
}

fn names(victims: &[Victim]) -> String {
    victims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// From the fault's end until every victim was up. `None` when one never was, or when nothing is known of one
/// that must have gone down.
fn healthy_after(
    events: &[Event],
    fault: &PlannedFault,
    from: Offset,
    end: Offset,
) -> Option<Duration> {
    let goes_down = matches!(
        fault.inject,
        Injection::Kill { .. } | Injection::Stop { .. } | Injection::Restart { .. }
    );
    let up = fault.victims.iter().map(|victim| {
        let mine = || {
            events.iter().filter_map(|e| match &e.kind {
                EventKind::Target { victim: v, action, .. } if v == victim => Some((e.at, action)),
                _ => None,
            })
        };
        let checked =
            mine().any(|(_, a)| matches!(a, TargetAction::Healthy | TargetAction::Unhealthy));
        let seen_down = mine().any(|(at, a)| {
            at >= from && matches!(a, TargetAction::Die { .. } | TargetAction::Start)
        });
        if goes_down && !seen_down { None } else { up_since(mine(), checked, from, end) }
    });
    up.collect::<Option<Vec<Offset>>>()?.into_iter().max().map(|at| at.since(end))
}

/// The first moment from `end` on at which the instance runs, is not frozen, and passes its health check if it has one.
fn up_since<'a>(
    events: impl Iterator<Item = (Offset, &'a TargetAction)>,
    checked: bool,
    from: Offset,
    end: Offset,
) -> Option<Offset> {
    let (mut running, mut frozen, mut healthy) = (true, false, true);
    let mut good_at_end = true;
    for (at, action) in events.filter(|(at, _)| *at >= from) {
        if at > end && good_at_end {
            return Some(end);
        }
        match action {
            TargetAction::Start => (running, healthy) = (true, !checked),
            TargetAction::Die { .. } => (running, frozen) = (false, false),
            TargetAction::Oom => {}
            TargetAction::Pause => frozen = true,
            TargetAction::Unpause => frozen = false,
            TargetAction::Healthy => healthy = true,
            TargetAction::Unhealthy => healthy = false,
        }
        let good = running && !frozen && healthy;
        if at > end && good {
            return Some(at);
        }
        good_at_end = good;
    }
    good_at_end.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, secs, target_event};
    use super::*;

    #[test]
    fn a_fault_is_told_in_full() {
        let data = Synthetic::hold(300)
            .fault("kill", 100, 10)
            .each(100..115, |s| (s.counts.ok, s.counts.failed) = (25, 25))
            .build();
        let results = results(&Case::new(&data));
        let start = Synthetic::profile_start();
        let result = &results[0];
        assert_eq!(result.what, "kill api#1 with SIGKILL");
        assert_eq!(result.planned_at, Some(start + secs(100)));
        assert_eq!(result.injected_at, Some(start + secs(100)));
        assert_eq!(result.healed_at, Some(start + secs(110)));
        assert!(result.verified);
        assert_eq!(result.ending, "healed: seen running");
        assert_eq!(result.impact.failed, 15 * 25);
        assert!(
            matches!(result.recovery, Recovery::Recovered { from_end, .. } if from_end == secs(5))
        );
        assert_eq!(result.healthy_after, Some(Duration::ZERO));
    }

    #[test]
    fn recoveries_are_told_by_entry_and_censored_ones_apart() {
        let down = |s: &mut super::super::testing::Sec| (s.counts.ok, s.counts.failed) = (25, 25);
        let data = Synthetic::hold(1000)
            .fault("kill", 100, 10)
            .each(102..115, down)
            .fault("kill", 300, 10)
            .each(300..330, down)
            .fault("kill", 500, 10)
            .fault("cut", 700, 10)
            .each(700..1000, down)
            .build();
        let all = recoveries(&Case::new(&data));
        assert_eq!((all[0].fault.as_str(), all[1].fault.as_str()), ("kill", "cut"));
        let kill = &all[0];
        assert_eq!((kill.injected, kill.unaffected, kill.recovered, kill.censored), (3, 1, 2, 0));
        assert_eq!(kill.from_end, Some(Times { median: secs(5), max: secs(20) }));
        assert_eq!(kill.from_start, Some(Times { median: secs(15), max: secs(30) }));
        let first = kill.first_error.unwrap();
        assert!(first.max.abs_diff(secs(2)) <= secs(1), "{first:?}");
        let cut = &all[1];
        assert_eq!((cut.injected, cut.censored, cut.from_end), (1, 1, None));
    }

    #[test]
    fn healthy_waits_for_the_health_check_of_the_new_life() {
        let mut data = Synthetic::hold(300).fault("kill", 100, 10).build();
        data.events.push(target_event("api", 1, 0, TargetAction::Healthy));
        data.events.push(target_event("api", 1, 10 + 117, TargetAction::Healthy));
        data.events.sort_by_key(|e| e.at);
        let after = results(&Case::new(&data))[0].healthy_after;
        assert_eq!(after, Some(secs(7)));
        data.events.retain(|e| e.at < Synthetic::profile_start() + secs(115));
        assert_eq!(results(&Case::new(&data))[0].healthy_after, None);
    }
}
