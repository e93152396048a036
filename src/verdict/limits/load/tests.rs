//! Each limit on the load: red on a planted fault, green without it.

use std::time::Duration;

use crate::record::{LimitResult, Tier};
use crate::verdict::testing::{Synthetic, limit_result, limit_tier, secs};

/// 300 s; a kill at 100 s with half of all arrivals failing for 12 s.
fn storm() -> Synthetic {
    Synthetic::hold(300)
        .fault("kill", 100, 10)
        .each(100..112, |s| (s.counts.ok, s.counts.failed) = (25, 25))
}

fn stormy(limit: &str) -> Tier {
    limit_tier(storm().limit(limit))
}

fn calm(limit: &str) -> Tier {
    limit_tier(Synthetic::hold(300).limit(limit))
}

#[test]
fn a_starved_run_breaches_the_achieved_rate_and_a_fed_one_holds() {
    let starved = |limit: &str| {
        let run =
            Synthetic::hold(100).each(0..100, |s| (s.counts.ok, s.counts.not_sent) = (40, 10));
        limit_tier(run.limit(limit))
    };
    assert_eq!(starved("achieved_rate: { min: 90% }"), Tier::Fail);
    assert_eq!(starved("achieved_rate: { min: 70%, warn: 90% }"), Tier::Warn);
    assert_eq!(calm("achieved_rate: { min: 90% }"), Tier::Pass);
    // Timeouts are answers; nothing at all is a breach and not a lack of samples.
    let timeouts =
        Synthetic::hold(100).each(0..100, |s| (s.counts.ok, s.counts.timed_out) = (0, 50));
    assert_eq!(limit_tier(timeouts.limit("achieved_rate: { min: 90% }")), Tier::Pass);
    let hung = Synthetic::hold(100).each(0..100, |s| s.counts.ok = 0);
    assert_eq!(limit_tier(hung.limit("achieved_rate: { min: 90% }")), Tier::Fail);
}

#[test]
fn the_worst_window_of_the_achieved_rate_counts() {
    let dip = |limit: &str| {
        limit_tier(Synthetic::hold(300).each(100..110, |s| s.counts.ok = 0).limit(limit))
    };
    assert_eq!(dip("achieved_rate: { min: 90% }"), Tier::Pass);
    assert_eq!(dip("achieved_rate: { min: 90%, window: 30s }"), Tier::Fail);
    assert_eq!(calm("achieved_rate: { min: 90%, window: 30s }"), Tier::Pass);
}

#[test]
fn what_waited_before_and_times_out_now_is_not_more_than_all() {
    let burst = || {
        Synthetic::hold(300)
            .each(100..110, |s| s.counts.ok = 0)
            .each(110..120, |s| (s.counts.ok, s.counts.timed_out) = (0, 100))
    };
    let scoped = limit_result(
        burst().fault("slow", 110, 10).limit("achieved_rate: { min: 90%, scope: during }"),
    );
    assert_eq!((scoped.tier, scoped.measured.as_str()), (Tier::Pass, "100 %"));
    let windowed = limit_result(burst().limit("achieved_rate: { min: 90%, window: 10s }"));
    assert_eq!((windowed.tier, windowed.measured.as_str()), (Tier::Fail, "0 %"));
}

#[test]
fn errors_breach_and_their_absence_holds() {
    assert_eq!(stormy("error_rate: { max: 1% }"), Tier::Fail);
    assert_eq!(stormy("error_rate: { max: 5% }"), Tier::Pass);
    assert_eq!(stormy("error_rate: { max: 5%, warn: 1% }"), Tier::Warn);
    assert_eq!(calm("error_rate: { max: 0% }"), Tier::Pass);
    assert_eq!(stormy("error_rate: { max: 5%, window: 20s }"), Tier::Fail);
    assert_eq!(
        (stormy("success_rate: { min: 99% }"), calm("success_rate: { min: 99% }")),
        (Tier::Fail, Tier::Pass)
    );
    assert_eq!(stormy("success_rate: { min: 95%, warn: 99% }"), Tier::Warn);
}

#[test]
fn outside_faults_leaves_faults_and_recovery_out_and_nothing_else() {
    let limit = "error_rate: { max: 0.01%, scope: outside_faults }";
    assert_eq!(stormy(limit), Tier::Pass);
    let stray = || storm().each(200..201, |s| (s.counts.ok, s.counts.failed) = (40, 10));
    assert_eq!(limit_tier(stray().limit(limit)), Tier::Fail);
    let result = limit_result(
        stray().limit("error_rate: { max: 0.01%, scope: outside_faults, window: 30s }"),
    );
    assert_eq!(
        (result.tier, result.name.as_str()),
        (Tier::Fail, "error_rate outside faults, worst 30s")
    );
}

#[test]
fn during_and_recovery_look_at_what_the_others_leave_out() {
    assert_eq!(stormy("error_rate: { max: 40%, scope: during }"), Tier::Fail);
    assert_eq!(stormy("error_rate: { max: 60%, scope: during }"), Tier::Pass);
    assert_eq!(stormy("error_rate: { max: 60%, warn: 40%, scope: { during: kill } }"), Tier::Warn);
    // The tail lasts for the load's timeout, 5 s; two of its seconds are bad.
    assert_eq!(stormy("error_rate: { max: 15%, scope: recovery }"), Tier::Fail);
    assert_eq!(stormy("error_rate: { max: 25%, scope: { recovery: kill } }"), Tier::Pass);
    let other = limit_result(storm().limit("error_rate: { max: 1%, scope: { during: cut } }"));
    assert_eq!(
        (other.tier, other.note.as_deref()),
        (Tier::Unknown, Some("no such fault was in force"))
    );
    assert_eq!(other.name, "error_rate during cut");
    for limit in [
        "achieved_rate: { min: 40%, warn: 60%, scope: during }",
        "availability: { min: 40%, warn: 60%, scope: during }",
        "success_rate: { min: 40%, warn: 60%, scope: during }",
        "throughput: { min: 20/s, warn: 30/s, scope: during }",
    ] {
        let half = Synthetic::hold(300)
            .fault("kill", 100, 10)
            .each(100..110, |s| (s.counts.ok, s.counts.not_sent) = (25, 25));
        assert_eq!(limit_tier(half.limit(limit)), Tier::Warn, "{limit}");
    }
}

#[test]
fn few_arrivals_carry_no_rate() {
    let quiet = || {
        let run =
            Synthetic::hold(100).each(0..100, |s| s.counts = crate::record::Counts::default());
        run.each(3..4, |s| s.counts.ok = 3)
    };
    for limit in [
        "error_rate: { max: 1% }",
        "success_rate: { min: 1% }",
        "availability: { min: 1% }",
        "apdex: { target: 1s, min: 0.1 }",
        "latency: { p99: 1s }",
    ] {
        assert_eq!(limit_tier(quiet().limit(limit)), Tier::Unknown, "{limit}");
    }
}

#[test]
fn what_was_never_sent_is_not_available() {
    let lost = || Synthetic::hold(100).each(0..10, |s| (s.counts.ok, s.counts.not_sent) = (40, 10));
    assert_eq!(limit_tier(lost().limit("availability: { min: 99% }")), Tier::Fail);
    assert_eq!(limit_tier(lost().limit("availability: { min: 97%, warn: 99% }")), Tier::Warn);
    assert_eq!(limit_tier(lost().limit("availability: { min: 97%, window: 10s }")), Tier::Fail);
    assert_eq!(calm("availability: { min: 99.9% }"), Tier::Pass);
    let result = limit_result(lost().limit("availability: { min: 97% }"));
    assert_eq!(
        (result.measured.as_str(), result.note.as_deref()),
        ("98 %", Some("4900 of 5000 arrivals"))
    );
}

#[test]
fn a_slow_target_gets_less_done() {
    let slow = || Synthetic::hold(300).each(100..150, |s| s.counts.ok = 20);
    let tier = |limit: &str| limit_tier(slow().limit(limit));
    assert_eq!(tier("throughput: { min: 46/s }"), Tier::Fail);
    assert_eq!(tier("throughput: { min: 40/s, warn: 46/s }"), Tier::Warn);
    assert_eq!(tier("throughput: { min: 40/s, window: 30s }"), Tier::Fail);
    assert_eq!(tier("throughput: { min: 46/s, step: browse/get }"), Tier::Fail);
    assert_eq!(calm("throughput: { min: 50/s, step: browse/get }"), Tier::Pass);
    // Seconds in which nothing ended are part of the time.
    let dead = Synthetic::hold(300).each(100..200, |s| s.counts.ok = 0);
    let result = limit_result(dead.limit("throughput: { min: 40/s }"));
    assert_eq!((result.tier, result.measured.as_str()), (Tier::Fail, "33.33/s"));
    // A step that nobody took gets nothing done, and that is known.
    assert_eq!(calm("throughput: { min: 1/s, step: browse/other }"), Tier::Fail);
}

#[test]
fn the_requests_of_a_step_are_judged_by_themselves() {
    assert_eq!(stormy("error_rate: { max: 1%, step: browse/get }"), Tier::Fail);
    assert_eq!(calm("error_rate: { max: 1%, step: browse/get }"), Tier::Pass);
    assert_eq!(stormy("success_rate: { min: 99%, step: browse/get }"), Tier::Fail);
    assert_eq!(
        stormy("error_rate: { max: 0.01%, step: browse/get, scope: outside_faults }"),
        Tier::Pass
    );
    assert_eq!(stormy("error_rate: { max: 40%, step: browse/get, scope: during }"), Tier::Fail);
    let other = limit_result(storm().limit("error_rate: { max: 1%, step: browse/other }"));
    assert_eq!((other.tier, other.note.as_deref()), (Tier::Unknown, Some("only 0 requests ended")));
}

fn slow(limit: &str) -> LimitResult {
    let ms = Duration::from_millis;
    let run = Synthetic::hold(100).each(50..60, |s| s.latency = ms(400));
    limit_result(run.limit(limit))
}

#[test]
fn slow_requests_breach_and_quick_ones_hold() {
    assert_eq!(slow("latency: { p99: 300ms }").tier, Tier::Fail);
    assert_eq!(slow("latency: { p99: 500ms }").tier, Tier::Pass);
    assert_eq!(slow("latency: { p99: 500ms, warn: 300ms }").tier, Tier::Warn);
    assert_eq!(slow("latency: { mean: 40ms }").tier, Tier::Fail);
    assert_eq!(slow("latency: { mean: 60ms }").tier, Tier::Pass);
    assert_eq!(slow("latency: { p50: 20ms, step: browse/get }").tier, Tier::Pass);
    assert_eq!(calm("latency: { p99: 300ms }"), Tier::Pass);
    let result = slow("latency: { p99: 500ms }");
    assert_eq!(result.name, "latency p99");
    assert!(result.margin.unwrap().ends_with("ms inside"));
}

#[test]
fn a_short_spell_breaches_only_a_window() {
    let spell = |limit: &str| {
        limit_result(Synthetic::hold(600).each(500..505, |s| s.latency = secs(1)).limit(limit))
    };
    assert_eq!(spell("latency: { p99: 300ms }").tier, Tier::Pass);
    let result = spell("latency: { p99: 300ms, window: 60s }");
    assert_eq!(result.tier, Tier::Fail);
    let (from, to) = result.window.unwrap();
    let spell_at = Synthetic::profile_start() + secs(502);
    assert!(from < spell_at && spell_at < to && to.since(from) == secs(60));
    let short = Synthetic::hold(30).limit("latency: { p99: 300ms, window: 60s }");
    assert_eq!(limit_tier(short), Tier::Pass);
}

#[test]
fn slowness_under_faults_is_told_from_slowness_without() {
    for rolled in [false, true] {
        let run = Synthetic::hold(600)
            .fault("cut", 200, 30)
            .each(200..230, |s| s.latency = Duration::from_millis(400))
            .limit("latency: { max: 300ms }")
            .limit("latency: { max: 300ms, scope: outside_faults }")
            .limit("latency: { p50: 300ms, scope: during }")
            .limit("latency: { p50: 300ms, scope: recovery }");
        let data = if rolled { run.build_rolled() } else { run.build() };
        let tiers = crate::verdict::judge(&data).limits.into_iter().map(|l| l.tier);
        let tiers: Vec<Tier> = tiers.collect();
        assert_eq!(tiers, [Tier::Fail, Tier::Pass, Tier::Fail, Tier::Pass], "{rolled}");
    }
}

#[test]
fn a_target_that_answers_nothing_well_is_not_quick() {
    let broken = Synthetic::hold(100).each(0..100, |s| (s.counts.ok, s.counts.failed) = (0, 50));
    assert_eq!(limit_tier(broken.limit("latency: { p99: 300ms }")), Tier::Fail);
    let idle = Synthetic::hold(100).each(0..100, |s| s.counts.ok = 0);
    assert_eq!(limit_tier(idle.limit("latency: { p99: 300ms }")), Tier::Unknown);
    assert_eq!(calm("latency: { p99: 300ms, step: browse/other }"), Tier::Unknown);
}

#[test]
fn a_window_in_which_nothing_ended_well_is_the_worst() {
    let limit = "latency: { p99: 300ms, window: 30s }";
    let dead =
        |to| Synthetic::hold(300).each(100..to, |s| (s.counts.ok, s.counts.failed) = (0, 50));
    let result = limit_result(dead(180).limit(limit));
    assert_eq!((result.tier, result.measured_value), (Tier::Fail, None), "{result:?}");
    let (from, to) = result.window.unwrap();
    assert!(to.since(from) <= secs(36) && result.measured.contains("ended well"), "{result:?}");
    assert_eq!(limit_tier(dead(110).limit(limit)), Tier::Pass, "twenty seconds of it went well");
}

#[test]
fn apdex_counts_the_tolerated_half() {
    let ms = Duration::from_millis;
    // A tenth of the time tolerated, a tenth frustrated.
    let mixed = |limit: &str| {
        let run = Synthetic::hold(100)
            .each(50..60, |s| s.latency = ms(300))
            .each(60..70, |s| s.latency = ms(2000));
        limit_result(run.limit(limit))
    };
    let result = mixed("apdex: { target: 200ms, min: 0.9 }");
    assert_eq!((result.tier, result.name.as_str()), (Tier::Fail, "apdex 200ms"));
    assert!((result.measured_value.unwrap() - 0.85).abs() < 1e-9, "{result:?}");
    assert_eq!(mixed("apdex: { target: 200ms, min: 0.8, warn: 0.9 }").tier, Tier::Warn);
    assert_eq!(
        mixed("apdex: { target: 200ms, min: 0.8, step: browse/get, window: 20s }").tier,
        Tier::Fail
    );
    assert_eq!(calm("apdex: { target: 200ms, min: 1 }"), Tier::Pass);
    // What ends badly is neither satisfied nor tolerated.
    assert_eq!(stormy("apdex: { target: 200ms, min: 0.99 }"), Tier::Fail);
    assert_eq!(stormy("apdex: { target: 200ms, min: 0.99, scope: outside_faults }"), Tier::Pass);
}
