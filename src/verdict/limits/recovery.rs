//! `recovery` and `recover_within`: time from a fault's end until the workload is back in its band.

use super::super::case::Case;
use super::super::windows::FaultWindow;
use super::super::words;
use super::{Bound, Judged, name};
use crate::experiment::{Limit, LimitKind};
use crate::record::{LimitResult, Recovery, Side};

/// Judges every fault that was injected, or those of one entry of the file.
pub(super) fn results(case: &Case, limit: &Limit, fault: Option<&str>) -> Vec<Judged> {
    let planned = &case.data.run.faults;
    let mut all: Vec<Judged> = case
        .windows
        .iter()
        .filter(|w| fault.is_none_or(|name| name == planned[w.fault].name))
        .map(|w| {
            let name = format!("recovery {}", planned[w.fault].id);
            one(&limit.kind, name, w)
        })
        .collect();
    if all.is_empty() {
        let mut none = Judged::never(&limit.kind, name(&limit.kind));
        none.result.note = Some("no fault of it was injected".to_owned());
        all.push(none);
    }
    all
}

/// Judges the faults that carry a limit of their own.
pub(super) fn own(case: &Case) -> Vec<Judged> {
    let planned = &case.data.run.faults;
    case.windows
        .iter()
        .filter_map(|w| {
            let fault = &planned[w.fault];
            let max = fault.recover_within?;
            let kind = LimitKind::Recovery { fault: Some(fault.name.clone()), max, warn: None };
            Some(one(&kind, format!("recover_within {}", fault.id), w))
        })
        .collect()
}

fn one(kind: &LimitKind, name: String, window: &FaultWindow) -> Judged {
    let bound = Bound::of(kind);
    let (result, side) = match &window.measured.recovery {
        Recovery::Recovered { from_end, .. } => {
            (bound.judge(name, from_end.as_secs_f64(), None, None), Side::Target)
        }
        Recovery::Unaffected => {
            let note = Some("it never left its band".to_owned());
            (bound.judge(name, 0.0, None, note), Side::Target)
        }
        Recovery::NotRecovered { watched } => {
            let watched_text = words::duration(*watched);
            let result = if watched.as_secs_f64() >= bound.value() {
                LimitResult {
                    measured_value: Some(watched.as_secs_f64()),
                    note: Some(format!("watched for {watched_text} after the fault's end")),
                    ..bound.fail(name, format!("not recovered after {watched_text}"))
                }
            } else {
                let why = format!(
                    "not recovered when watching ended, {watched_text} after the fault's end"
                );
                bound.unknown(name, why)
            };
            (result, Side::Target)
        }
        Recovery::NoBaseline { reason } => (bound.unknown(name, reason.clone()), Side::Longhaul),
    };
    Judged { result, side }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use crate::experiment::LimitKind;
    use crate::record::Tier;

    fn within(text: &str) -> LimitKind {
        let max = crate::units::parse_duration(text).unwrap();
        LimitKind::Recovery { fault: None, max, warn: None }
    }

    fn slow_return() -> Synthetic {
        Synthetic::hold(400)
            .fault("kill", 100, 10)
            .each(100..140, |s| (s.counts.ok, s.counts.failed) = (25, 25))
    }

    #[test]
    fn a_slow_return_breaches_and_a_quick_one_holds() {
        assert_eq!(limit_tier(slow_return().limit(within("20s"))), Tier::Fail);
        let result = limit_result(slow_return().limit(within("1m")));
        assert_eq!((result.tier, result.name.as_str()), (Tier::Pass, "recovery kill-1"));
        assert_eq!(result.margin.unwrap(), "30 s inside");
        let calm = Synthetic::hold(400).fault("kill", 100, 10);
        assert_eq!(limit_tier(calm.limit(within("1s"))), Tier::Pass);
        assert_eq!(limit_tier(slow_return().recover_within(secs(20))), Tier::Fail);
        assert_eq!(limit_tier(slow_return().recover_within(secs(60))), Tier::Pass);
    }

    #[test]
    fn watching_shorter_than_the_limit_proves_nothing() {
        let down = || {
            Synthetic::hold(200)
                .fault("kill", 100, 10)
                .each(100..200, |s| (s.counts.ok, s.counts.failed) = (25, 25))
        };
        assert_eq!(limit_tier(down().limit(within("1m"))), Tier::Fail);
        assert_eq!(limit_tier(down().limit(within("5m"))), Tier::Unknown);
        let early = Synthetic::hold(200).fault("kill", 3, 10);
        assert_eq!(limit_tier(early.limit(within("1m"))), Tier::Unknown);
        assert_eq!(limit_tier(Synthetic::hold(200).limit(within("1m"))), Tier::Unknown);
    }
}
