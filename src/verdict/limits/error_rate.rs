//! `error_rate`: arrivals that ended badly among those that ended.

use super::super::case::Case;
use super::super::second::{Second, total};
use super::super::windows::Span;
use super::bound::windowed;
use super::window::slide;
use super::{Bound, Judged, MIN_ARRIVALS, name};
use crate::experiment::{Limit, Scope};
use crate::record::{Counts, Side};

/// Judges the whole profile, or its worst window, with or without the faults.
pub(super) fn result(case: &Case, limit: &Limit, scope: Scope) -> Judged {
    let name = windowed(name(&limit.kind), limit);
    let Some(judged) = case.judged else {
        return Judged::never(&limit.kind, name);
    };
    let bound = Bound::of(&limit.kind);
    let seconds: Vec<&Second> = match scope {
        Scope::Total => case.seconds.iter().collect(),
        Scope::OutsideFaults => case.clear().collect(),
    };
    let whole = total(seconds.iter().copied());
    let worst = match limit.window {
        None => (whole.ended() >= MIN_ARRIVALS).then_some((None, whole)),
        Some(window) => slide(&seconds, window, judged)
            .filter(|(_, counts)| counts.ended() >= MIN_ARRIVALS)
            .map(|(span, counts)| (Some(span), counts))
            .max_by(|(_, a), (_, b)| share(a).total_cmp(&share(b))),
    };
    let result = match worst {
        Some((span, counts)) => judge(&bound, name, span, &counts),
        None => bound.unknown(name, format!("only {} arrivals ended", whole.ended())),
    };
    Judged { result, side: Side::Longhaul }
}

fn judge(
    bound: &Bound,
    name: String,
    span: Option<Span>,
    counts: &Counts,
) -> crate::record::LimitResult {
    let note = format!("{} of {} arrivals", counts.errors(), counts.ended());
    bound.judge(name, share(counts), span, Some(note))
}

fn share(counts: &Counts) -> f64 {
    counts.error_rate().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, error_rate, error_rate_clear, limit_tier, secs};
    use crate::record::Tier;

    fn storm() -> Synthetic {
        Synthetic::hold(300)
            .fault("kill", 100, 10)
            .each(100..112, |s| (s.counts.ok, s.counts.failed) = (25, 25))
    }

    #[test]
    fn errors_breach_and_their_absence_holds() {
        assert_eq!(limit_tier(storm().limit(error_rate("1%"))), Tier::Fail);
        assert_eq!(limit_tier(storm().limit(error_rate("5%"))), Tier::Pass);
        assert_eq!(limit_tier(Synthetic::hold(300).limit(error_rate("0%"))), Tier::Pass);
        assert_eq!(limit_tier(storm().limit_in(error_rate("5%"), secs(20))), Tier::Fail);
    }

    #[test]
    fn outside_faults_leaves_faults_and_recovery_out_and_nothing_else() {
        assert_eq!(limit_tier(storm().limit(error_rate_clear("0.01%"))), Tier::Pass);
        let stray = storm().each(200..201, |s| (s.counts.ok, s.counts.failed) = (40, 10));
        assert_eq!(limit_tier(stray.limit(error_rate_clear("0.01%"))), Tier::Fail);
    }

    #[test]
    fn few_arrivals_carry_no_rate() {
        let quiet = Synthetic::hold(100).each(0..100, |s| s.counts.ok = 0);
        let three = quiet.each(3..4, |s| s.counts.ok = 3);
        assert_eq!(limit_tier(three.limit(error_rate("1%"))), Tier::Unknown);
    }
}
