//! What the load engine measured: one slice a second.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Histogram;
use crate::clock::Offset;

/// Index of a step in [`crate::experiment::Load::step_names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u16);

/// How an arrival or a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every expectation held.
    Ok,
    /// Refused, reset, or answered otherwise than expected.
    Failed,
    /// No complete answer within the timeout.
    TimedOut,
    /// Due, but could not be sent before its deadline (for example: no free connection).
    NotSent,
}

/// Arrivals by fate. Over a whole run: `scheduled = ok + failed + timed_out + not_sent`, to the unit.
/// Within one slice `scheduled` counts what fell due in it and the others what ended in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Fell due.
    pub scheduled: u64,
    /// Ended well.
    pub ok: u64,
    /// Ended badly.
    pub failed: u64,
    /// Ended by the timeout.
    pub timed_out: u64,
    /// Never sent.
    pub not_sent: u64,
}

impl Counts {
    /// Counts one end.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::TimedOut => self.timed_out += 1,
            Outcome::NotSent => self.not_sent += 1,
        }
    }

    /// How many ended, in any way.
    pub fn ended(&self) -> u64 {
        self.ok + self.failed + self.timed_out + self.not_sent
    }

    /// How many ended otherwise than well.
    pub fn errors(&self) -> u64 {
        self.ended() - self.ok
    }

    /// Errors among the ended, 0 to 1; `None` when nothing ended.
    pub fn error_rate(&self) -> Option<f64> {
        (self.ended() > 0).then(|| self.errors() as f64 / self.ended() as f64)
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.ok += other.ok;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.not_sent += other.not_sent;
    }
}

/// One step's requests within one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSlice {
    /// Which step.
    pub step: StepId,
    /// Requests by how they ended; `scheduled` counts those begun.
    pub counts: Counts,
    /// Latency of requests that ended well, from the intended time.
    pub ok: Histogram,
    /// Latency of those that ended otherwise.
    pub bad: Histogram,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
}

/// How often one error text was seen. Distinct texts per slice are capped; the rest counts as `other errors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// The step it happened in.
    pub step: StepId,
    /// A short stable text, without addresses or ids.
    pub text: String,
    /// How many.
    pub count: u64,
}

/// One second of load, as the engine hands it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadSlice {
    /// Start, inclusive.
    pub from: Offset,
    /// End, exclusive. Usually one second later; the last slice of a run may be shorter.
    pub to: Offset,
    /// Arrivals.
    pub counts: Counts,
    /// Arrivals under way at `to`.
    pub in_flight: u32,
    /// Open connections at `to`.
    pub connections: u32,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// How late the generator itself was: from due to the moment the arrival was handed to a worker.
    pub lateness: Histogram,
    /// Per step, ordered by id; steps without traffic in this slice are absent.
    pub steps: Vec<StepSlice>,
    /// Errors, most frequent first.
    pub errors: Vec<ErrorCount>,
}

/// Latency figures of one slice or interval, microseconds; all zero when nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many durations stand behind the figures.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Longest.
    pub max: u64,
}

impl Quantiles {
    /// The figures of a histogram.
    pub fn of(histogram: &Histogram) -> Self {
        let us = |d: Option<Duration>| d.map_or(0, |d| d.as_micros() as u64);
        Self {
            count: histogram.len(),
            p50: us(histogram.quantile(0.50)),
            p95: us(histogram.quantile(0.95)),
            p99: us(histogram.quantile(0.99)),
            max: us(histogram.max()),
        }
    }
}

/// A slice as it is stored and judged: counts and figures, without the histograms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceRow {
    /// Start, inclusive.
    pub from: Offset,
    /// End, exclusive.
    pub to: Offset,
    /// Arrivals.
    pub counts: Counts,
    /// Arrivals under way at `to`.
    pub in_flight: u32,
    /// Open connections at `to`.
    pub connections: u32,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Latency of requests that ended well, all steps.
    pub latency: Quantiles,
    /// The generator's own lateness.
    pub lateness: Quantiles,
    /// Errors, most frequent first.
    pub errors: Vec<ErrorCount>,
}

impl From<&LoadSlice> for SliceRow {
    fn from(slice: &LoadSlice) -> Self {
        let mut all = Histogram::new();
        for step in &slice.steps {
            all.merge(&step.ok);
        }
        Self {
            from: slice.from,
            to: slice.to,
            counts: slice.counts,
            in_flight: slice.in_flight,
            connections: slice.connections,
            bytes_in: slice.bytes_in,
            bytes_out: slice.bytes_out,
            latency: Quantiles::of(&all),
            lateness: Quantiles::of(&slice.lateness),
            errors: slice.errors.clone(),
        }
    }
}

/// One step's latencies over a stretch of time: one slice, or several slices rolled up without loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistogramRow {
    /// Start, inclusive.
    pub from: Offset,
    /// End, exclusive.
    pub to: Offset,
    /// Which step.
    pub step: StepId,
    /// Requests by how they ended.
    pub counts: Counts,
    /// Latency of requests that ended well, in the `V2` encoding of [`Histogram`].
    pub ok: Vec<u8>,
    /// Latency of those that ended otherwise, likewise; empty when there were none.
    pub bad: Vec<u8>,
}
