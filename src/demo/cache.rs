use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::CacheSettings;

/// Items kept by id, each at its first request, until the cache is full; from then on it stays as it is.
/// Nothing is ever dropped: what looks like a leak while it fills is none.
pub(super) struct Cache {
    settings: CacheSettings,
    kept: Mutex<BTreeMap<u64, Vec<u8>>>,
}

impl Cache {
    pub(super) fn new(settings: CacheSettings) -> Self {
        Self { settings, kept: Mutex::default() }
    }

    /// An item was asked for.
    pub(super) fn ask(&self, id: u64) {
        if self.settings.entries == 0 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < self.settings.entries {
            // Written, not merely reserved: it must be resident.
            kept.entry(id).or_insert_with(|| vec![0xc5; self.settings.entry_bytes]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_kept_once_and_a_full_cache_stays_as_it_is() {
        let cache = Cache::new(CacheSettings { entries: 3, entry_bytes: 10 });
        for id in [7, 7, 8, 7, 9, 10, 11, 8] {
            cache.ask(id);
        }
        let kept = cache.kept.lock().unwrap();
        assert_eq!(kept.keys().copied().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(kept.values().map(Vec::len).sum::<usize>(), 30);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let cache = Cache::new(CacheSettings::default());
        cache.ask(1);
        assert!(cache.kept.lock().unwrap().is_empty());
    }
}
