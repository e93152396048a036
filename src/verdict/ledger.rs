//! The ledger: the one implementation of a row, for the live book and for judging stored records.
//!
//! Rows are aligned to the start of the profile. A slice belongs to the row its middle lies in; what ends after
//! the profile (answers to its last arrivals) belongs to its last row, so that the rows' counts sum to the totals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::memory::{self, Account};
use super::second::{Second, answered, total};
use super::starts::{Rebirth, Start};
use super::windows::{FaultWindow, Span, Weather, weather};
use crate::clock::Offset;
use crate::experiment::{Experiment, Timeline};
use crate::record::{
    Histogram, LedgerRow, PlannedFault, Quantiles, Reading, ServiceRow, Subject, Victim,
};

/// A ledger being written.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    profile: Span,
    interval: Duration,
    sampling: Duration,
    timeline: Timeline,
    seconds: Vec<Second>,
    latency: Option<(u64, Histogram)>,
    latencies: BTreeMap<u64, Quantiles>,
    accounts: BTreeMap<u64, BTreeMap<String, BTreeMap<u32, Account>>>,
    last: BTreeMap<Subject, (Offset, u32, Option<u64>)>,
    rebirths: Vec<Rebirth>,
    services: BTreeSet<String>,
    /// The most instances of a service whose memory was read in one row: rows with fewer have no figure of it.
    instances: BTreeMap<String, usize>,
    /// First judged row with memory per service: its mean, and the requests answered up to its middle.
    base: BTreeMap<String, (u64, f64)>,
    next: u64,
    closed_seconds: usize,
    answered: u64,
}

impl Ledger {
    /// An empty ledger for a profile that began at `start`.
    pub(super) fn new(experiment: &Experiment, start: Offset) -> Self {
        let length = experiment.load.profile_length();
        Self {
            profile: Span { from: start, to: start + length },
            interval: experiment.sampling.ledger_interval(length),
            sampling: experiment.sampling.interval.max(Duration::from_millis(1)),
            timeline: experiment.load.timeline(),
            seconds: Vec::new(),
            latency: None,
            latencies: BTreeMap::new(),
            accounts: BTreeMap::new(),
            last: BTreeMap::new(),
            rebirths: Vec::new(),
            services: BTreeSet::new(),
            instances: BTreeMap::new(),
            base: BTreeMap::new(),
            next: 0,
            closed_seconds: 0,
            answered: 0,
        }
    }

    /// The profile: from its start to its planned end, or to where it was cut short.
    pub(super) fn profile(&self) -> Span {
        self.profile
    }

    /// Cuts the profile short. Later than its end changes nothing.
    pub(super) fn end_at(&mut self, at: Offset) {
        self.profile.to = self.profile.to.min(at).max(self.profile.from);
    }

    /// Every second that was added, in time order.
    pub(super) fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// Drops what closed rows no longer need: of their seconds all but those to `keep`, and new process lives before
    /// the next row.
    pub(super) fn forget(&mut self, mut keep: impl FnMut(&Second) -> bool) {
        let closed = self.closed_seconds;
        let mut n = 0;
        let mut kept = 0;
        self.seconds.retain(|second| {
            n += 1;
            let stays = n > closed || keep(second);
            kept += usize::from(n <= closed && stays);
            stays
        });
        self.closed_seconds = kept;
        self.seconds.shrink_to(self.seconds.len() * 2);
        if let Some(next) = self.row(self.next) {
            self.rebirths.retain(|birth| birth.between.to >= next.from);
        }
    }

    /// The row to be closed next; `None` when all are closed.
    pub(super) fn next_row(&self) -> Option<Span> {
        self.row(self.next)
    }

    /// When the instance was last read.
    pub(super) fn last_reading(&self, who: &Victim) -> Option<Offset> {
        let subject = Subject::Instance { service: who.service.clone(), ordinal: who.ordinal };
        self.last.get(&subject).map(|(at, ..)| *at)
    }

    /// New process lives that the samples showed.
    pub(super) fn rebirths(&self) -> &[Rebirth] {
        &self.rebirths
    }

    /// Adds a second; those before the profile are passed over.
    pub(super) fn second(&mut self, second: Second) {
        if second.middle() >= self.profile.from {
            self.seconds.push(second);
        }
    }

    /// Adds the latencies of requests that ended well, in time order.
    pub(super) fn latency(&mut self, from: Offset, to: Offset, ok: &Histogram) {
        let middle = from + to.since(from) / 2;
        if middle < self.profile.from {
            return;
        }
        let row = self.row_of(middle);
        match &mut self.latency {
            Some((open, histogram)) if row <= *open => histogram.merge(ok),
            open => {
                if let Some((closed, histogram)) = open.replace((row, ok.clone())) {
                    self.latencies.insert(closed, Quantiles::of(&histogram));
                }
            }
        }
    }

    /// Adds a reading of an instance, in time order per instance; other subjects and other times are passed over.
    pub(super) fn sample(&mut self, subject: &Subject, at: Offset, epoch: u32, reading: &Reading) {
        let Subject::Instance { service, ordinal } = subject else { return };
        if !self.profile.contains(at) {
            return;
        }
        let row = self.row_of(at);
        let tick = (at.since(self.profile.from).as_micros() / self.sampling.as_micros()) as u64;
        let services = self.accounts.entry(row).or_default();
        let account = match services.get_mut(service) {
            Some(instances) => instances.entry(*ordinal).or_default(),
            None => services.entry(service.clone()).or_default().entry(*ordinal).or_default(),
        };
        account.reading(tick, reading);
        let now = (at, epoch, reading.cpu_us);
        let Some(last) = self.last.get_mut(subject) else {
            self.last.insert(subject.clone(), now);
            return;
        };
        let (then, life, used) = std::mem::replace(last, now);
        if let (Some(used), Some(uses)) = (used, reading.cpu_us)
            && life == epoch
        {
            account.cpu(uses.saturating_sub(used), at.since(then));
        }
        if epoch > life {
            self.rebirths.push(Rebirth {
                between: Span { from: then, to: at },
                lives: epoch - life,
                who: Victim { service: service.clone(), ordinal: *ordinal },
            });
        }
    }

    /// The end of the row to be closed next, and whether it is the last one; `None` when all are closed.
    pub(super) fn next_end(&self) -> Option<(Offset, bool)> {
        let span = self.row(self.next)?;
        Some((span.to, span.to >= self.profile.to))
    }

    /// Closes the next row. `None` when all are closed.
    pub(super) fn close(
        &mut self,
        windows: &[FaultWindow],
        planned: &[PlannedFault],
        starts: &[Start],
    ) -> Option<LedgerRow> {
        let n = self.next;
        let span = self.row(n)?;
        let open = &self.seconds[self.closed_seconds..];
        let mine = &open[..open.partition_point(|s| self.row_of(s.middle()) <= n)];
        self.closed_seconds += mine.len();
        let counts = total(mine);
        let clear = total(
            mine.iter()
                .filter(|s| weather(windows, Span { from: s.from, to: s.to }) == Weather::Clear),
        );
        let length = span.length().as_secs_f64();
        let latency = match self.latency.take_if(|(row, _)| *row == n) {
            Some((_, histogram)) => Quantiles::of(&histogram),
            None => self.latencies.remove(&n).unwrap_or_default(),
        };
        let lateness = worst(mine.iter().map(|s| &s.lateness));
        // Users, and a search, are found out while they go: what fell due was asked for.
        let asked =
            if self.timeline.is_fixed() { self.asked(span) } else { counts.scheduled as f64 };
        let row_answered = answered(&counts);
        let middle = self.answered as f64 + row_answered as f64 / 2.0;
        self.answered += row_answered;
        let row_starts: Vec<&Start> = starts.iter().filter(|s| span.contains(s.at)).collect();
        let services = self.services(n, middle, &row_starts);
        self.next += 1;
        let faults = windows
            .iter()
            .filter(|w| w.force.from < span.to && w.force.to.max(w.force.from) >= span.from)
            .map(|w| planned[w.fault].id.to_string())
            .collect();
        Some(LedgerRow {
            number: n as u32 + 1,
            from: span.from,
            to: span.to,
            counts,
            target_rate: asked / length,
            achieved_rate: row_answered as f64 / length,
            error_rate: counts.error_rate(),
            error_rate_outside_faults: clear.error_rate(),
            latency,
            lateness,
            services,
            faults,
        })
    }

    /// Arrivals asked for within a stretch of the profile, as far as that is known beforehand.
    pub(super) fn asked(&self, span: Span) -> f64 {
        let since_load = |at: Offset| self.timeline.warmup + at.since(self.profile.from);
        self.timeline.due_before(since_load(span.to))
            - self.timeline.due_before(since_load(span.from))
    }

    fn services(&mut self, n: u64, middle: f64, starts: &[&Start]) -> Vec<ServiceRow> {
        let accounts = self.accounts.remove(&n).unwrap_or_default();
        self.services.extend(accounts.keys().cloned());
        self.services.extend(starts.iter().map(|s| s.who.service.clone()));
        let mut rows = Vec::new();
        for service in &self.services {
            let figures = accounts.get(service).map(memory::figures).unwrap_or_default();
            let mut row = ServiceRow {
                service: service.clone(),
                cpu_percent: figures.cpu_percent,
                fds_max: figures.fds_max,
                pids_max: figures.pids_max,
                restarts: starts.iter().filter(|s| s.who.service == *service).count() as u64,
                ..ServiceRow::default()
            };
            let most = self.instances.entry(service.clone()).or_default();
            *most = figures.instances.max(*most);
            let whole = figures.instances == *most;
            if let Some((min, mean, max)) = figures.memory.filter(|_| whole) {
                (row.memory_min, row.memory_mean, row.memory_max) =
                    (Some(min), Some(mean), Some(max));
                let (base, since) = *self.base.entry(service.clone()).or_insert((mean, middle));
                let grown = mean as f64 - base as f64;
                row.growth_percent = (base > 0).then(|| grown / base as f64 * 100.0);
                row.bytes_per_request = (middle > since).then(|| grown / (middle - since));
            }
            rows.push(row);
        }
        rows
    }

    fn row(&self, n: u64) -> Option<Span> {
        let from = self.profile.from + self.interval * u32::try_from(n).ok()?;
        (from < self.profile.to)
            .then(|| Span { from, to: (from + self.interval).min(self.profile.to) })
    }

    /// The row of a moment: never one that is closed, never past the last.
    fn row_of(&self, at: Offset) -> u64 {
        let index = |at: Offset| {
            (at.since(self.profile.from).as_micros() / self.interval.as_micros()) as u64
        };
        let last = index(self.profile.to - Duration::from_micros(1));
        index(at).min(last).max(self.next)
    }
}

/// The highest of the seconds' figures: an upper bound of the interval's own.
fn worst<'a>(all: impl Iterator<Item = &'a Quantiles>) -> Quantiles {
    all.fold(Quantiles::default(), |a, b| Quantiles {
        count: a.count + b.count,
        p50: a.p50.max(b.p50),
        p95: a.p95.max(b.p95),
        p99: a.p99.max(b.p99),
        max: a.max.max(b.max),
    })
}
