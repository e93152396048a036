//! Arrivals that ended badly while the engine did not answer.

use std::time::Duration;

use super::case::Case;
use super::limits::Judged;
use super::second::total;
use super::windows::Span;
use super::words::duration;
use crate::record::{Counts, EventKind, GapSource, StopCause, Tier};

/// Limits that count arrivals by how they ended.
const COUNTED: [&str; 6] =
    ["achieved_rate", "throughput", "error_rate", "success_rate", "availability", "error_budget"];

/// What speaks against laying a breach on the target: when most of the bad arrivals came while the engine did
/// not answer, nobody knows whether its containers were there. `None` when no count of arrivals was breached.
pub(super) fn excuse(case: &Case, judged: Span, limits: &[Judged]) -> Option<String> {
    let counted = |name: &str| COUNTED.iter().any(|kind| name.starts_with(kind));
    let breached = limits.iter().any(|l| l.result.tier == Tier::Fail && counted(&l.result.name))
        || case.stop().is_some_and(|(_, cause, _)| cause == StopCause::AbortWhen);
    if !breached {
        return None;
    }
    let gaps: Vec<(Span, &str)> = case
        .data
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Gap { source: GapSource::Events, from, reason } => {
                Some((Span { from: *from, to: e.at }, reason.as_str()))
            }
            _ => None,
        })
        .filter(|(gap, _)| gap.overlap(&judged) > Duration::ZERO)
        .collect();
    let (_, reason) = gaps.first()?;
    let away: Duration = gaps.iter().map(|(gap, _)| gap.overlap(&judged)).sum();
    let bad = |counts: Counts| counts.errors();
    let all = bad(total(&case.seconds));
    let then = bad(total(
        case.seconds.iter().filter(|s| gaps.iter().any(|(gap, _)| gap.contains(s.middle()))),
    ));
    (then * 2 > all).then(|| {
        format!(
            "the Docker engine did not answer for {}, and {then} of {all} bad arrivals came then: {reason}",
            duration(away)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::testing::{Synthetic, secs};
    use crate::record::{Event, EventKind, GapSource, Side, Verdict};

    /// Half of the arrivals of seconds 200 to 260 go wrong; the engine is away from 195 to `back`.
    fn run(back: Option<u64>) -> Verdict {
        let mut data = Synthetic::hold(300)
            .limit("error_rate: { max: 1% }")
            .each(200..260, |s| (s.counts.ok, s.counts.failed) = (25, 25))
            .build();
        if let Some(back) = back {
            let at = |s| Synthetic::profile_start() + secs(s);
            let kind = EventKind::Gap {
                source: GapSource::Events,
                from: at(195),
                reason: "connection refused".to_owned(),
            };
            data.events.push(Event { at: at(back), kind });
        }
        judge(&data)
    }

    #[test]
    fn a_breach_behind_an_absent_engine_is_the_environments() {
        let verdict = run(Some(262));
        assert_eq!((verdict.exit_code, verdict.side), (11, Some(Side::Environment)));
        assert!(
            verdict.headline.contains("the Docker engine did not answer for 1m 07s"),
            "{}",
            verdict.headline
        );
        assert!(
            verdict.reasons.iter().any(|r| r.starts_with("breached: error_rate")),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_breach_that_an_absent_engine_does_not_explain_stays_the_targets() {
        for back in [None, Some(197), Some(220)] {
            let verdict = run(back);
            assert_eq!((verdict.exit_code, verdict.side), (10, Some(Side::Target)), "{back:?}");
        }
    }
}
