//! The schedule: every fault of a run, resolved from the experiment and its seed before anything starts.

use std::collections::BTreeMap;

use super::FaultError;
use super::placing::{Rules, Wish, place};
use super::times;
use super::victims;
use crate::experiment::Experiment;
use crate::record::PlannedFault;

/// A resolved schedule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// The faults, by time. Each ends within the profile.
    pub faults: Vec<PlannedFault>,
    /// What was moved or left out, and why; one line each.
    pub notes: Vec<String>,
}

/// Resolves what happens to whom and when. Pure: the same experiment and replicas give the same
/// schedule, and the draws of one fault don't move when another is added or the profile grows.
///
/// `replicas` is the number of instances of every service of the target. Errors name every fault that
/// asks for something that is not there.
pub fn resolve(
    experiment: &Experiment,
    replicas: &BTreeMap<String, u32>,
) -> Result<Schedule, FaultError> {
    let rules = Rules {
        profile: experiment.load.length_for_faults(),
        steady: experiment.steady_state.as_ref().map(|s| s.lasts).unwrap_or_default(),
        overlap: experiment.overlap,
    };
    let root = experiment.seed.split("faults");
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let mut wishes = Vec::new();
    for (order, fault) in experiment.faults.iter().enumerate() {
        let checked = victims::available(&fault.inject, &experiment.target.system, replicas)
            .and_then(|()| times::starts(fault, &rules, root.split(&fault.name).split("times")));
        let starts = match checked {
            Ok(starts) => starts,
            Err(problem) => {
                problems.push(format!("{}: {problem}", fault.name));
                continue;
            }
        };
        if starts.is_empty() {
            notes.push(format!(
                "{} never comes: the profile ends before its first start",
                fault.name
            ));
        }
        notes.extend(
            victims::too_few(&fault.inject, replicas).map(|n| format!("{}: {n}", fault.name)),
        );
        let mut rng = root.split(&fault.name).split("victims").rng();
        for at in starts {
            let (victims, peers) = victims::choose(&fault.inject, replicas, &mut rng);
            wishes.push(Wish { fault, order, at, victims, peers });
        }
    }
    if !problems.is_empty() {
        return Err(FaultError::Schedule { problems });
    }
    let mut schedule = place(&wishes, &rules);
    schedule.notes.splice(0..0, notes);
    Ok(schedule)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::experiment::{Fault, FaultSchedule, Overlap, Pick};
    use crate::fault::sample::{self, experiment, kill, partition};
    use crate::seed::Seed;

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn any_schedule() -> impl Strategy<Value = FaultSchedule> {
        prop_oneof![
            prop::collection::vec((0..4000_u64).prop_map(secs), 1..4).prop_map(FaultSchedule::At),
            (20..900_u64, 0..300_u64, 0..900_u64).prop_map(|(every, jitter, first)| {
                FaultSchedule::Every {
                    every: secs(every),
                    jitter: secs(jitter),
                    first_after: secs(first),
                }
            }),
            (60..900_u64, 0..200_u64).prop_map(|(mean, gap)| FaultSchedule::Random {
                mean: secs(mean),
                min_gap: secs(gap),
            }),
        ]
    }

    fn any_fault(name: &'static str) -> impl Strategy<Value = Fault> {
        (any_schedule(), 0..120_u64, any::<bool>()).prop_map(move |(schedule, lasts, cut)| {
            let mut fault = if cut { partition(name) } else { kill(name, Pick::One) };
            fault.schedule = schedule;
            fault.lasts = secs(lasts);
            fault
        })
    }

    fn own<'a>(plan: &'a Schedule, name: &'a str) -> impl Iterator<Item = &'a PlannedFault> {
        plan.faults.iter().filter(move |f| f.name == name)
    }

    proptest! {
        // For all experiments e, seeds s: resolve(e, s) = resolve(e, s).
        #[test]
        fn the_same_seed_gives_the_same_plan(faults in prop::collection::vec(any_fault("a"), 1..2), seed: u64) {
            let mut e = experiment(faults);
            e.seed = Seed(seed);
            prop_assert_eq!(resolve(&e, &sample::replicas()).unwrap(), resolve(&e, &sample::replicas()).unwrap());
        }

        // Under `allow`, for all faults a, b: the occurrences of a are the same with and without b,
        // unless both would act on the same instance's life at once.
        #[test]
        fn adding_a_fault_moves_no_other_draw(a in any_fault("a"), seed: u64) {
            let mut alone = experiment(vec![a.clone()]);
            alone.seed = Seed(seed);
            alone.overlap = Overlap::Allow;
            let mut both = alone.clone();
            both.faults.insert(0, partition("b"));
            let alone = resolve(&alone, &sample::replicas()).unwrap();
            let both = resolve(&both, &sample::replicas()).unwrap();
            prop_assert!(own(&alone, "a").eq(own(&both, "a")));
        }

        // Under `forbid`, for all planned f before g: end(f) <= start(g); and all end within the profile.
        #[test]
        fn forbidden_overlap_never_happens(a in any_fault("a"), b in any_fault("b"), steady in 0..300_u64, seed: u64) {
            let mut e = experiment(vec![a, b]);
            e.seed = Seed(seed);
            e.steady_state = Some(sample::steady(secs(steady)));
            let plan = resolve(&e, &sample::replicas()).unwrap();
            for pair in plan.faults.windows(2) {
                prop_assert!(pair[0].at + pair[0].lasts <= pair[1].at, "{:?}", pair);
                prop_assert!(pair[0].at < pair[1].at);
            }
            for fault in &plan.faults {
                prop_assert!(fault.at >= secs(steady));
                prop_assert!(fault.at + fault.lasts <= e.load.profile_length());
            }
        }

        // For all consecutive occurrences f, g of a random fault: start(g) - end(f) >= min_gap.
        #[test]
        fn a_random_fault_holds_its_gap(a in any_fault("a"), b in any_fault("b"), seed: u64) {
            let mut e = experiment(vec![a, b]);
            e.seed = Seed(seed);
            let plan = resolve(&e, &sample::replicas()).unwrap();
            for fault in &e.faults {
                let FaultSchedule::Random { min_gap, .. } = fault.schedule else { continue };
                let list: Vec<_> = own(&plan, &fault.name).collect();
                for pair in list.windows(2) {
                    prop_assert!(pair[1].at >= pair[0].at + pair[0].lasts + min_gap);
                }
            }
        }

        // Nothing is lost in silence: every wish is planned or named in a note.
        #[test]
        fn what_is_not_planned_is_noted(times in prop::collection::vec(0..5000_u64, 1..6), seed: u64) {
            let mut a = kill("a", Pick::One);
            a.schedule = FaultSchedule::At(times.iter().copied().map(secs).collect());
            let mut e = experiment(vec![a]);
            e.seed = Seed(seed);
            let plan = resolve(&e, &sample::replicas()).unwrap();
            let out = plan.notes.iter().filter(|n| n.contains("left out")).count();
            prop_assert_eq!(plan.faults.len() + out, times.len());
        }
    }

    #[test]
    fn a_longer_profile_keeps_the_beginning() {
        let mut a = kill("a", Pick::One);
        a.schedule = FaultSchedule::Random { mean: secs(300), min_gap: secs(30) };
        let mut e = experiment(vec![a]);
        let short = resolve(&e, &sample::replicas()).unwrap().faults;
        e.load.profile.push(e.load.profile[0]);
        let long = resolve(&e, &sample::replicas()).unwrap().faults;
        assert!(long.len() > short.len() && !short.is_empty());
        assert_eq!(long[..short.len()], short[..]);
    }

    #[test]
    fn random_comes_as_often_as_asked() {
        let mut a = kill("a", Pick::One);
        a.lasts = secs(5);
        a.schedule = FaultSchedule::Random { mean: secs(100), min_gap: secs(20) };
        let mut e = experiment(vec![a]);
        let mut count = 0;
        for seed in 0..200 {
            e.seed = Seed(seed);
            count += resolve(&e, &sample::replicas()).unwrap().faults.len();
        }
        // 200 profiles of 3600 s: about 7200 starts; the standard deviation is below 65.
        assert!((6900..=7500).contains(&count), "{count}");
    }

    #[test]
    fn an_unknown_service_is_an_error_that_names_the_known_ones() {
        let mut wrong = kill("a", Pick::One);
        sample::aim(&mut wrong, "apii");
        let mut cut = partition("b");
        sample::between(&mut cut, "api", "nowhere");
        let text =
            resolve(&experiment(vec![wrong, cut]), &sample::replicas()).unwrap_err().to_string();
        assert_eq!(
            text,
            "resolve the fault schedule: a: no service \"apii\" in the target: it has api, db, gateway; \
             b: no service \"nowhere\" in the target: it has api, db, gateway"
        );
    }

    #[test]
    fn a_plan_reads_as_it_was_asked() {
        let mut a = kill("kill-api", Pick::All);
        a.schedule = FaultSchedule::At(vec![secs(100)]);
        a.lasts = secs(30);
        let mut b = partition("split");
        b.schedule = FaultSchedule::At(vec![secs(110), secs(3590)]);
        b.lasts = secs(20);
        let plan = resolve(&experiment(vec![a, b]), &sample::replicas()).unwrap();
        let told: Vec<String> = plan
            .faults
            .iter()
            .map(|f| {
                let names = |v: &[crate::record::Victim]| {
                    v.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
                };
                format!("{} {:?} {} {}", f.id, f.at, names(&f.victims), names(&f.peers))
            })
            .collect();
        assert_eq!(told, ["kill-api-1 100s api#1,api#2 ", "split-1 130s api#1,api#2 db#1"]);
        assert_eq!(
            plan.notes,
            [
                "split-1: moved from 1m 50s to 2m 10s: kill-api-1 is in force until then",
                "split: left out at 59m 50s: it would end after the profile (1h)"
            ]
        );
    }
}
