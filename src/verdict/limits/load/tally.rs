//! What a stretch of load comes to, as far as a limit needs it.

use std::time::Duration;

use crate::record::{Counts, Histogram};

/// The sum of some load.
#[derive(Clone, Debug, Default)]
pub(in crate::verdict) struct Tally {
    /// How much of the profile it took.
    pub(in crate::verdict) time: Duration,
    /// Arrivals that the profile asks for in that time.
    pub(in crate::verdict) asked: f64,
    /// Arrivals, or requests.
    pub(in crate::verdict) counts: Counts,
    /// Latencies of requests that ended well; `None` as long as there are none, or none are needed.
    pub(in crate::verdict) ok: Option<Histogram>,
}

impl Tally {
    /// Adds `other`.
    pub(in crate::verdict) fn add(&mut self, other: &Self) {
        self.time += other.time;
        self.asked += other.asked;
        self.counts.add(&other.counts);
        if let Some(ok) = &other.ok {
            self.latencies(ok);
        }
    }

    /// Adds latencies.
    pub(in crate::verdict) fn latencies(&mut self, ok: &Histogram) {
        match &mut self.ok {
            Some(sum) => sum.merge(ok),
            None => self.ok = Some(ok.clone()),
        }
    }

    /// Forgets everything, keeps the memory.
    pub(in crate::verdict) fn clear(&mut self) {
        (self.time, self.asked, self.counts) = (Duration::ZERO, 0.0, Counts::default());
        if let Some(ok) = &mut self.ok {
            ok.clear();
        }
    }
}
