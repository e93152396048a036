//! The part of the run that a limit looks at.

use super::windows::{FaultWindow, Span};
use crate::clock::Offset;
use crate::experiment::Scope;
use crate::record::PlannedFault;

/// Stretches of time: sorted, apart from each other.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stretches(Vec<Span>);

impl Stretches {
    fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut spans: Vec<Span> = spans.into_iter().filter(|s| s.from < s.to).collect();
        spans.sort_by_key(|s| s.from);
        let mut apart: Vec<Span> = Vec::new();
        for span in spans {
            match apart.last_mut() {
                Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
                _ => apart.push(span),
            }
        }
        Self(apart)
    }

    fn touch(&self, span: &Span) -> bool {
        let next = self.0.partition_point(|s| s.to <= span.from);
        self.0.get(next).is_some_and(|s| s.from < span.to)
    }

    fn within(&self, bounds: Span) -> Self {
        Self::of(
            self.0.iter().map(|s| Span { from: s.from.max(bounds.from), to: s.to.min(bounds.to) }),
        )
    }

    fn without(&self, holes: &Self) -> Self {
        let mut rest = Vec::new();
        for span in &self.0 {
            let mut from = span.from;
            for hole in holes.0.iter().filter(|h| h.to > span.from && h.from < span.to) {
                rest.push(Span { from, to: hole.from.max(from) });
                from = from.max(hole.to);
            }
            rest.push(Span { from, to: span.to });
        }
        Self::of(rest)
    }
}

/// The part of the run that a limit looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    /// The profile, or the time before the load.
    bounds: Option<Span>,
    /// Only what touches these; `None`: everything.
    inside: Option<Stretches>,
    /// Not what touches these.
    outside: Stretches,
}

impl Part {
    /// The part that a scope means. `idle` is the time without load before the warm-up.
    pub(super) fn new(
        scope: &Scope,
        judged: Span,
        idle: Option<Span>,
        windows: &[FaultWindow],
        planned: &[PlannedFault],
    ) -> Self {
        let of = |name: &Option<String>| {
            let name = name.clone();
            windows
                .iter()
                .filter(move |w| name.as_ref().is_none_or(|name| *name == planned[w.fault].name))
        };
        let forces = |name| Stretches::of(of(name).map(FaultWindow::seen));
        let tails = |name| {
            Stretches::of(of(name).map(|w| Span { from: w.force.to, to: w.tail.max(w.force.to) }))
        };
        let (inside, outside) = match scope {
            Scope::Total | Scope::Idle => (None, Stretches::default()),
            Scope::OutsideFaults => {
                let all = forces(&None).0.into_iter().chain(tails(&None).0);
                (None, Stretches::of(all))
            }
            Scope::During(name) => (Some(forces(name)), Stretches::default()),
            Scope::Recovery(name) => (Some(tails(name)), forces(&None)),
        };
        let bounds = if *scope == Scope::Idle { idle } else { Some(judged) };
        Self { bounds, inside, outside }
    }

    /// Whether a stretch of load belongs to it. What ends after the profile does as well.
    pub(super) fn holds(&self, span: &Span) -> bool {
        self.inside.as_ref().is_none_or(|inside| inside.touch(span)) && !self.outside.touch(span)
    }

    /// Whether a reading at this moment belongs to it.
    pub(super) fn contains(&self, at: Offset) -> bool {
        let moment = Span { from: at, to: at + std::time::Duration::from_micros(1) };
        self.bounds.is_some_and(|bounds| bounds.contains(at)) && self.holds(&moment)
    }

    /// Its stretches, sorted.
    pub(super) fn stretches(&self) -> Vec<Span> {
        let Some(bounds) = self.bounds else { return Vec::new() };
        let whole = match &self.inside {
            Some(inside) => inside.within(bounds),
            None => Stretches::of([bounds]),
        };
        whole.without(&self.outside).0
    }
}

/// A scope in words, to follow a limit's name: ` outside faults`; nothing for the whole profile.
pub(super) fn words(scope: &Scope) -> String {
    match scope {
        Scope::Total => String::new(),
        Scope::OutsideFaults => " outside faults".to_owned(),
        Scope::During(None) => " during faults".to_owned(),
        Scope::During(Some(fault)) => format!(" during {fault}"),
        Scope::Recovery(None) => " in recovery".to_owned(),
        Scope::Recovery(Some(fault)) => format!(" in recovery from {fault}"),
        Scope::Idle => " idle".to_owned(),
    }
}

/// Why there is nothing in it.
pub(super) fn why_empty(scope: &Scope) -> String {
    match scope {
        Scope::Total => "nothing was recorded that it could be measured on",
        Scope::OutsideFaults => "faults and recovery took up the whole profile",
        Scope::During(_) => "no such fault was in force",
        Scope::Recovery(_) => "there was no recovery from such a fault",
        Scope::Idle => "nothing was recorded before the load",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::case::Case;
    use super::super::testing::{Synthetic, secs};
    use super::*;

    fn spans(scope: &Scope) -> Vec<(u64, u64)> {
        let data = Synthetic::hold(600)
            .fault("kill", 100, 20)
            .each(100..130, |s| (s.counts.ok, s.counts.failed) = (25, 25))
            .fault("cut", 300, 10)
            .build();
        let case = Case::new(&data);
        let start = Synthetic::profile_start();
        let second = |at: Offset| at.since(start).as_secs();
        let part = case.part(scope).unwrap();
        let stretches = part.stretches();
        // Every second is judged as the stretches say, but for the fractions at their ends.
        for s in 0..600 {
            let span = Span { from: start + secs(s), to: start + secs(s + 1) };
            let shared: std::time::Duration = stretches.iter().map(|x| x.overlap(&span)).sum();
            if shared.is_zero() || shared == secs(1) {
                assert_eq!(part.holds(&span), shared == secs(1), "{scope:?} {s}");
            }
        }
        stretches.into_iter().map(|s| (second(s.from), second(s.to))).collect()
    }

    #[test]
    fn the_scopes_share_the_profile_out() {
        assert_eq!(spans(&Scope::Total), [(0, 600)]);
        assert_eq!(spans(&Scope::During(None)), [(100, 120), (300, 310)]);
        assert_eq!(spans(&Scope::During(Some("cut".into()))), [(300, 310)]);
        // Ten seconds until it was back; the tail of an unaffected workload is the load's timeout.
        assert_eq!(spans(&Scope::Recovery(None)), [(120, 130), (310, 315)]);
        assert_eq!(spans(&Scope::Recovery(Some("kill".into()))), [(120, 130)]);
        assert_eq!(spans(&Scope::OutsideFaults), [(0, 100), (130, 300), (315, 600)]);
        assert_eq!(spans(&Scope::During(Some("none".into()))), []);
    }
}
