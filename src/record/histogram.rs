//! Latency distributions.

use std::time::Duration;

use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::{Deserialize, Serialize};

/// A stored histogram that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read a histogram: {0}")]
pub struct HistogramError(String);

/// A high-dynamic-range histogram of durations, 1 us to 1 h, three significant digits
/// (Gil Tene's `HdrHistogram`). Its size does not depend on how much it holds, only on the longest: nothing while it
/// is empty, 20 kB up to 16 ms, 4 kB more for each doubling. Longer durations than 1 h count as 1 h.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Option<hdrhistogram::Histogram<u32>>);

const MAX_US: u64 = 3_600_000_000;
const FIRST_MAX_US: u64 = 16_383;

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        let counts = |h: &Self| -> Vec<(u64, u32)> {
            let recorded = h.0.iter().flat_map(hdrhistogram::Histogram::iter_recorded);
            recorded.map(|v| (v.value_iterated_to(), v.count_at_value())).collect()
        };
        counts(self) == counts(other)
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self::default()
    }

    fn counts(&mut self) -> &mut hdrhistogram::Histogram<u32> {
        self.0.get_or_insert_with(|| {
            let mut growing = hdrhistogram::Histogram::new_with_bounds(1, FIRST_MAX_US, 3)
                .expect("constant bounds are valid");
            growing.auto(true);
            growing
        })
    }

    /// Records one duration.
    pub fn record(&mut self, d: Duration) {
        // Without the 128-bit division of `as_micros`: this is on the path of every request.
        let us = d.as_secs().min(MAX_US).saturating_mul(1_000_000) + u64::from(d.subsec_micros());
        self.counts()
            .record(us.clamp(1, MAX_US))
            .expect("it grows to the longest duration there is");
    }

    /// Adds all of `other`'s counts.
    pub fn merge(&mut self, other: &Self) {
        if let Some(other) = &other.0 {
            self.counts().add(other).expect("it grows to the other's longest duration");
        }
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(hdrhistogram::Histogram::reset);
    }

    /// How many durations it holds.
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, hdrhistogram::Histogram::len)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn filled(&self) -> Option<&hdrhistogram::Histogram<u32>> {
        self.0.as_ref().filter(|counts| !counts.is_empty())
    }

    /// The duration at quantile `q` (0 to 1); `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        self.filled().map(|counts| Duration::from_micros(counts.value_at_quantile(q)))
    }

    /// How many durations are at most `d`, to three significant digits of `d`.
    pub fn count_within(&self, d: Duration) -> u64 {
        let us = u64::try_from(d.as_micros()).unwrap_or(MAX_US).min(MAX_US);
        self.0.as_ref().map_or(0, |counts| counts.count_between(0, us))
    }

    /// The longest duration; `None` when empty.
    pub fn max(&self) -> Option<Duration> {
        self.filled().map(|counts| Duration::from_micros(counts.max()))
    }

    /// The mean duration; `None` when empty.
    pub fn mean(&self) -> Option<Duration> {
        self.filled().map(|counts| Duration::from_secs_f64(counts.mean() / 1e6))
    }

    /// The standard `V2` encoding; no bytes when empty.
    pub fn to_v2(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(counts) = self.filled() {
            V2Serializer::new()
                .serialize(counts, &mut bytes)
                .expect("writing to memory does not fail");
        }
        bytes
    }

    /// Reads the `V2` encoding; no bytes are an empty histogram.
    pub fn from_v2(bytes: &[u8]) -> Result<Self, HistogramError> {
        if bytes.is_empty() {
            return Ok(Self::new());
        }
        let mut cursor = bytes;
        let read: hdrhistogram::Histogram<u32> = Deserializer::new()
            .deserialize(&mut cursor)
            .map_err(|e| HistogramError(e.to_string()))?;
        let mut own = Self::default();
        own.counts().add(&read).map_err(|e| HistogramError(e.to_string()))?;
        Ok(own)
    }
}

impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.to_v2())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(d)?;
        Self::from_v2(&bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_and_storing_lose_nothing() {
        let (mut a, mut b) = (Histogram::new(), Histogram::new());
        for us in 1..2000 {
            a.record(Duration::from_micros(us * 7));
            b.record(Duration::from_micros(us * 990));
        }
        assert_ne!(a, b);
        b.record(Duration::from_hours(2));
        let mut both = a.clone();
        both.merge(&b);
        assert_eq!(both.len(), 1999 * 2 + 1);
        b.merge(&a);
        assert_eq!(both, b);
        assert_eq!(both.max().unwrap().as_secs() / 10, 360);
        let back = Histogram::from_v2(&both.to_v2()).unwrap();
        assert_eq!(back, both);
        assert_eq!(back.quantile(0.99), both.quantile(0.99));
        let below = Duration::from_millis(7);
        assert_eq!(a.count_within(below), 1000);
        assert_eq!(
            (a.count_within(Duration::ZERO), a.count_within(Duration::from_hours(9))),
            (0, 1999)
        );
        assert!(Histogram::new().quantile(0.5).is_none());
        assert!(Histogram::new().to_v2().is_empty());
        let empty = Histogram::from_v2(&[]).unwrap();
        assert_eq!((&empty, empty.is_empty(), empty.max()), (&Histogram::new(), true, None));
        assert!(Histogram::from_v2(b"no histogram").is_err());
    }
}
