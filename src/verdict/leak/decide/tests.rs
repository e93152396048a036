use std::time::Duration;

use super::super::testing::{day, noise, reborn, trace};
use super::super::{Question, Trace, judge_so_far, judge_trace};
use crate::record::{LeakFinding, LeakVerdict, Standing};
use crate::units::Percent;

const MIB: f64 = 1_048_576.0;

fn judged(trace: &Trace) -> LeakFinding {
    judge_trace(trace, &day())
}

/// 100 MiB with noise of 0.3 MiB, and what `more` adds by the hour, in MiB.
fn steady(hours: f64, more: impl Fn(f64) -> f64) -> Trace {
    trace(hours, |h| (100.0 + 0.3 * noise(h) + more(h)) * MIB)
}

#[test]
fn a_leak_is_found_with_its_slope_and_its_end() {
    let found = judged(&steady(8.0, |h| 2.0 * h));
    assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    let slope = found.slope.unwrap();
    assert!((slope.value / MIB - 2.0).abs() < 0.1, "{slope:?}");
    assert!(slope.low < 2.0 * MIB && slope.high > 2.0 * MIB, "{slope:?}");
    // 16 MiB are gone; 512 less 116 at 2 an hour.
    let hours = found.to_limit.unwrap();
    assert!((hours.value.unwrap() - 198.0).abs() < 12.0, "{hours:?}");
    assert!(hours.low.unwrap() < hours.value.unwrap(), "{hours:?}");
    // The planted load is 50 requests a second.
    assert!((found.per_request.unwrap() * 180_000.0 / slope.value - 1.0).abs() < 0.01);
    assert_eq!(found.rivals[0].standing, Standing::Best);
    assert_eq!(found.curves.best.len(), found.curves.envelope.len());
}

#[test]
fn a_flat_process_is_stable_and_never_reaches_its_limit() {
    let found = judged(&steady(8.0, |_| 0.0));
    assert_eq!(found.verdict, LeakVerdict::Stable, "{}", found.reason);
    assert!(found.hours_needed.is_none());
    assert!(found.to_limit.unwrap().high.is_none());
}

#[test]
fn a_level_that_falls_is_not_stable() {
    let found = judged(&steady(8.0, |h| -5.0 * h));
    assert_eq!(found.verdict, LeakVerdict::Inconclusive, "{}", found.reason);
    assert!(found.reason.contains("falls by 5.0 MiB/h"), "{}", found.reason);
}

#[test]
fn a_warm_up_is_no_leak() {
    let found = judged(&steady(6.0, |h| 60.0 * (1.0 - (-h / 2.5).exp())));
    assert_eq!(found.verdict, LeakVerdict::Warming, "{}", found.reason);
    assert!(found.shape.unwrap().contains("saturati"));
    let rising = judged(&steady(6.0, |h| 40.0 * (1.0 - (-h / 2.0).exp()))).slope.unwrap();
    assert!(rising.value >= 0.0, "{rising:?}");
}

#[test]
fn three_hours_can_not_tell_a_slow_leak_from_a_slow_warm_up() {
    let noisy =
        |more: fn(f64) -> f64| trace(3.0, move |h| (100.0 + 1.5 * noise(h) + more(h)) * MIB);
    let leak = judged(&noisy(|h| 2.0 * h));
    let cache = judged(&noisy(|h| 9.5 * (1.0 - (-h / 3.0).exp())));
    assert!(leak.verdict != LeakVerdict::Stable, "{}", leak.reason);
    assert!(cache.verdict != LeakVerdict::Leaking, "{}", cache.reason);
}

#[test]
fn a_live_record_is_at_most_suspected() {
    let record = steady(4.0, |h| 4.0 * h);
    assert_eq!(judged(&record).verdict, LeakVerdict::Leaking);
    let live = judge_so_far(&record, &day());
    assert_eq!(live.verdict, LeakVerdict::Suspected);
    assert!(live.to_limit.unwrap().value.is_some());
}

#[test]
fn growth_in_less_than_two_hours_is_only_suspected() {
    assert_eq!(judged(&steady(1.5, |h| 10.0 * h)).verdict, LeakVerdict::Suspected);
}

#[test]
fn a_leak_that_began_at_the_very_end_is_only_suspected() {
    let late = |h: f64| 8.0 * (h - 5.2).max(0.0);
    let found = judged(&steady(6.0, late));
    assert_ne!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    assert_ne!(found.verdict, LeakVerdict::Stable, "{}", found.reason);
}

#[test]
fn too_little_is_inconclusive_and_says_what_is_missing() {
    let found = judged(&steady(0.1, |h| h));
    assert_eq!(found.verdict, LeakVerdict::Inconclusive);
    assert!(found.reason.contains("windows"), "{}", found.reason);
    assert!(found.hours_needed.unwrap() > 1.8);
    assert_eq!(judged(&Trace::new()).verdict, LeakVerdict::Inconclusive);
}

#[test]
fn a_leak_in_every_life_is_found_across_restarts() {
    let lives = reborn(24.0, 4.0, |at, age| (100.0 + 0.3 * noise(at) + 2.0 * age) * MIB);
    let found = judged(&lives);
    assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    assert_eq!(found.basis.epochs, 6);
}

#[test]
fn a_beginning_is_dated() {
    let found = judged(&steady(10.0, |h| 3.0 * (h - 4.0).max(0.0)));
    assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    let change = found.change_point.unwrap();
    assert!((change.at.as_secs_f64() / 3600.0 - 4.0).abs() < 0.6, "{change:?}");
}

#[test]
fn descriptors_are_judged_in_things() {
    let question = Question::count(Duration::from_hours(24), Percent::of(10.0), Some(1024.0));
    let leak = trace(6.0, |h| (40.0 + 3.0 * h + noise(h).abs()).floor());
    let found = judge_trace(&leak, &question);
    assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    assert!((found.slope.unwrap().value - 3.0).abs() < 0.3, "{:?}", found.slope);
    let flat = judge_trace(&trace(6.0, |_| 40.0), &question);
    assert_eq!(flat.verdict, LeakVerdict::Stable, "{}", flat.reason);
}

#[test]
fn a_leak_is_seen_below_teeth_that_are_longer_than_the_windows() {
    let teeth = |h: f64| 25.0 * (h * 1.1).fract();
    let found = judged(&steady(6.0, |h| teeth(h) + 2.0 * h));
    assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    let slope = found.slope.unwrap();
    assert!((slope.value / MIB - 2.0).abs() < 0.2, "{slope:?}");
    let calm = judged(&steady(6.0, teeth));
    assert!(matches!(calm.verdict, LeakVerdict::Stable), "{}", calm.reason);
}

#[test]
fn two_drops_are_no_teeth_that_come_again() {
    // It grows by 4 MiB an hour, and gave back 8 and 9 MiB.
    let drops = |h: f64| if h > 2.6 { -8.0 } else { 0.0 } + if h > 4.9 { -9.0 } else { 0.0 };
    let found = judged(&steady(6.0, |h| 4.0 * h + drops(h)));
    assert_ne!(found.verdict, LeakVerdict::Stable, "{}", found.reason);
}

#[test]
fn a_record_too_short_to_rule_growth_out_is_not_stable() {
    let day = |minutes: f64| judged(&steady(minutes / 60.0, |h| 5.0 * h)).verdict;
    assert!([12.0, 16.0, 25.0, 40.0].map(day).iter().all(|v| *v != LeakVerdict::Stable));
}
