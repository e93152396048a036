//! `achieved_rate`: arrivals sent and answered in any way, against the arrivals asked for.

use super::super::case::Case;
use super::super::second::{Second, answered};
use super::super::windows::Span;
use super::super::words::percent;
use super::bound::windowed;
use super::window::slide;
use super::{Bound, Judged, MIN_ARRIVALS, name};
use crate::experiment::Limit;
use crate::record::Side;

/// Judges the whole profile, or its worst window.
pub(super) fn result(case: &Case, limit: &Limit) -> Judged {
    let name = windowed(name(&limit.kind), limit);
    let Some(judged) = case.judged else {
        return Judged::never(&limit.kind, name);
    };
    let bound = Bound::of(&limit.kind);
    let few = |asked: f64| {
        bound.unknown(name.clone(), format!("only {asked:.0} arrivals were asked for"))
    };
    let Some(window) = limit.window else {
        let asked = case.asked();
        if asked < MIN_ARRIVALS as f64 {
            return Judged { result: few(asked), side: Side::Longhaul };
        }
        let done = answered(&case.totals());
        let note = format!("{done} of {asked:.0} arrivals");
        let result = bound.judge(name, done as f64 / asked, None, Some(note));
        return Judged { result, side: Side::Target };
    };
    let timeline = case.experiment().load.timeline();
    let due =
        |at: crate::clock::Offset| timeline.due_before(timeline.warmup + at.since(judged.from));
    let seconds: Vec<&Second> = case.seconds.iter().collect();
    let mut worst: Option<(f64, Span)> = None;
    for (span, counts) in slide(&seconds, window, judged) {
        let asked = due(span.to) - due(span.from);
        if asked < MIN_ARRIVALS as f64 {
            continue;
        }
        let share = answered(&counts) as f64 / asked;
        if worst.is_none_or(|(w, _)| bound.worse(share, w)) {
            worst = Some((share, span));
        }
    }
    let result = match worst {
        Some((share, span)) => {
            let note = format!("{} of what was asked for in that time", percent(share));
            bound.judge(name, share, Some(span), Some(note))
        }
        None => few(case.asked()),
    };
    Judged { result, side: Side::Longhaul }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_tier, secs};
    use crate::experiment::LimitKind;
    use crate::record::Tier;
    use crate::units::Percent;

    fn at_least(min: f64, warn: Option<f64>) -> LimitKind {
        LimitKind::AchievedRate { min: Percent::of(min), warn: warn.map(Percent::of) }
    }

    #[test]
    fn a_starved_run_breaches_and_a_fed_one_holds() {
        let starved =
            || Synthetic::hold(100).each(0..100, |s| (s.counts.ok, s.counts.not_sent) = (40, 10));
        assert_eq!(limit_tier(starved().limit(at_least(90.0, None))), Tier::Fail);
        assert_eq!(limit_tier(starved().limit(at_least(70.0, Some(90.0)))), Tier::Warn);
        assert_eq!(limit_tier(Synthetic::hold(100).limit(at_least(90.0, None))), Tier::Pass);
        // Timeouts are answers; nothing at all is a breach and not a lack of samples.
        let timeouts =
            Synthetic::hold(100).each(0..100, |s| (s.counts.ok, s.counts.timed_out) = (0, 50));
        assert_eq!(limit_tier(timeouts.limit(at_least(90.0, None))), Tier::Pass);
        let hung = Synthetic::hold(100).each(0..100, |s| s.counts.ok = 0);
        assert_eq!(limit_tier(hung.limit(at_least(90.0, None))), Tier::Fail);
    }

    #[test]
    fn the_worst_window_counts() {
        let dip = || Synthetic::hold(300).each(100..110, |s| s.counts.ok = 0);
        assert_eq!(limit_tier(dip().limit(at_least(90.0, None))), Tier::Pass);
        assert_eq!(limit_tier(dip().limit_in(at_least(90.0, None), secs(30))), Tier::Fail);
        assert_eq!(
            limit_tier(Synthetic::hold(300).limit_in(at_least(90.0, None), secs(30))),
            Tier::Pass
        );
    }
}
