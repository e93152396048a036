//! Latency distributions.

use std::time::Duration;

use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::{Deserialize, Serialize};

/// A stored histogram that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read a histogram: {0}")]
pub struct HistogramError(String);

/// A high-dynamic-range histogram of durations, 1 us to 1 h, three significant digits
/// (Gil Tene's `HdrHistogram`). Its size does not depend on how much it holds, only on the longest: 20 kB up to
/// 16 ms, 4 kB more for each doubling. Longer durations than 1 h count as 1 h.
#[derive(Clone, Debug)]
pub struct Histogram(hdrhistogram::Histogram<u32>);

const MAX_US: u64 = 3_600_000_000;
const FIRST_MAX_US: u64 = 16_383;

impl Default for Histogram {
    fn default() -> Self {
        let mut growing = hdrhistogram::Histogram::new_with_bounds(1, FIRST_MAX_US, 3)
            .expect("constant bounds are valid");
        growing.auto(true);
        Self(growing)
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        let counts = |h: &Self| -> Vec<(u64, u32)> {
            h.0.iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value())).collect()
        };
        counts(self) == counts(other)
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records one duration.
    pub fn record(&mut self, d: Duration) {
        let us = u64::try_from(d.as_micros()).unwrap_or(MAX_US);
        self.0.record(us.clamp(1, MAX_US)).expect("it grows to the longest duration there is");
    }

    /// Adds all of `other`'s counts.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("it grows to the other's longest duration");
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many durations it holds.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration at quantile `q` (0 to 1); `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.0.value_at_quantile(q)))
    }

    /// How many durations are at most `d`, to three significant digits of `d`.
    pub fn count_within(&self, d: Duration) -> u64 {
        let us = u64::try_from(d.as_micros()).unwrap_or(MAX_US).min(MAX_US);
        self.0.count_between(0, us)
    }

    /// The longest duration; `None` when empty.
    pub fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.0.max()))
    }

    /// The mean duration; `None` when empty.
    pub fn mean(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_secs_f64(self.0.mean() / 1e6))
    }

    /// The standard `V2` encoding.
    pub fn to_v2(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2Serializer::new()
            .serialize(&self.0, &mut bytes)
            .expect("writing to memory does not fail");
        bytes
    }

    /// Reads the `V2` encoding.
    pub fn from_v2(bytes: &[u8]) -> Result<Self, HistogramError> {
        let mut cursor = bytes;
        let read: hdrhistogram::Histogram<u32> = Deserializer::new()
            .deserialize(&mut cursor)
            .map_err(|e| HistogramError(e.to_string()))?;
        let mut own = Self::default();
        own.0.add(&read).map_err(|e| HistogramError(e.to_string()))?;
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
        assert!(Histogram::from_v2(b"no histogram").is_err());
    }
}
