//! One second of load, without what judging does not need.

use crate::clock::Offset;
use crate::record::{Counts, SliceRow};

/// One slice, small enough to keep a day of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Second {
    pub(super) from: Offset,
    pub(super) to: Offset,
    pub(super) counts: Counts,
    /// 99th percentile of latency, microseconds; `None` when nothing ended well.
    pub(super) p99_us: Option<u64>,
    /// The generator's lateness.
    pub(super) lateness: crate::record::Quantiles,
}

impl Second {
    /// The middle: says which row a slice belongs to, whatever a phase mark is off by.
    pub(super) fn middle(&self) -> Offset {
        self.from + self.to.since(self.from) / 2
    }
}

/// Arrivals that were sent and answered in any way, a timeout being an answer.
pub(super) fn answered(counts: &Counts) -> u64 {
    counts.ok + counts.failed + counts.timed_out
}

impl From<&SliceRow> for Second {
    fn from(row: &SliceRow) -> Self {
        Self {
            from: row.from,
            to: row.to,
            counts: row.counts,
            p99_us: (row.latency.count > 0).then_some(row.latency.p99),
            lateness: row.lateness,
        }
    }
}

/// All counts together.
pub(super) fn total<'a>(seconds: impl IntoIterator<Item = &'a Second>) -> Counts {
    let mut sum = Counts::default();
    for second in seconds {
        sum.add(&second.counts);
    }
    sum
}
