//! `recovery` and `recover_within`: time until the workload is back in its band after a fault.

use std::time::Duration;

use super::super::case::Case;
use super::super::windows::FaultWindow;
use super::super::words;
use super::{Bound, Judged, limit_name};
use crate::experiment::{self, Limit, Quantity, RecoveryClock};
use crate::record::{LimitResult, Recovery, Side};

/// Judges every fault that was injected, or those of one entry of the file.
pub(super) fn results(
    case: &Case,
    limit: &Limit,
    fault: Option<&str>,
    clock: RecoveryClock,
) -> Vec<Judged> {
    let planned = &case.data.run.faults;
    let bound = Bound::of(&limit.bound);
    let from = if clock == RecoveryClock::Start { " from its start" } else { "" };
    let all: Vec<Judged> = windows(case, fault)
        .map(|w| one(&bound, format!("recovery {}{from}", planned[w.fault].id), w, clock))
        .collect();
    if all.is_empty() { vec![none(limit)] } else { all }
}

/// The faults that were injected, or those of one entry of the file.
pub(super) fn windows<'a>(
    case: &'a Case,
    fault: Option<&'a str>,
) -> impl Iterator<Item = &'a FaultWindow> {
    let planned = &case.data.run.faults;
    case.windows.iter().filter(move |w| fault.is_none_or(|name| name == planned[w.fault].name))
}

/// A limit on faults that never came.
pub(super) fn none(limit: &Limit) -> Judged {
    let why = "no fault of it was injected".to_owned();
    Judged { result: Bound::of(&limit.bound).unknown(limit_name(limit), why), side: Side::Longhaul }
}

/// Judges the faults that carry a limit of their own.
pub(super) fn own(case: &Case) -> Vec<Judged> {
    let planned = &case.data.run.faults;
    case.windows
        .iter()
        .filter_map(|w| {
            let fault = &planned[w.fault];
            let max = fault.recover_within?;
            let bound = Bound::of(&experiment::Bound::at_most(Quantity::Time(max)));
            Some(one(&bound, format!("recover_within {}", fault.id), w, RecoveryClock::End))
        })
        .collect()
}

/// How long a recovery took, or was watched for without there being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    Back(Duration),
    Censored(Duration),
}

/// How long it took by this clock; `None` without a baseline.
pub(super) fn took(window: &FaultWindow, clock: RecoveryClock) -> Option<Took> {
    let force = window.force.length();
    match (&window.measured.recovery, clock) {
        (Recovery::Recovered { from_end, .. }, RecoveryClock::End) => Some(Took::Back(*from_end)),
        (Recovery::Recovered { from_start, .. }, RecoveryClock::Start) => {
            Some(Took::Back(*from_start))
        }
        (Recovery::Unaffected, _) => Some(Took::Back(Duration::ZERO)),
        (Recovery::NotRecovered { watched }, RecoveryClock::End) => Some(Took::Censored(*watched)),
        (Recovery::NotRecovered { watched }, RecoveryClock::Start) => {
            Some(Took::Censored(*watched + force))
        }
        (Recovery::NoBaseline { .. }, _) => None,
    }
}

fn one(bound: &Bound, name: String, window: &FaultWindow, clock: RecoveryClock) -> Judged {
    let whence = if clock == RecoveryClock::Start { "start" } else { "end" };
    let result = match (took(window, clock), &window.measured.recovery) {
        (Some(Took::Back(time)), Recovery::Unaffected) => {
            let note = Some("it never left its band".to_owned());
            bound.judge(name, time.as_secs_f64(), None, note)
        }
        (Some(Took::Back(time)), _) => bound.judge(name, time.as_secs_f64(), None, None),
        (Some(Took::Censored(watched)), _) => {
            let text = words::duration(watched);
            if watched.as_secs_f64() >= bound.value() {
                LimitResult {
                    measured_value: Some(watched.as_secs_f64()),
                    note: Some(format!("watched for {text} after the fault's {whence}")),
                    ..bound.fail(name, format!("not recovered after {text}"))
                }
            } else {
                let why =
                    format!("not recovered when watching ended, {text} after the fault's {whence}");
                bound.unknown(name, why)
            }
        }
        (None, Recovery::NoBaseline { reason }) => {
            return Judged { result: bound.unknown(name, reason.clone()), side: Side::Longhaul };
        }
        (None, _) => bound.unknown(name, "it was not measured".to_owned()),
    };
    Judged { result, side: Side::Target }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use crate::record::Tier;

    fn slow_return() -> Synthetic {
        Synthetic::hold(400)
            .fault("kill", 100, 10)
            .each(100..140, |s| (s.counts.ok, s.counts.failed) = (25, 25))
    }

    #[test]
    fn a_slow_return_breaches_and_a_quick_one_holds() {
        assert_eq!(limit_tier(slow_return().limit("recovery: { max: 20s }")), Tier::Fail);
        let result = limit_result(slow_return().limit("recovery: { max: 1m }"));
        assert_eq!((result.tier, result.name.as_str()), (Tier::Pass, "recovery kill-1"));
        assert_eq!(result.margin.unwrap(), "30 s inside");
        let calm = Synthetic::hold(400).fault("kill", 100, 10);
        assert_eq!(limit_tier(calm.limit("recovery: { max: 1s }")), Tier::Pass);
        assert_eq!(limit_tier(slow_return().recover_within(secs(20))), Tier::Fail);
        assert_eq!(limit_tier(slow_return().recover_within(secs(60))), Tier::Pass);
    }

    #[test]
    fn the_clock_may_start_with_the_fault() {
        let tier =
            |limit: &str| limit_tier(slow_return().limit(&format!("recovery: {{ {limit} }}")));
        assert_eq!((tier("max: 35s"), tier("max: 35s, from: start")), (Tier::Pass, Tier::Fail));
        assert_eq!(tier("max: 45s, warn: 35s, from: start"), Tier::Warn);
        let result =
            limit_result(slow_return().limit("recovery: { fault: kill, max: 45s, from: start }"));
        assert_eq!(
            (result.name.as_str(), result.measured.as_str()),
            ("recovery kill-1 from its start", "40 s")
        );
    }

    #[test]
    fn watching_shorter_than_the_limit_proves_nothing() {
        let down = || {
            Synthetic::hold(200)
                .fault("kill", 100, 10)
                .each(100..200, |s| (s.counts.ok, s.counts.failed) = (25, 25))
        };
        assert_eq!(limit_tier(down().limit("recovery: { max: 1m }")), Tier::Fail);
        assert_eq!(limit_tier(down().limit("recovery: { max: 5m }")), Tier::Unknown);
        assert_eq!(limit_tier(down().limit("recovery: { max: 95s }")), Tier::Unknown);
        assert_eq!(limit_tier(down().limit("recovery: { max: 95s, from: start }")), Tier::Fail);
        let early = Synthetic::hold(200).fault("kill", 3, 10);
        assert_eq!(limit_tier(early.limit("recovery: { max: 1m }")), Tier::Unknown);
        assert_eq!(limit_tier(Synthetic::hold(200).limit("recovery: { max: 1m }")), Tier::Unknown);
    }
}
