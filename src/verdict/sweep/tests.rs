//! The arithmetic of a sweep, what a run says of its rate, and how all of it is judged.

use std::time::Duration;

use proptest::prelude::*;

use super::super::judge;
use super::super::testing::{Synthetic, secs};
use super::*;
use crate::experiment::{Bound as Held, Quantity, Segment, Steps, Until};
use crate::record::{Capacity, Event, EventKind, GaveWay, MeasuredRate, RateSource, SweepPart};
use crate::units::{Percent, Rate};

/// The record of a sweep over `api` with a limit of 70 % that warns below 80 %.
fn first(sizes: &[u32]) -> RunRecord {
    let mut run = Synthetic::hold(60).build().run;
    let share = |percent| Quantity::Share(Percent::of(percent));
    let efficiency = Held { warn: Some(share(80.0)), ..Held::at_least(share(70.0)) };
    run.experiment.sweep = Some(Sweep {
        service: "api".to_owned(),
        sizes: sizes.to_vec(),
        efficiency: Some(efficiency),
    });
    run.sweep = Some(part(1));
    run
}

fn part(size: u32) -> SweepPart {
    let id = "20261121-020000-synthetic-sweep-0001".parse().unwrap();
    SweepPart { id, service: "api".to_owned(), size }
}

/// A run that passed and carried so much.
fn carried(size: u32, rate: Estimate) -> SweepRun {
    let note = format!("{size} came and went");
    SweepRun {
        run: Some(format!("20261121-020000-synthetic-000{size}").parse().unwrap()),
        judged: Some((VerdictOutcome::Passed, 0, "passed".to_owned())),
        rate: Some(MeasuredRate { rate, source: RateSource::Limit, note }),
        why_not: None,
        ..missing(size)
    }
}

/// A run that ended so, without a rate.
fn ended(size: u32, outcome: VerdictOutcome, exit_code: u8, why: &str) -> SweepRun {
    let judged = Some((outcome, exit_code, why.to_owned()));
    let why_not = Some(why.to_owned());
    SweepRun { judged, rate: None, why_not, ..carried(size, Estimate::Exactly(0.0)) }
}

/// A sweep over the sizes of these runs.
fn judged(runs: Vec<SweepRun>) -> SweepVerdict {
    let sizes: Vec<u32> = runs.iter().map(|run| run.size).collect();
    sweep(&first(&sizes), runs).unwrap()
}

fn exact(rates: &[(u32, f64)]) -> SweepVerdict {
    judged(rates.iter().map(|(size, rate)| carried(*size, Estimate::Exactly(*rate))).collect())
}

fn line(v: &SweepVerdict) -> String {
    format!("{:?} {} {}", v.outcome, v.exit_code, v.headline)
}

fn tiers(v: &SweepVerdict) -> Vec<Tier> {
    v.limits.iter().map(|limit| limit.tier).collect()
}

#[test]
fn efficiency_is_the_rate_against_as_many_times_one_instance() {
    let v = exact(&[(1, 100.0), (2, 190.0), (4, 340.0), (8, 656.0)]);
    let shares: Vec<f64> = v.runs.iter().filter_map(|r| Some(r.efficiency?.value())).collect();
    assert_eq!(shares, [1.0, 0.95, 0.85, 0.82]);
    assert_eq!(tiers(&v), [Tier::Pass; 3]);
    insta::assert_snapshot!(line(&v), @"Passed 0 passed: 4 sizes of api, efficiency 95 % at 2, 85 % at 4, 82 % at 8");

    let v = exact(&[(8, 560.0), (1, 100.0)]);
    assert_eq!((v.runs[0].size, tiers(&v)), (8, vec![Tier::Warn]), "at the limit is inside");
    insta::assert_snapshot!(line(&v), @"Warned 0 passed with a warning: efficiency api x 8 was 70 % (warn >= 80%, limit >= 70%)");

    let v = exact(&[(1, 100.0), (2, 139.0), (4, 140.0)]);
    assert_eq!(tiers(&v), [Tier::Fail; 2]);
    insta::assert_snapshot!(line(&v), @"Failed 10 failed: efficiency api x 2 was 69.5 % (limit >= 70%, 0.5 % outside)");
    assert_eq!(v.reasons.len(), 2);
}

#[test]
fn a_limit_is_held_against_what_is_known_of_a_figure_and_else_not_judged() {
    use Estimate::{AtLeast, AtMost, Exactly};
    let tier = |single, rate| tiers(&judged(vec![carried(1, single), carried(2, rate)]))[0];
    let one = Exactly(100.0);
    assert_eq!(tier(one, AtLeast(160.0)), Tier::Pass);
    assert_eq!(tier(one, AtLeast(150.0)), Tier::Warn);
    assert_eq!(tier(one, AtLeast(100.0)), Tier::Unknown, "it may carry 140 as well");
    assert_eq!(tier(one, AtMost(100.0)), Tier::Fail);
    assert_eq!(tier(one, AtMost(180.0)), Tier::Unknown);
    assert_eq!(tier(AtLeast(100.0), Exactly(100.0)), Tier::Fail, "50 % at most");
    assert_eq!(tier(AtLeast(100.0), Exactly(180.0)), Tier::Unknown);
    assert_eq!(tier(AtLeast(100.0), AtLeast(100.0)), Tier::Unknown, "both met what was offered");
    assert_eq!(tier(AtMost(10.0), Exactly(100.0)), Tier::Unknown, "one alone was not measured");
    assert_eq!(tier(Exactly(0.0), Exactly(100.0)), Tier::Unknown);
    let v = judged(vec![carried(1, AtLeast(50.0)), carried(2, AtLeast(50.0))]);
    insta::assert_snapshot!(line(&v), @"Inconclusive 11 inconclusive: efficiency api x 2 could not be judged: one instance alone carried all that it was offered, and so did this size: offer more");
}

#[test]
fn a_size_without_sound_figures_is_inconclusive_and_so_is_what_rests_on_it() {
    let bad = |size| ended(size, VerdictOutcome::Inconclusive, 11, "the generator was late");
    let good = |size: u32| carried(size, Estimate::Exactly(90.0 * f64::from(size)));
    let v = judged(vec![good(1), bad(2), good(4)]);
    assert_eq!((tiers(&v), v.exit_code), (vec![Tier::Unknown, Tier::Pass], 11));
    let v = judged(vec![bad(1), good(2), good(4)]);
    assert_eq!((tiers(&v), v.exit_code), (vec![Tier::Unknown; 2], 11));
    let why = v.limits[0].note.as_deref().unwrap();
    insta::assert_snapshot!(why, @"there is no single-replica run to hold it against: the generator was late");
}

#[test]
fn sizes_that_were_not_run_are_named() {
    let all = first(&[1, 2, 4, 8]);
    let v =
        sweep(&all, vec![carried(1, Estimate::Exactly(10.0)), carried(2, Estimate::Exactly(20.0))]);
    let v = v.unwrap();
    assert_eq!(v.runs.iter().map(|r| r.size).collect::<Vec<_>>(), [1, 2, 4, 8]);
    insta::assert_snapshot!(line(&v), @"Inconclusive 11 inconclusive: not run: api x 4, api x 8");
}

#[test]
fn the_gravest_of_all_gives_the_exit_code() {
    let one = || carried(1, Estimate::Exactly(100.0));
    let code = |outcome, code| judged(vec![one(), ended(2, outcome, code, "why")]).exit_code;
    assert_eq!(code(VerdictOutcome::Aborted, 130), 130, "although the limit could not be judged");
    assert_eq!(code(VerdictOutcome::Errored, 12), 12);
    assert_eq!(code(VerdictOutcome::Errored, 14), 14);
    let run = |code| {
        let judged = Some((VerdictOutcome::Failed, code, "failed: latency".to_owned()));
        SweepRun { judged, ..carried(2, Estimate::Exactly(200.0)) }
    };
    let v = judged(vec![one(), run(10)]);
    insta::assert_snapshot!(line(&v), @"Failed 10 api x 2: failed: latency");
    assert_eq!(tiers(&v), [Tier::Pass], "a run may breach its own limits, and be efficient");
    assert_eq!(judged(vec![one(), run(16)]).exit_code, 16);
}

proptest! {
    /// For all rates and whatever is known of them: what is said of the efficiency is true of it.
    #[test]
    fn nothing_is_said_that_does_not_follow(
        single in 1.0..1e5_f64, rate in 0.0..1e6_f64, size in 2..64_u32, slack in 0.01..1.0_f64, kinds in 0..9,
    ) {
        let known = |truth: f64, kind: i32| match kind {
            0 => Estimate::Exactly(truth),
            1 => Estimate::AtLeast(truth * slack),
            _ => Estimate::AtMost(truth / slack),
        };
        let truth = rate / (f64::from(size) * single);
        let near = 1e-9 * truth.max(1.0);
        match efficiency(size, known(rate, kinds / 3), known(single, kinds % 3)) {
            Ok(Estimate::Exactly(said)) => prop_assert!((said - truth).abs() <= near),
            Ok(Estimate::AtLeast(said)) => prop_assert!(said <= truth + near),
            Ok(Estimate::AtMost(said)) => prop_assert!(said >= truth - near),
            Err(_) => {}
        }
    }
}

/// What a run comes to, of which this is changed once it is recorded.
fn rate(run: &Synthetic, change: impl FnOnce(&mut RunData)) -> Result<MeasuredRate, String> {
    let mut data = run.build();
    data.run.sweep = Some(part(1));
    change(&mut data);
    let run = sweep_run(&data, &judge(&data)).unwrap();
    run.rate.ok_or_else(|| run.why_not.unwrap())
}

#[test]
fn throughput_is_a_rate_only_where_more_was_offered() {
    let overloaded = Synthetic::hold(60).each(0..60, |s| (s.counts.ok, s.counts.failed) = (20, 30));
    let found = rate(&overloaded, |_| {}).unwrap();
    assert_eq!((found.rate, found.source), (Estimate::Exactly(20.0), RateSource::Throughput));
    insta::assert_snapshot!(found.note, @"20/s ended well of 50/s that began");
    let met = rate(&Synthetic::hold(60), |_| {}).unwrap();
    assert_eq!(met.rate, Estimate::AtLeast(50.0));
    insta::assert_snapshot!(met.note, @"all of the 50/s that it was offered ended well: it may carry more");
    let users = |data: &mut RunData| {
        let (count, lasts, think) = (5, Duration::from_mins(1), Duration::ZERO);
        data.run.experiment.load.profile = vec![Segment::Users { count, lasts, think }];
    };
    let waiting = rate(&Synthetic::hold(60), users).unwrap();
    assert_eq!(waiting.rate, Estimate::Exactly(50.0), "users offer no more than is answered");
}

#[test]
fn a_run_that_is_cut_short_or_in_doubt_has_no_rate() {
    let late = Synthetic::hold(60).each(0..60, |s| s.late = Duration::from_millis(90));
    let why = rate(&late, |_| {}).unwrap_err();
    assert!(why.contains("no sound figures") && why.contains("late"), "{why}");
    let abort = |data: &mut RunData| {
        let at = Synthetic::profile_start() + secs(30);
        let i = data.events.iter().position(|e| e.at >= at).unwrap();
        let (cause, reason) = (crate::record::StopCause::AbortWhen, "errors".to_owned());
        data.events.insert(i, Event { at, kind: EventKind::Stop { cause, reason } });
    };
    let why = rate(&Synthetic::hold(60).stop_at(30), abort).unwrap_err();
    assert!(why.contains("did not come to its end"), "{why}");
}

#[test]
fn a_search_gives_its_limit_or_the_side_of_it_that_it_saw() {
    let searched = |found: Option<Capacity>| {
        rate(&Synthetic::hold(60), |data| {
            let (from, to, by) = (10.0, 100.0, 10.0);
            let rate = Rate::per_second;
            let each = Duration::from_secs(10);
            let steps = Steps {
                from: rate(from),
                to: rate(to),
                by: rate(by),
                each,
                until: Until::default(),
            };
            data.run.experiment.load.profile = vec![Segment::Steps(steps)];
            let at = Synthetic::profile_start() + secs(60);
            let end = data.events.iter().position(|e| e.at >= at).unwrap();
            if let Some(found) = found {
                data.events.insert(end, Event { at, kind: EventKind::Capacity(found) });
            }
        })
    };
    let found = |rate: Option<f64>, above: Option<f64>, confirmed, gave_way| {
        let per_second = |rate: Option<f64>| rate.map(Rate::per_second);
        Some(Capacity { rate: per_second(rate), confirmed, above: per_second(above), gave_way })
    };
    let errors = Some(GaveWay::Errors);
    let generator = Some(GaveWay::Generator);
    let known = |found| searched(found).map(|found| (found.rate, found.source)).unwrap();
    let limit = RateSource::Limit;
    assert_eq!(
        known(found(Some(50.0), Some(55.0), true, errors)),
        (Estimate::Exactly(50.0), limit)
    );
    assert_eq!(known(found(Some(100.0), None, false, None)), (Estimate::AtLeast(100.0), limit));
    assert_eq!(
        known(found(Some(50.0), Some(55.0), true, generator)),
        (Estimate::AtLeast(50.0), limit),
        "the limit is the generator's"
    );
    assert_eq!(known(found(None, Some(10.0), false, errors)), (Estimate::AtMost(10.0), limit));
    let why = |found| searched(found).unwrap_err();
    assert!(why(found(Some(50.0), Some(55.0), false, errors)).contains("not confirmed"));
    assert!(why(found(None, Some(10.0), false, generator)).contains("the load generator itself"));
    assert!(searched(None).is_err());
}
