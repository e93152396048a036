//! What grew between the first and the last look at one life.

use std::collections::BTreeMap;

use crate::record::{Evidence, MemoryPart, Tally};
use crate::units::Bytes;
use crate::verdict::words::duration;

/// The first and the last look at one life of a process.
pub(super) struct Looks<'a> {
    pub(super) first: &'a Evidence,
    pub(super) last: &'a Evidence,
}

impl<'a> Looks<'a> {
    /// `None` for fewer than two.
    pub(super) fn of(looks: &[&'a Evidence]) -> Option<Self> {
        let (first, last) = (looks.first()?, looks.last()?);
        (last.from > first.to).then_some(Self { first, last })
    }

    /// `between 00:02:00 and 02:07:00`.
    pub(super) fn span(&self) -> String {
        let apart = duration(self.last.from.since(self.first.from));
        format!("from {} to {} ({apart})", self.first.from, self.last.from)
    }

    /// By how many bytes a part of the memory grew; `None` where it was not captured at both ends.
    pub(super) fn memory(&self, part: MemoryPart) -> Option<Grown> {
        Some(Grown { from: self.first.memory(part)?, to: self.last.memory(part)? })
    }
}

/// A number then and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grown {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Grown {
    /// By how much; zero when it shrank.
    pub(super) fn by(self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Whether it is worth a word: by at least `least`, and a tenth.
    pub(super) fn notable(self, least: u64) -> bool {
        self.by() >= least && self.by() >= self.from / 10
    }

    /// `page cache: 1.0 MiB to 15.0 MiB`.
    pub(super) fn bytes(self, name: &str) -> String {
        format!("{name}: {} to {}", Bytes(self.from).human(), Bytes(self.to).human())
    }
}

/// The names that grew, the fastest first. What only one of the looks lists counts as zero in the other: a name
/// that is not among the most frequent ones is at least rarer than those.
pub(super) fn fastest<'a>(first: &'a Tally, last: &'a Tally) -> Vec<(&'a str, Grown)> {
    let counts = |tally: &'a Tally| -> BTreeMap<&'a str, u64> {
        tally.top.iter().map(|c| (c.name.as_str(), c.count)).collect()
    };
    ranked(&counts(first), &counts(last))
}

/// Likewise for names with their counts.
pub(super) fn fastest_of<'a>(
    first: &'a BTreeMap<String, u64>,
    last: &'a BTreeMap<String, u64>,
) -> Vec<(&'a str, Grown)> {
    let counts = |map: &'a BTreeMap<String, u64>| -> BTreeMap<&'a str, u64> {
        map.iter().map(|(name, count)| (name.as_str(), *count)).collect()
    };
    ranked(&counts(first), &counts(last))
}

fn ranked<'a>(
    first: &BTreeMap<&'a str, u64>,
    last: &BTreeMap<&'a str, u64>,
) -> Vec<(&'a str, Grown)> {
    let mut grown: Vec<(&str, Grown)> = last
        .iter()
        .map(|(name, &to)| (*name, Grown { from: first.get(name).copied().unwrap_or(0), to }))
        .filter(|(_, grown)| grown.by() > 0)
        .collect();
    grown.sort_by_key(|(_, grown)| std::cmp::Reverse(grown.by()));
    grown
}

/// `sockets: 12 to 1452`.
pub(super) fn counted(name: &str, grown: Grown) -> String {
    format!("{name}: {} to {}", grown.from, grown.to)
}
