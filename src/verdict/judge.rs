//! The verdict: outcome, exit code, side, and why.

use std::time::Duration;

use super::availability::availability;
use super::case::Case;
use super::conclusive::{Doubt, doubts};
use super::words::{duration, many, percent};
use super::{compare, error_budget, faults, leaks, limits};
use crate::record::{
    LimitResult, Recovery, RunData, Side, StopCause, Tier, Verdict, VerdictOutcome,
};

/// Judges a run from its records. The same records give the same verdict.
///
/// Where several outcomes apply, the exit code is the first of: 14 (a fault could not be undone), 12 (target not
/// ready), 13 (no steady state before the faults), 1 (longhaul could not go on), 130 and 143 (interrupted),
/// 11 (inconclusive), 10 (a limit is breached), 16 (only slower or bigger than the baseline), 0. The reasons name everything that was found.
pub fn judge(data: &RunData) -> Verdict {
    let case = Case::new(data);
    let comparison = compare::against(&case);
    let mut judged = limits::results(&case);
    let own = judged.len();
    judged.extend(comparison.iter().flat_map(compare::baseline_limits));
    let breached = judged[..own].iter().any(|j| j.result.tier == Tier::Fail);
    let doubts = doubts(&case, &judged, breached);
    let limits: Vec<LimitResult> = judged.into_iter().map(|j| j.result).collect();
    let (ending, reasons) = ending(&case, &limits, own, &doubts);
    let Ending { outcome, exit_code, headline, side } = ending;
    Verdict {
        outcome,
        exit_code,
        headline,
        side,
        reasons,
        limits,
        faults: faults::results(&case),
        comparison: comparison.map(Box::new),
        totals: case.totals(),
        availability: availability(&case),
        clues: leaks::hints(data, case.leaks()),
        leaks: case.leaks().to_vec(),
        own: case.own().to_vec(),
        recoveries: faults::recoveries(&case),
        error_budget: error_budget::budget(&case),
        ledger: case.ledger,
    }
}

struct Ending {
    outcome: VerdictOutcome,
    exit_code: u8,
    headline: String,
    side: Option<Side>,
}

/// `own`: how many of the limits are the experiment's; the others come from the comparison with a baseline.
fn ending(
    case: &Case,
    limits: &[LimitResult],
    own: usize,
    doubts: &[Doubt],
) -> (Ending, Vec<String>) {
    let mut found: Vec<Ending> = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    let mut add = |outcome, exit_code, side, headline: String, reason: String| {
        reasons.push(reason);
        found.push(Ending { outcome, exit_code, headline, side: Some(side) });
    };

    let stuck = stuck(case);
    if let Some(first) = stuck.first() {
        let more = more(stuck.len());
        add(
            VerdictOutcome::Errored,
            14,
            Side::Environment,
            format!("healing incomplete: {first}{more}; run `longhaul cleanup`"),
            format!("not healed: {}", stuck.join("; ")),
        );
    }
    let ran = ran(case);
    match case.stop() {
        Some((_, StopCause::TargetNotReady, why)) => add(
            VerdictOutcome::Errored,
            12,
            Side::Target,
            format!("target not ready: {why}"),
            format!("the target did not become ready: {why}"),
        ),
        Some((_, StopCause::Environment, why)) => add(
            VerdictOutcome::Errored,
            12,
            Side::Environment,
            format!("the environment could not hold the target: {why}"),
            format!("the environment failed: {why}"),
        ),
        Some((_, StopCause::SteadyState, why)) => add(
            VerdictOutcome::Inconclusive,
            13,
            Side::Target,
            format!("no steady state before the first fault: {why}"),
            format!("the steady state did not hold: {why}"),
        ),
        Some((_, StopCause::Internal, why)) => add(
            VerdictOutcome::Errored,
            1,
            Side::Longhaul,
            format!("longhaul could not go on {ran}: {why}"),
            format!("longhaul could not go on: {why}"),
        ),
        Some((_, cause @ (StopCause::Interrupt | StopCause::Terminate), why)) => add(
            VerdictOutcome::Aborted,
            if cause == StopCause::Interrupt { 130 } else { 143 },
            Side::Environment,
            format!("interrupted {ran}: {why}"),
            format!("stopped by a signal: {why}"),
        ),
        Some((_, StopCause::AbortWhen, _)) | None => {}
    }
    if case.judged.is_none() && case.stop().is_none() {
        let text = "the load profile never began".to_owned();
        add(VerdictOutcome::Errored, 1, Side::Longhaul, text.clone(), text);
    }
    if let Some(first) = doubts.first() {
        found.push(Ending {
            outcome: VerdictOutcome::Inconclusive,
            exit_code: 11,
            headline: match limits.iter().find(|l| l.tier == Tier::Fail) {
                None => format!("inconclusive: {}{}", first.text, more(doubts.len())),
                Some(worst) => {
                    format!(
                        "inconclusive, though {}: {}{}",
                        breach(worst),
                        first.text,
                        more(doubts.len())
                    )
                }
            },
            side: Some(first.side),
        });
    }
    reasons.extend(doubts.iter().map(|d| format!("{} side: {}", side_name(d.side), d.text)));

    let failed: Vec<&LimitResult> = limits.iter().filter(|l| l.tier == Tier::Fail).collect();
    let warned: Vec<&LimitResult> = limits.iter().filter(|l| l.tier == Tier::Warn).collect();
    let aborted = case.stop().filter(|(_, cause, _)| *cause == StopCause::AbortWhen);
    if let Some((_, _, why)) = aborted {
        found.push(failure(format!("failed: stopped {ran} because {why}")));
        reasons.push(format!("abort_when: {why}"));
    }
    if let Some(first) = failed.first() {
        let headline = format!("failed: {}{}", breach(first), more(failed.len()));
        let exit_code = if limits[..own].iter().any(|l| l.tier == Tier::Fail) { 10 } else { 16 };
        found.push(Ending { exit_code, ..failure(headline) });
    }
    reasons.extend(failed.iter().map(|l| format!("breached: {}", breach(l))));
    reasons.extend(warned.iter().map(|l| format!("warning: {}", warning(l))));
    if doubts.is_empty() && (!failed.is_empty() || aborted.is_some()) {
        reasons.push(format!("target side: {}", evidence(case)));
    }

    let ending = found.into_iter().next().unwrap_or_else(|| good(case, limits, &warned));
    (ending, reasons)
}

fn failure(headline: String) -> Ending {
    Ending { outcome: VerdictOutcome::Failed, exit_code: 10, headline, side: Some(Side::Target) }
}

fn good(case: &Case, limits: &[LimitResult], warned: &[&LimitResult]) -> Ending {
    match warned.first() {
        Some(first) => Ending {
            outcome: VerdictOutcome::Warned,
            exit_code: 0,
            headline: format!("passed with a warning: {}{}", warning(first), more(warned.len())),
            side: Some(Side::Target),
        },
        None => Ending {
            outcome: VerdictOutcome::Passed,
            exit_code: 0,
            headline: format!(
                "passed: {} held {}{}",
                many(limits.len(), "limit"),
                ran(case),
                fared(case)
            ),
            side: None,
        },
    }
}

/// `over 24h 00m`, `after 12m 00s of 24h 00m`, `before the load profile began`.
fn ran(case: &Case) -> String {
    let planned = case.experiment().load.profile_length();
    match case.judged.map(|j| j.length()) {
        Some(length) if case.capacity().is_some() => {
            let found = case.capacity().map(ToString::to_string).unwrap_or_default();
            format!("over {}; {found}", duration(length))
        }
        Some(length) if length + Duration::from_secs(1) >= planned => {
            format!("over {}", duration(planned))
        }
        Some(length) => format!("after {} of {}", duration(length), duration(planned)),
        None => "before the load profile began".to_owned(),
    }
}

fn fared(case: &Case) -> String {
    if case.windows.is_empty() {
        return String::new();
    }
    let returns: Vec<Duration> = case
        .windows
        .iter()
        .filter_map(|w| match w.measured.recovery {
            Recovery::Recovered { from_end, .. } => Some(from_end),
            Recovery::Unaffected => Some(Duration::ZERO),
            Recovery::NotRecovered { .. } | Recovery::NoBaseline { .. } => None,
        })
        .collect();
    let faults = many(case.windows.len(), "fault");
    match returns.iter().max() {
        Some(longest) if returns.len() < case.windows.len() || longest.is_zero() => {
            format!(", {faults} healed")
        }
        Some(longest) => format!(", {faults} healed, recovered within {}", duration(*longest)),
        None => format!(", {faults} healed"),
    }
}

fn stuck(case: &Case) -> Vec<String> {
    case.data
        .run
        .faults
        .iter()
        .zip(&case.lives)
        .filter_map(|(fault, life)| {
            let reason = life.stuck.as_ref()?;
            Some(format!("fault {} ({}): {reason}", fault.id, faults::what(fault)))
        })
        .collect()
}

fn breach(l: &LimitResult) -> String {
    let margin = l.margin.as_ref().map(|m| format!(", {m}")).unwrap_or_default();
    let at = l.window.map(|(from, to)| format!(" from {from} to {to}")).unwrap_or_default();
    let was = if l.measured.starts_with("only ") { "rests on" } else { "was" };
    format!("{} {was} {}{at} (limit {}{margin})", l.name, l.measured, l.bound)
}

fn warning(l: &LimitResult) -> String {
    let warn = l.warn.as_deref().unwrap_or(&l.bound);
    format!("{} was {} (warn {warn}, limit {})", l.name, l.measured, l.bound)
}

/// Why it is the target and not the tool or the host.
fn evidence(case: &Case) -> String {
    let late = case.seconds.iter().map(|s| s.lateness.p99).max().unwrap_or(0);
    let kept = case.totals().scheduled as f64 / case.asked().max(1.0);
    format!(
        "longhaul scheduled {} of the arrivals asked for and was at worst {} late (p99 of a second), \
         and the host had CPU and memory to spare",
        percent(kept.min(1.0)),
        duration(Duration::from_micros(late)),
    )
}

fn more(n: usize) -> String {
    if n > 1 { format!(", and {} more", n - 1) } else { String::new() }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Target => "target",
        Side::Environment => "environment",
        Side::Longhaul => "longhaul",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, secs};
    use super::*;
    use crate::clock::Offset;
    use crate::record::{Counts, Event, EventKind, FaultStage, Phase};
    use proptest::prelude::*;

    fn sound() -> Synthetic {
        Synthetic::hold(300).fault("kill", 100, 10).limit("error_rate: { max: 1% }")
    }

    fn broken() -> Synthetic {
        sound().each(200..260, |s| (s.counts.ok, s.counts.failed) = (40, 10))
    }

    fn stopped(run: Synthetic, cause: StopCause, reason: &str) -> Verdict {
        let mut data = run.stop_at(150).build();
        let at = Synthetic::profile_start() + secs(150);
        let i = data.events.iter().position(|e| e.at >= at).unwrap();
        let kind = EventKind::Stop { cause, reason: reason.to_owned() };
        data.events.insert(i, Event { at, kind });
        judge(&data)
    }

    fn get_stuck(data: &mut RunData) {
        for event in &mut data.events {
            if let EventKind::Fault { stage, .. } = &mut event.kind
                && matches!(stage, FaultStage::Healed { .. })
            {
                *stage = FaultStage::Stuck { reason: "the engine is gone".into() };
            }
        }
    }

    #[test]
    fn headlines() {
        let line =
            |v: Verdict| format!("{:?} {} {:?} {}", v.outcome, v.exit_code, v.side, v.headline);
        insta::assert_snapshot!(line(judge(&sound().build())), @"Passed 0 None passed: 1 limit held over 5m 00s, 1 fault healed");
        insta::assert_snapshot!(line(judge(&broken().build())), @"Failed 10 Some(Target) failed: error_rate was 4 % (limit <= 1%, 3 % outside)");
        insta::assert_snapshot!(line(judge(&sound().limit("latency: { p99: 5ms }").limit("error_rate: { max: 0.5% }").each(0..300, |s| (s.counts.ok, s.counts.failed) = (49, 1)).build())), @"Failed 10 Some(Target) failed: error_rate was 2 % (limit <= 1%, 1 % outside), and 2 more");
        insta::assert_snapshot!(line(judge(&sound().each(0..90, |s| s.late = Duration::from_millis(9)).build())), @"Inconclusive 11 Some(Longhaul) inconclusive: the load generator was late: p99 over 5 ms in 90 of 300 seconds, at worst 9.01 ms");
        insta::assert_snapshot!(line(stopped(sound(), StopCause::Interrupt, "Ctrl-C")), @"Aborted 130 Some(Environment) interrupted after 2m 30s of 5m 00s: Ctrl-C");
        insta::assert_snapshot!(line(stopped(sound(), StopCause::Terminate, "SIGTERM")), @"Aborted 143 Some(Environment) interrupted after 2m 30s of 5m 00s: SIGTERM");
        insta::assert_snapshot!(line(stopped(sound(), StopCause::AbortWhen, "error_rate was 60 % over the last 1m 00s, the bound is <= 50%")), @"Failed 10 Some(Target) failed: stopped after 2m 30s of 5m 00s because error_rate was 60 % over the last 1m 00s, the bound is <= 50%");
        insta::assert_snapshot!(line(stopped(sound(), StopCause::SteadyState, "error_rate 3 % (<= 0.1%)")), @"Inconclusive 13 Some(Target) no steady state before the first fault: error_rate 3 % (<= 0.1%)");
        insta::assert_snapshot!(line(stopped(sound(), StopCause::Internal, "the disk is full")), @"Errored 1 Some(Longhaul) longhaul could not go on after 2m 30s of 5m 00s: the disk is full");
        let mut warned = sound();
        warned = warned
            .limit("error_rate: { max: 5%, warn: 0.1% }")
            .each(200..205, |s| (s.counts.ok, s.counts.failed) = (40, 10));
        insta::assert_snapshot!(line(judge(&warned.build())), @"Warned 0 Some(Target) passed with a warning: error_rate was 0.33 % (warn <= 0.1%, limit <= 5%)");
        let mut stuck = sound().build();
        get_stuck(&mut stuck);
        insta::assert_snapshot!(line(judge(&stuck)), @"Errored 14 Some(Environment) healing incomplete: fault kill-1 (kill api#1 with SIGKILL): the engine is gone; run `longhaul cleanup`");
        let mut unready = sound().build();
        unready.slices.clear();
        unready.histograms.clear();
        unready.events = vec![Event {
            at: Offset::ZERO + secs(60),
            kind: EventKind::Stop {
                cause: StopCause::TargetNotReady,
                reason: "api#1 is not healthy after 1m".into(),
            },
        }];
        insta::assert_snapshot!(line(judge(&unready)), @"Errored 12 Some(Target) target not ready: api#1 is not healthy after 1m");
        let kind = EventKind::Stop {
            cause: StopCause::Environment,
            reason: "connect to the Docker engine; start the engine".into(),
        };
        unready.events[0].kind = kind;
        insta::assert_snapshot!(line(judge(&unready)), @"Errored 12 Some(Environment) the environment could not hold the target: connect to the Docker engine; start the engine");
        unready.events.clear();
        insta::assert_snapshot!(line(judge(&unready)), @"Errored 1 Some(Longhaul) the load profile never began");
    }

    #[test]
    fn the_gravest_outcome_gives_the_exit_code_and_the_others_stay_reasons() {
        let late = |run: Synthetic| run.each(0..90, |s| s.late = Duration::from_millis(9));
        let both = judge(&late(broken()).build());
        assert_eq!((both.exit_code, both.side), (11, Some(Side::Longhaul)));
        assert!(both.reasons.iter().any(|r| r.starts_with("breached: error_rate")), "{both:?}");
        assert!(both.headline.starts_with("inconclusive, though error_rate was"), "{both:?}");
        let mut data = late(broken()).build();
        get_stuck(&mut data);
        let all = judge(&data);
        assert_eq!(all.exit_code, 14);
        assert!(all.reasons.len() >= 3, "{:?}", all.reasons);
        let interrupted = stopped(
            broken().each(100..160, |s| s.late = Duration::from_millis(9)),
            StopCause::Interrupt,
            "Ctrl-C",
        );
        assert_eq!(interrupted.exit_code, 130);
    }

    #[test]
    fn a_breach_outweighs_what_could_not_be_measured() {
        let quiet = || {
            Synthetic::hold(300).limit("recovery: { max: 60s }").limit("error_rate: { max: 1% }")
        };
        assert_eq!(judge(&quiet().build()).exit_code, 11);
        assert_eq!(stopped(quiet(), StopCause::AbortWhen, "error_rate").exit_code, 10);
        let broken = quiet().each(0..300, |s| (s.counts.ok, s.counts.failed) = (10, 40));
        assert_eq!(judge(&broken.build()).exit_code, 10);
    }

    #[test]
    fn every_bad_run_names_its_side_with_evidence() {
        for verdict in [
            judge(&broken().build()),
            judge(&broken().each(0..90, |s| s.late = Duration::from_millis(9)).build()),
            stopped(sound(), StopCause::AbortWhen, "error_rate"),
            stopped(sound(), StopCause::SteadyState, "error_rate"),
        ] {
            assert!(verdict.side.is_some() && !verdict.reasons.is_empty(), "{verdict:?}");
        }
        assert!(judge(&broken().build()).reasons.iter().any(|r| r.starts_with("target side: ")));
    }

    #[test]
    fn a_day_is_judged_in_seconds() {
        let data = Synthetic::day();
        assert_eq!(data.slices.len(), 86_400 + 10);
        // In CPU time: other tests share the machine.
        let cpu = || {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
        };
        let began = cpu();
        let verdict = judge(&data);
        let took = cpu().saturating_sub(began);
        assert_eq!(verdict.exit_code, 0, "{:?}", verdict.reasons);
        assert_eq!(verdict.ledger.len(), 24);
        // Seconds, also without optimisation on a slow machine; what grows with the square of the slices takes minutes.
        assert!(took < Duration::from_secs(30), "{took:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// For every run: the ledger's counts sum to the totals, and its rows follow each other without a hole.
        #[test]
        fn the_ledger_sums_to_the_totals(
            length in 1..150_u64, stop in 1..200_u64, seed: u64, tail in 0..6_u64,
        ) {
            let mut run = Synthetic::hold(length).drain(tail).each(0..length + tail, |s| {
                let mix = (s.counts.ok + 1).wrapping_mul(seed | 1).rotate_left(17);
                s.counts.failed = mix % 7;
                s.counts.timed_out = mix / 7 % 5;
                s.counts.not_sent = mix / 35 % 3;
            });
            if stop < length {
                run = run.stop_at(stop);
            }
            let data = run.build();
            let verdict = judge(&data);
            let mut sum = Counts::default();
            for row in &verdict.ledger {
                sum.add(&row.counts);
            }
            prop_assert_eq!(sum, verdict.totals);
            let latencies: u64 = verdict.ledger.iter().map(|r| r.latency.count).sum();
            prop_assert_eq!(latencies, verdict.totals.ok);
            let (start, end) = data.phase(Phase::Holding).unwrap();
            prop_assert_eq!(verdict.ledger[0].from, start);
            prop_assert_eq!(verdict.ledger.last().unwrap().to, end);
            for pair in verdict.ledger.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
        }
    }
}
