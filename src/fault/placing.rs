//! Places what the faults wish for beside each other: after the steady state, apart, within the profile.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::Schedule;
use crate::experiment::{Fault, FaultSchedule, Injection, Overlap};
use crate::ids::FaultId;
use crate::record::{PlannedFault, Victim};
use crate::units::duration;

/// A fault without a duration still takes a moment: nothing else begins within it.
const MOMENT: Duration = Duration::from_secs(1);

/// What every placed fault holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Length of the profile; every fault ends within it.
    pub profile: Duration,
    /// Length of the steady-state check; no fault starts within it.
    pub steady: Duration,
    /// Whether two may be in force at once.
    pub overlap: Overlap,
}

/// One occurrence as drawn.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    /// The entry of the experiment.
    pub fault: &'a Fault,
    /// Its place in the file: breaks ties.
    pub order: usize,
    /// When it would like to start.
    pub at: Duration,
    /// Whom it hits.
    pub victims: Vec<Victim>,
    /// The other side of a partition.
    pub peers: Vec<Victim>,
}

/// Sweeps through the wishes by time. A wish that can't start yet goes back with the earliest time it
/// could, so whoever asked for that time first still comes first.
pub(super) fn place(wishes: &[Wish<'_>], rules: &Rules) -> Schedule {
    let mut schedule = Schedule::default();
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue: BinaryHeap<_> = wishes
        .iter()
        .enumerate()
        .map(|(index, wish)| Reverse((wish.at, wish.order, index, String::new())))
        .collect();
    while let Some(Reverse((at, order, index, why))) = queue.pop() {
        let wish = &wishes[index];
        if let Some((later, why)) = blocked(wish, at, rules, &schedule.faults) {
            queue.push(Reverse((later, order, index, why)));
            continue;
        }
        if at + wish.fault.lasts > rules.profile {
            schedule.notes.push(format!(
                "{}: left out at {}: it would end after the profile ({})",
                wish.fault.name,
                duration(at),
                duration(rules.profile)
            ));
            continue;
        }
        let number = numbers.entry(order).or_default();
        *number += 1;
        let id = FaultId::new(&wish.fault.name, *number);
        if at > wish.at {
            let (from, to) = (duration(wish.at), duration(at));
            schedule.notes.push(format!("{id}: moved from {from} to {to}: {why}"));
        }
        schedule.faults.push(PlannedFault {
            id,
            name: wish.fault.name.clone(),
            at,
            lasts: wish.fault.lasts,
            inject: wish.fault.inject.clone(),
            victims: wish.victims.clone(),
            peers: wish.peers.clone(),
            recover_within: wish.fault.recover_within,
        });
    }
    schedule
}

/// Until when the wish can't start, and why; `None` when it can start at `at`.
fn blocked(
    wish: &Wish<'_>,
    at: Duration,
    rules: &Rules,
    placed: &[PlannedFault],
) -> Option<(Duration, String)> {
    if at < rules.steady {
        return Some((rules.steady, "the steady state is measured until then".into()));
    }
    // What stops in order may take its grace before the fault is in force at all.
    let end = |f: &PlannedFault| f.at + f.inject.grace() + f.lasts.max(MOMENT);
    if let FaultSchedule::Random { min_gap, .. } = wish.fault.schedule
        && let Some(last) = placed.iter().rev().find(|f| f.name == wish.fault.name)
        && at < last.at + last.lasts + min_gap
    {
        let gap = duration(min_gap);
        return Some((
            last.at + last.lasts + min_gap,
            format!("{gap} after the end of {}", last.id),
        ));
    }
    placed
        .iter()
        .filter(|f| end(f) > at && (rules.overlap == Overlap::Forbid || clash(f, wish)))
        .max_by_key(|f| end(f))
        .map(|f| (end(f), format!("{} is in force until then", f.id)))
}

/// Whether two faults can't share an instance: both decide whether it lives or where it is attached,
/// so the undo of one would be the end of the other. Partitions have rules of their own and share.
fn clash(placed: &PlannedFault, wish: &Wish<'_>) -> bool {
    let cuts = |i: &Injection| matches!(i, Injection::Partition { .. });
    match (cuts(&placed.inject), cuts(&wish.fault.inject)) {
        (true, true) => placed.name == wish.fault.name,
        (false, false) => placed.victims.iter().any(|v| wish.victims.contains(v)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Pick;
    use crate::fault::sample::kill;

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn wish(fault: &Fault, order: usize, start: u64, ordinal: u32) -> Wish<'_> {
        let victims = vec![Victim { service: "api".into(), ordinal }];
        Wish { fault, order, at: at(start), victims, peers: Vec::new() }
    }

    #[test]
    fn allowed_faults_overlap_except_on_one_instance() {
        let rules = Rules { profile: at(100), steady: at(0), overlap: Overlap::Allow };
        let mut fault = kill("a", Pick::One);
        fault.lasts = at(10);
        let other = Fault { name: "b".into(), ..fault.clone() };
        let plan = place(
            &[wish(&fault, 0, 10, 1), wish(&other, 1, 12, 2), wish(&other, 1, 13, 1)],
            &rules,
        );
        let starts: Vec<_> = plan.faults.iter().map(|f| (f.id.as_str(), f.at)).collect();
        assert_eq!(starts, [("a-1", at(10)), ("b-1", at(12)), ("b-2", at(20))]);
    }

    #[test]
    fn nothing_starts_within_the_steady_state() {
        let rules = Rules { profile: at(100), steady: at(60), overlap: Overlap::Forbid };
        let mut fault = kill("a", Pick::One);
        fault.lasts = at(0);
        let plan = place(&[wish(&fault, 0, 5, 1), wish(&fault, 0, 7, 2)], &rules);
        let starts: Vec<_> = plan.faults.iter().map(|f| f.at).collect();
        assert_eq!(starts, [at(60), at(61)]);
        assert_eq!(
            plan.notes[0],
            "a-1: moved from 5s to 1m: the steady state is measured until then"
        );
    }
}
