//! `error_budget`: how much of what an objective of availability leaves to lose was lost, and how fast.

use super::super::case::Case;
use super::super::error_budget::allowed;
use super::super::sliding::Sliding;
use super::super::windows::Span;
use super::{Bound, Judged, MIN_ARRIVALS, Tally, limit_name};
use crate::experiment::Limit;
use crate::record::Side;
use crate::units::Percent;

/// Judges what was spent, against the budget of the whole profile as it was planned.
pub(super) fn spent(case: &Case, limit: &Limit, objective: Percent) -> Judged {
    let bound = Bound::of(&limit.bound);
    let name = limit_name(limit);
    let (allowed, counts) = (allowed(case, objective), case.totals());
    let result = if counts.scheduled < MIN_ARRIVALS || allowed <= 0.0 {
        bound.unknown(name, format!("only {} arrivals fell due", counts.scheduled))
    } else {
        let lost = counts.scheduled.saturating_sub(counts.ok);
        let note = format!("{lost} of {allowed:.0} arrivals that may be lost in the whole profile");
        bound.judge(name, lost as f64 / allowed, None, Some(note))
    };
    Judged { result, side: Side::Longhaul }
}

/// Judges the fastest window.
pub(super) fn burn_rate(case: &Case, limit: &Limit, objective: Percent) -> Judged {
    let bound = Bound::of(&limit.bound);
    let name = limit_name(limit);
    let mut worst: Option<(f64, Span, u64)> = None;
    let mut sliding = Sliding::by_slice(limit.window.unwrap_or(std::time::Duration::MAX));
    let mut consider = |window: Option<(Span, Tally)>| {
        let Some((span, tally)) = window else { return };
        let Some(rate) = rate(&tally, objective) else { return };
        if worst.is_none_or(|(w, ..)| rate > w) {
            let lost = tally.counts.scheduled.saturating_sub(tally.counts.ok);
            worst = Some((rate, span, lost));
        }
    };
    for second in &case.seconds {
        let tally = Tally { counts: second.counts, ..Tally::default() };
        consider(sliding.push(Span { from: second.from, to: second.to }, tally));
    }
    consider(sliding.finish());
    let result = match worst {
        Some((rate, span, lost)) => {
            let note = format!("{lost} arrivals were lost in that time");
            bound.judge(name, rate, Some(span), Some(note))
        }
        None => bound.unknown(name, "no window held enough arrivals to tell".to_owned()),
    };
    Judged { result, side: Side::Longhaul }
}

/// How many times as fast as would spend the budget over the profile: what was lost, among what the objective
/// leaves to lose; `None` when too little fell due to tell.
fn rate(tally: &Tally, objective: Percent) -> Option<f64> {
    let counts = &tally.counts;
    let lost = counts.scheduled.saturating_sub(counts.ok) as f64;
    (counts.scheduled >= MIN_ARRIVALS)
        .then(|| lost / counts.scheduled as f64 / (1.0 - objective.fraction()))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier};
    use crate::record::Tier;

    /// 30 000 arrivals, of which 120 are lost within ten seconds.
    fn storm() -> Synthetic {
        Synthetic::hold(600).each(100..110, |s| (s.counts.ok, s.counts.failed) = (38, 12))
    }

    fn tier(limit: &str) -> Tier {
        limit_tier(storm().limit(&format!("error_budget: {{ {limit} }}")))
    }

    #[test]
    fn what_is_lost_is_held_against_what_may_be() {
        let result = limit_result(storm().limit("error_budget: { objective: 99%, spent: 50% }"));
        assert_eq!((result.tier, result.measured.as_str()), (Tier::Pass, "40 %"));
        assert_eq!(result.name, "error_budget 99% spent");
        assert_eq!(tier("objective: 99%, spent: 50%, warn: 30%"), Tier::Warn);
        assert_eq!(tier("objective: 99.9%, spent: 100%"), Tier::Fail);
        // The budget is that of the whole profile, also when the run ends early.
        let early = storm().stop_at(300).limit("error_budget: { objective: 99%, spent: 50% }");
        assert_eq!(limit_result(early).measured, "40 %");
    }

    #[test]
    fn the_fastest_window_counts() {
        let result = limit_result(
            storm().limit("error_budget: { objective: 99%, burn_rate: 5, window: 1m }"),
        );
        // 120 of 3000 are 4 times the 1 % that may be lost.
        assert_eq!((result.tier, result.measured.as_str()), (Tier::Pass, "4"));
        assert_eq!(tier("objective: 99%, burn_rate: 3, window: 1m"), Tier::Fail);
        assert_eq!(tier("objective: 99%, burn_rate: 5, warn: 3, window: 1m"), Tier::Warn);
        assert_eq!(tier("objective: 99%, burn_rate: 0.5"), Tier::Pass);
        let calm = Synthetic::hold(600).limit("error_budget: { objective: 99.99%, burn_rate: 1 }");
        assert_eq!(limit_tier(calm), Tier::Pass);
    }
}
