//! Where a heap's memory was allocated, and how that grew between two profiles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The allocation sites of one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapSites {
    /// What was read: `pprof` or `jemalloc`.
    pub format: String,
    /// What its figures are, in the profile's own words: `inuse_space`.
    pub figure: String,
    /// Live memory, bytes, as the profiler estimates it from what it sampled.
    pub bytes: u64,
    /// Live allocations; `None` when the profile does not count them.
    pub objects: Option<u64>,
    /// The sites with the most memory, largest first.
    pub top: Vec<HeapSite>,
    /// Sites that are not in `top`.
    pub other_sites: u64,
    /// Their memory, bytes.
    pub other_bytes: u64,
}

/// One allocation site: a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapSite {
    /// Its innermost frames, the allocating one first: functions, or `library+0xoffset` where there are no names.
    pub frames: Vec<String>,
    /// Its live memory, bytes.
    pub bytes: u64,
    /// Its live allocations; `None` when the profile does not count them.
    pub objects: Option<u64>,
}

/// How one site changed between two profiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteGrowth {
    /// As in [`HeapSite`].
    pub frames: Vec<String>,
    /// In the earlier profile, bytes; `None` when it was not among that profile's `top`, which bounds it by the
    /// smallest of them.
    pub first: Option<u64>,
    /// In the later profile, bytes.
    pub last: u64,
}

impl SiteGrowth {
    /// By how much it grew, bytes; negative when it shrank. Counts from zero where `first` is not known.
    pub fn bytes(&self) -> i64 {
        self.last.cast_signed() - self.first.unwrap_or(0).cast_signed()
    }
}

impl HeapSites {
    /// The sites that grew since `earlier`, largest growth first: what to look at first. Both profiles must be of one
    /// format and one process life; a restart makes everything begin anew.
    pub fn growth_since(&self, earlier: &Self) -> Vec<SiteGrowth> {
        let before: BTreeMap<&[String], u64> =
            earlier.top.iter().map(|site| (site.frames.as_slice(), site.bytes)).collect();
        let mut grown: Vec<SiteGrowth> = self
            .top
            .iter()
            .map(|site| SiteGrowth {
                frames: site.frames.clone(),
                first: before.get(site.frames.as_slice()).copied(),
                last: site.bytes,
            })
            .filter(|site| site.bytes() > 0)
            .collect();
        grown.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.frames.cmp(&b.frames)));
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(list: &[(&str, u64)]) -> HeapSites {
        let site = |(name, bytes): &(&str, u64)| HeapSite {
            frames: vec![(*name).to_owned(), "main".to_owned()],
            bytes: *bytes,
            objects: None,
        };
        HeapSites { top: list.iter().map(site).collect(), ..HeapSites::default() }
    }

    #[test]
    fn what_grew_most_comes_first_and_what_shrank_not_at_all() {
        let first = sites(&[("cache", 1000), ("pool", 500), ("gone", 90)]);
        let last = sites(&[("leak", 700), ("cache", 1100), ("pool", 400), ("same", 0)]);
        let grown = last.growth_since(&first);
        let told: Vec<_> =
            grown.iter().map(|g| (g.frames[0].as_str(), g.first, g.bytes())).collect();
        assert_eq!(told, [("leak", None, 700), ("cache", Some(1000), 100)]);
        assert!(last.growth_since(&last).is_empty());
    }
}
