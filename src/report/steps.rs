//! What each step did in the judged phase: gathered, in words, and as tables.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::facts::{Facts, StepFacts};
use super::figures::{count, dash, percent_or_dash};
use super::summary;
use super::table::Table;
use super::terminal::figure;
use crate::record::{Histogram, Phase, Quantiles, RunData, StepId, StepSlice};
use crate::units::Bytes;

/// So many error texts of a step are shown; the rest is summed up.
const MOST_TEXTS: usize = 5;

/// Every step, and the latency of all of them together.
pub(super) fn of(data: &RunData) -> (Vec<StepFacts>, Quantiles) {
    let judged = data.phase(Phase::Holding);
    let outside = |at| judged.is_some_and(|(from, to)| at < from || at >= to);
    let mut sums: BTreeMap<u16, StepSlice> = BTreeMap::new();
    for row in data.histograms.iter().filter(|row| !outside(row.from)) {
        let sum = sums.entry(row.step.0).or_insert_with(|| StepSlice::new(row.step));
        match row.read() {
            Ok(step) => sum.merge(&step),
            // What can't be read leaves its counts; the verdict says that it can't be.
            Err(_) => sum.counts.add(&row.counts),
        }
    }
    let mut errors: BTreeMap<StepId, BTreeMap<&str, u64>> = BTreeMap::new();
    for error in data.slices.iter().filter(|s| !outside(s.from)).flat_map(|s| &s.errors) {
        *errors.entry(error.step).or_default().entry(&error.text).or_default() += error.count;
    }
    let mut all = Histogram::new();
    let steps = sums.into_values().map(|sum| {
        all.merge(&sum.ok);
        let errors = errors.remove(&sum.step).unwrap_or_default();
        facts(data, sum, errors)
    });
    (steps.collect(), Quantiles::of(&all))
}

fn facts(data: &RunData, sum: StepSlice, errors: BTreeMap<&str, u64>) -> StepFacts {
    let mut errors: Vec<(String, u64)> =
        errors.into_iter().map(|(text, n)| (text.to_owned(), n)).collect();
    errors.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    StepFacts {
        name: Facts::step_name(data, sum.step.0),
        counts: sum.counts,
        latency: Quantiles::of(&sum.ok),
        bad_latency: Quantiles::of(&sum.bad),
        connect: Quantiles::of(&sum.connect),
        tls: Quantiles::of(&sum.tls),
        first_byte: Quantiles::of(&sum.first_byte),
        bytes_in: sum.bytes_in,
        bytes_out: sum.bytes_out,
        statuses: sum.statuses,
        errors,
    }
}

impl StepFacts {
    /// `200: 1,234, 503: 7`.
    pub(super) fn statuses_text(&self) -> String {
        listed(self.statuses.iter().map(|(status, n)| (status.to_string(), *n)))
    }

    /// `timed out: 12, status 503: 7`, the most frequent.
    pub(super) fn errors_text(&self) -> String {
        let rest: u64 = self.errors.iter().skip(MOST_TEXTS).map(|(_, n)| n).sum();
        let rest = (rest > 0).then(|| ("others".to_owned(), rest));
        listed(self.errors.iter().take(MOST_TEXTS).cloned().chain(rest))
    }

    /// Where the time goes: the parts of a request that were measured.
    pub(super) fn times(&self) -> impl Iterator<Item = (&'static str, &Quantiles)> {
        let all = [
            ("connect", &self.connect),
            ("TLS handshake", &self.tls),
            ("first byte", &self.first_byte),
            ("total, ended well", &self.latency),
            ("total, ended badly", &self.bad_latency),
        ];
        all.into_iter().filter(|(_, part)| part.count > 0)
    }

    /// The step, as the summary holds it.
    pub(super) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "counts": summary::counts(&self.counts),
            "latency": summary::quantiles(&self.latency),
            "bad_latency": summary::quantiles(&self.bad_latency),
            "connect": summary::quantiles(&self.connect),
            "tls": summary::quantiles(&self.tls),
            "first_byte": summary::quantiles(&self.first_byte),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "statuses": self.statuses.iter().map(|(status, n)| (status.to_string(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
            "errors": self.errors.iter().map(|(text, n)| json!({ "text": text, "count": n }))
                .collect::<Vec<_>>(),
        })
    }
}

fn listed(all: impl Iterator<Item = (String, u64)>) -> String {
    let texts: Vec<String> = all.map(|(what, n)| format!("{what}: {}", count(n))).collect();
    if texts.is_empty() { dash() } else { texts.join(", ") }
}

/// Requests, latencies, answers and bytes of each step.
pub(super) fn requests(steps: &[StepFacts]) -> Table {
    let mut table = Table::new([
        "Step",
        ">Requests",
        ">Errors",
        ">Error rate",
        ">p50",
        ">p95",
        ">p99",
        ">max",
        ">In",
        ">Out",
        "Statuses",
        "Errors by kind",
    ]);
    for s in steps {
        let l = &s.latency;
        table.row([
            s.name.clone(),
            count(s.counts.ended()),
            count(s.counts.errors()),
            percent_or_dash(s.counts.error_rate()),
            figure(l.count, l.p50),
            figure(l.count, l.p95),
            figure(l.count, l.p99),
            figure(l.count, l.max),
            Bytes(s.bytes_in).human(),
            Bytes(s.bytes_out).human(),
            s.statuses_text(),
            s.errors_text(),
        ]);
    }
    table
}

/// Where the time of each step's requests goes.
pub(super) fn times(steps: &[StepFacts]) -> Table {
    let mut table = Table::new(["Step", "Part", ">Count", ">p50", ">p95", ">p99", ">max"]);
    for (step, part, q) in steps.iter().flat_map(|s| s.times().map(|(part, q)| (&s.name, part, q)))
    {
        table.row([
            step.clone(),
            part.to_owned(),
            count(q.count),
            figure(q.count, q.p50),
            figure(q.count, q.p95),
            figure(q.count, q.p99),
            figure(q.count, q.max),
        ]);
    }
    table
}
