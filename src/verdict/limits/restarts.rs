//! `restarts`: starts within the profile that were not the first.

use super::super::case::Case;
use super::super::starts::{Start, injected};
use super::super::windows::Span;
use super::bound::windowed;
use super::{Bound, Judged, name};
use crate::experiment::Limit;
use crate::record::Side;

/// Judges the starts of one service, or of all together.
pub(super) fn result(
    case: &Case,
    limit: &Limit,
    service: Option<&str>,
    unless_injected: bool,
) -> Judged {
    let mut name = name(&limit.kind);
    if unless_injected {
        name.push_str(" unless injected");
    }
    let name = windowed(name, limit);
    let Some(judged) = case.judged else {
        return Judged::never(&limit.kind, name);
    };
    let bound = Bound::of(&limit.kind);
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
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use crate::experiment::LimitKind;
    use crate::record::Tier;

    fn none(unless_injected: bool) -> LimitKind {
        LimitKind::Restarts { service: None, max: 0, unless_injected }
    }

    #[test]
    fn a_crash_counts_and_our_own_kill_does_not() {
        let killed = || Synthetic::hold(200).fault("kill", 100, 10);
        assert_eq!(limit_tier(killed().limit(none(true))), Tier::Pass);
        assert_eq!(limit_tier(killed().limit(none(false))), Tier::Fail);
        let crashed = limit_result(killed().crash("api", 2, 105).limit(none(true)));
        assert_eq!(crashed.tier, Tier::Fail);
        assert!(crashed.note.unwrap().starts_with("api#2"));
        let twice = || Synthetic::hold(200).crash("api", 1, 20).crash("api", 1, 120);
        let two =
            LimitKind::Restarts { service: Some("api".into()), max: 1, unless_injected: true };
        assert_eq!(limit_tier(twice().limit(two.clone())), Tier::Fail);
        assert_eq!(limit_tier(twice().limit_in(two, secs(60))), Tier::Pass);
        let other =
            LimitKind::Restarts { service: Some("store".into()), max: 0, unless_injected: true };
        assert_eq!(limit_tier(twice().limit(other)), Tier::Pass);
    }
}
