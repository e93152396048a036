//! What the load engine measured: one slice a second.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Histogram, HistogramError};
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
/// Within one slice `scheduled` counts what fell due in it and the others what ended in it; what is under way or
/// waits at its end is in [`LoadSlice::in_flight`] and [`LoadSlice::waiting`].
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
    /// How long connecting took, for connections that were opened for this step.
    pub connect: Histogram,
    /// How long their TLS handshakes took.
    pub tls: Histogram,
    /// From the moment a request was sent to the first byte of its answer.
    pub first_byte: Histogram,
    /// Bytes received, TLS and connecting included.
    pub bytes_in: u64,
    /// Bytes sent, likewise.
    pub bytes_out: u64,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
}

impl StepSlice {
    /// Nothing yet of a step.
    pub fn new(step: StepId) -> Self {
        let none = Histogram::new;
        Self {
            step,
            counts: Counts::default(),
            ok: none(),
            bad: none(),
            connect: none(),
            tls: none(),
            first_byte: none(),
            bytes_in: 0,
            bytes_out: 0,
            statuses: BTreeMap::new(),
        }
    }

    /// Adds what `other` holds of the same step.
    pub fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.ok.merge(&other.ok);
        self.bad.merge(&other.bad);
        self.connect.merge(&other.connect);
        self.tls.merge(&other.tls);
        self.first_byte.merge(&other.first_byte);
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
    }
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
    /// Arrivals that fell due before `to` and have neither begun nor been given up. With those of the slice before:
    /// `waiting + in_flight + scheduled = ended + waiting' + in_flight'`, to the unit.
    pub waiting: u64,
    /// Open connections at `to`.
    pub connections: u32,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// How late the generator itself was: from due to the moment the arrival was sent,
    /// or was found to have to wait for the target.
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
    /// Arrivals that waited at `to`: due, and neither begun nor given up.
    pub waiting: u64,
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
            waiting: slice.waiting,
            connections: slice.connections,
            bytes_in: slice.bytes_in,
            bytes_out: slice.bytes_out,
            latency: Quantiles::of(&all),
            lateness: Quantiles::of(&slice.lateness),
            errors: slice.errors.clone(),
        }
    }
}

/// One step's requests over a stretch of time: one slice, or several slices rolled up without loss. Histograms are
/// in the `V2` encoding of [`Histogram`].
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
    /// Latency of requests that ended well.
    pub ok: Vec<u8>,
    /// Latency of those that ended otherwise.
    pub bad: Vec<u8>,
    /// How long connecting took.
    pub connect: Vec<u8>,
    /// How long TLS handshakes took.
    pub tls: Vec<u8>,
    /// From sent to the first byte of the answer.
    pub first_byte: Vec<u8>,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
}

impl HistogramRow {
    /// What one step did in a stretch of time.
    pub fn of(from: Offset, to: Offset, step: &StepSlice) -> Self {
        Self {
            from,
            to,
            step: step.step,
            counts: step.counts,
            ok: step.ok.to_v2(),
            bad: step.bad.to_v2(),
            connect: step.connect.to_v2(),
            tls: step.tls.to_v2(),
            first_byte: step.first_byte.to_v2(),
            bytes_in: step.bytes_in,
            bytes_out: step.bytes_out,
            statuses: step.statuses.clone(),
        }
    }

    /// The same with its histograms read.
    pub fn read(&self) -> Result<StepSlice, HistogramError> {
        Ok(StepSlice {
            step: self.step,
            counts: self.counts,
            ok: Histogram::from_v2(&self.ok)?,
            bad: Histogram::from_v2(&self.bad)?,
            connect: Histogram::from_v2(&self.connect)?,
            tls: Histogram::from_v2(&self.tls)?,
            first_byte: Histogram::from_v2(&self.first_byte)?,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            statuses: self.statuses.clone(),
        })
    }
}
