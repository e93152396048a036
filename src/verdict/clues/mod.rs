//! Where to look first: from how an instance's gauges were judged, and from what was captured of it, to clues.
//!
//! In go the findings of one instance and the looks at one of its lives, first to last; out come [`Clue`]s, the
//! harmful ones first. A clue claims no more than what was captured shows; where nothing was, it says so.

mod descriptors;
mod growth;
mod memory;
mod resting;
mod threads;

use crate::record::{Clue, Evidence, LeakFinding, LeakVerdict};

use growth::Looks;

/// The gauges of an instance that clues rest on; `None`: not judged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findings<'a> {
    pub(super) memory: Option<&'a LeakFinding>,
    pub(super) descriptors: Option<&'a LeakFinding>,
    pub(super) threads: Option<&'a LeakFinding>,
}

/// The clues of one instance. `looks` are of one life of its process, in the order of time.
pub(super) fn clues(findings: &Findings, looks: &[&Evidence]) -> Vec<Clue> {
    let looks = Looks::of(looks);
    let mut clues: Vec<Clue> = [
        descriptors::clue(findings.descriptors, looks.as_ref()),
        threads::clue(findings.threads, looks.as_ref()),
        memory::clue(findings.memory, looks.as_ref()),
    ]
    .into_iter()
    .flatten()
    .chain(looks.as_ref().map(resting::clues).unwrap_or_default())
    .collect();
    clues.sort_by_key(|clue| !clue.harmful);
    clues
}

/// Whether a gauge grows without bound, or seems to.
fn grows(finding: &LeakFinding) -> bool {
    matches!(finding.verdict, LeakVerdict::Leaking | LeakVerdict::Suspected)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::clock::Offset;
    use crate::record::{
        CaptureMoment, Captured, Counted, Descriptors, Disk, Extent, LeakFinding, Mappings,
        MemoryKind, Pattern, Range, Sockets, Tally, Threads, Victim,
    };

    const MIB: u64 = 1 << 20;

    fn tally(names: &[(&str, u64)]) -> Tally {
        let top = names
            .iter()
            .map(|(n, count)| Counted { name: (*n).to_owned(), count: *count })
            .collect();
        Tally { top, ..Tally::default() }
    }

    fn map(entries: &[(&str, u64)]) -> BTreeMap<String, u64> {
        entries.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
    }

    /// A look at `minute`: anonymous memory of which `heap` is on the heap, page cache, sockets to one peer.
    fn look(minute: u64, anon: u64, heap: u64, cache: u64, sockets: u64) -> Evidence {
        let at = Offset::from_micros(minute * 60_000_000);
        let extent = |anon| Extent { count: 1, size: anon, rss: anon, anon };
        let kinds =
            [(MemoryKind::Heap, extent(heap)), (MemoryKind::Anonymous, extent(anon - heap))];
        Evidence {
            moment: CaptureMoment::Interval,
            from: at,
            to: at,
            instance: Victim { service: "api".to_owned(), ordinal: 1 },
            restarts: 0,
            memory_stat: Captured::Captured(map(&[("anon", anon), ("file", cache)])),
            mappings: Captured::Captured(Mappings {
                kinds: kinds.into_iter().collect(),
                ..Mappings::default()
            }),
            descriptors: Captured::Captured(Descriptors {
                total: 10 + sockets,
                types: map(&[("file", 10), ("socket", sockets)]),
                targets: tally(&[("socket:", sockets), ("/var/log/api.log", 1)]),
            }),
            sockets: Captured::Captured(Sockets {
                total: sockets,
                states: map(&[("tcp CLOSE_WAIT", sockets)]),
                peers: tally(&[("CLOSE_WAIT to 172.18.0.4:7000", sockets)]),
                ..Sockets::default()
            }),
            threads: Captured::Captured(Threads { total: 3, names: tally(&[("worker-N", 3)]) }),
            disk: Captured::Captured(Disk::default()),
            container: None,
            heap: Vec::new(),
        }
    }

    fn finding(verdict: LeakVerdict, hourly: f64, risen: f64) -> LeakFinding {
        LeakFinding {
            unit: crate::record::GaugeUnit::Bytes,
            verdict,
            reason: String::new(),
            hours_needed: None,
            slope: Some(Range { value: hourly, low: hourly, high: hourly }),
            per_request: None,
            to_limit: None,
            change_point: None,
            shape: Some("linear".to_owned()),
            rivals: Vec::new(),
            would_change: String::new(),
            basis: crate::record::Basis::default(),
            curves: crate::record::LeakCurves { best: vec![0.0, risen], ..Default::default() },
        }
    }

    #[test]
    fn connections_that_are_never_closed_are_told_by_state_and_peer() {
        let fds = finding(LeakVerdict::Leaking, 720.0, 1440.0);
        let findings = Findings { descriptors: Some(&fds), ..Findings::default() };
        let (a, b) = (look(0, MIB, 0, 0, 12), look(120, MIB, 0, 0, 1452));
        let found = clues(&findings, &[&a, &b]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].sentence,
            "open descriptors grow by 720 an hour: 1440 of the 1440 new ones are CLOSE_WAIT to 172.18.0.4:7000"
        );
        assert!(found[0].harmful && found[0].next[0].starts_with("CLOSE_WAIT: the other side"));
    }

    #[test]
    fn growth_is_placed_where_most_of_it_is_and_nowhere_else() {
        let memory = finding(LeakVerdict::Leaking, 10.0 * MIB as f64, 0.0);
        let findings = Findings { memory: Some(&memory), ..Findings::default() };
        let pattern = |a: &Evidence, b: &Evidence| clues(&findings, &[a, b])[0].pattern;
        let first = look(0, 10 * MIB, 5 * MIB, 0, 1);
        assert_eq!(pattern(&first, &look(60, 20 * MIB, 14 * MIB, 0, 1)), Pattern::Heap);
        assert_eq!(pattern(&first, &look(60, 20 * MIB, 6 * MIB, 0, 1)), Pattern::Mappings);
        assert_eq!(pattern(&first, &look(60, 20 * MIB, 10 * MIB, 0, 1)), Pattern::Unlocated);
        // One look, or none, says nothing of growth.
        assert_eq!(clues(&findings, &[&first])[0].pattern, Pattern::Unlocated);
        assert!(clues(&findings, &[])[0].sentence.contains("was not captured twice"));
    }

    #[test]
    fn page_cache_is_told_and_is_no_harm() {
        let memory = finding(LeakVerdict::Stable, 0.0, 0.0);
        let findings = Findings { memory: Some(&memory), ..Findings::default() };
        let (a, b) = (look(0, MIB, 0, MIB, 1), look(120, MIB, 0, 30 * MIB, 1));
        let found = clues(&findings, &[&a, &b]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].pattern == Pattern::PageCache && !found[0].harmful);
        assert!(clues(&findings, &[&a, &a]).is_empty(), "nothing grew, and nothing is said");
    }

    #[test]
    fn a_cache_that_fills_is_told_and_a_ripple_is_not() {
        let told = |risen: u64| {
            let memory = finding(LeakVerdict::Warming, 0.0, risen as f64);
            let findings = Findings { memory: Some(&memory), ..Findings::default() };
            clues(&findings, &[]).first().map(|c| (c.pattern, c.harmful))
        };
        assert_eq!(told(30 * MIB), Some((Pattern::Filling, false)));
        assert_eq!(told(MIB / 2), None);
    }
}
