//! Samples of a full minute, moved from rows of their own into one chunk per subject.

use std::collections::BTreeMap;

use super::StoreError;
use super::chunk::Point;
use super::insert::Insert;
use crate::record::{Sample, Subject};

const MINUTE_US: u64 = 60_000_000;
/// Past this the minute is left unpacked on disk: 100 ms readings of 160 subjects fit.
const MOST: usize = 100_000;

/// One subject's minute: the rows it is in, and the readings.
#[derive(Default)]
struct Chunk {
    ids: Vec<i64>,
    points: Vec<Point>,
}

/// The samples that are in the table row by row, with their row ids.
#[derive(Default)]
pub(super) struct Packer {
    fresh: Vec<(i64, Sample)>,
    newest: u64,
}

impl Packer {
    /// Takes note of a row that was committed.
    pub(super) fn stored(&mut self, id: i64, sample: Sample) {
        if self.fresh.len() >= MOST {
            self.fresh.clear();
        }
        self.newest = self.newest.max(sample.at.as_micros() / MINUTE_US);
        self.fresh.push((id, sample));
    }

    /// Whether a minute is full.
    pub(super) fn is_due(&self) -> bool {
        self.fresh.iter().any(|(_, s)| s.at.as_micros() / MINUTE_US < self.newest)
    }

    /// Packs the full minutes, or `all`. The caller commits, then calls [`Self::packed`].
    pub(super) fn pack(&self, insert: &Insert<'_>, all: bool) -> Result<(), StoreError> {
        let mut chunks: BTreeMap<(u64, &Subject), Chunk> = BTreeMap::new();
        for (id, s) in self.fresh.iter().filter(|(_, s)| all || self.is_full(s)) {
            let chunk = chunks.entry((s.at.as_micros() / MINUTE_US, &s.subject)).or_default();
            chunk.ids.push(*id);
            chunk.points.push((s.at, s.epoch, s.reading));
        }
        for ((_, subject), Chunk { ids, points }) in chunks {
            if points.len() < 2 {
                continue;
            }
            insert.chunk(subject, &points)?;
            for id in ids {
                insert.delete_chunk(id)?;
            }
        }
        Ok(())
    }

    /// Forgets what [`Self::pack`] packed.
    pub(super) fn packed(&mut self, all: bool) {
        let newest = self.newest;
        self.fresh.retain(|(_, s)| !all && s.at.as_micros() / MINUTE_US >= newest);
    }

    fn is_full(&self, sample: &Sample) -> bool {
        sample.at.as_micros() / MINUTE_US < self.newest
    }
}
