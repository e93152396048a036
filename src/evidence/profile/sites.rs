//! Stacks added up to sites.

use std::collections::BTreeMap;

use crate::record::{HeapSite, HeapSites};

/// Frames kept of a stack, from the allocating one outwards.
pub(super) const FRAMES: usize = 10;
/// Sites told.
const TOP: usize = 100;

/// Memory by stack.
#[derive(Default)]
pub(super) struct Sites(BTreeMap<Vec<String>, (u64, u64)>);

impl Sites {
    /// Adds a stack's memory and allocations. `frames` begin with the allocating one.
    pub(super) fn add(&mut self, frames: Vec<String>, bytes: u64, objects: u64) {
        let sum = self.0.entry(frames).or_default();
        sum.0 = sum.0.saturating_add(bytes);
        sum.1 = sum.1.saturating_add(objects);
    }

    pub(super) fn finish(self, format: &str, figure: &str, counts_objects: bool) -> HeapSites {
        let objects = |n: u64| counts_objects.then_some(n);
        let all = self.0.into_iter().filter(|(_, (bytes, _))| *bytes > 0);
        let mut top: Vec<HeapSite> = all
            .map(|(frames, (bytes, n))| HeapSite { frames, bytes, objects: objects(n) })
            .collect();
        top.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.frames.cmp(&b.frames)));
        let bytes =
            |sites: &[HeapSite]| sites.iter().fold(0_u64, |sum, s| sum.saturating_add(s.bytes));
        let all_bytes = bytes(&top);
        let all_objects = top.iter().filter_map(|s| s.objects).fold(0, u64::saturating_add);
        let rest = top.split_off(TOP.min(top.len()));
        HeapSites {
            format: format.to_owned(),
            figure: figure.to_owned(),
            bytes: all_bytes,
            objects: objects(all_objects),
            top,
            other_sites: rest.len() as u64,
            other_bytes: bytes(&rest),
        }
    }
}
