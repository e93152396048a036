//! `restarts`: starts within the profile that were not the first.

use super::super::case::Case;
use super::super::starts::{Start, injected};
use super::super::windows::Span;
use super::{Bound, Judged, limit_name};
use crate::experiment::Limit;
use crate::record::Side;

/// Judges the starts of one service, or of all together.
pub(super) fn result(
    case: &Case,
    limit: &Limit,
    service: Option<&str>,
    unless_injected: bool,
) -> Judged {
    let Some(judged) = case.judged else {
        return Judged::never(limit);
    };
    let name = limit_name(limit);
    let bound = Bound::of(&limit.bound);
    let starts: Vec<&Start> = case
        .starts
        .iter()
        .filter(|s| judged.contains(s.at))
        .filter(|s| service.is_none_or(|service| service == s.who.service))
        .filter(|s| !unless_injected || !injected(s, &case.windows, &case.data.run.faults))
        .collect();
    let (count, window) = match limit.window {
        None => (starts.len(), None),
        Some(length) => starts
            .iter()
            .map(|first| Span { from: first.at, to: first.at + length })
            .map(|span| (starts.iter().filter(|s| span.contains(s.at)).count(), Some(span)))
            .max_by_key(|(count, _)| *count)
            .unwrap_or((0, None)),
    };
    let whom = starts.iter().take(5).map(|s| format!("{} at {}", s.who, s.at));
    let mut note = whom.collect::<Vec<_>>().join(", ");
    if starts.len() > 5 {
        note.push_str(", ...");
    }
    let note = (!note.is_empty()).then_some(note);
    Judged { result: bound.judge(name, count as f64, window, note), side: Side::Longhaul }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier};
    use crate::record::Tier;

    #[test]
    fn a_crash_counts_and_our_own_kill_does_not() {
        let killed = || Synthetic::hold(200).fault("kill", 100, 10);
        let ours = "restarts: { max: 0, unless: injected }";
        assert_eq!(limit_tier(killed().limit(ours)), Tier::Pass);
        assert_eq!(limit_tier(killed().limit("restarts: { max: 0 }")), Tier::Fail);
        assert_eq!(limit_tier(killed().limit("restarts: { max: 1, warn: 0 }")), Tier::Warn);
        let crashed = limit_result(killed().crash("api", 2, 105).limit(ours));
        assert_eq!(crashed.tier, Tier::Fail);
        assert!(crashed.note.unwrap().starts_with("api#2"));
    }

    #[test]
    fn the_worst_window_counts() {
        let twice = |limit: &str| {
            let run = Synthetic::hold(200).crash("api", 1, 20).crash("api", 1, 120);
            limit_tier(run.limit(&format!("restarts: {{ {limit} }}")))
        };
        assert_eq!(twice("service: api, max: 1"), Tier::Fail);
        assert_eq!(twice("service: api, max: 1, window: 60s"), Tier::Pass);
        assert_eq!(twice("service: api, max: 0, window: 60s"), Tier::Fail);
        assert_eq!(twice("service: store, max: 0"), Tier::Pass);
    }
}
