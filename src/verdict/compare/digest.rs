//! From a run's records to its digest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::case::Case;
use super::super::memory::{self, Account, Figures};
use super::super::windows::{FaultWindow, Span};
use super::conditions;
use crate::clock::Offset;
use crate::record::{
    Counts, Digest, Histogram, LoadDigest, Quantiles, RunData, ServiceDigest, Subject,
};

/// Why a run has no digest. The text fits after "failed to compare run X: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDigest {
    /// It never came to its judged phase.
    #[error("its load profile never began")]
    NotJudged,
    /// The judged phase is shorter than a window.
    #[error("its judged phase is shorter than one window")]
    TooShort,
}

/// Windows of a run, about: a night's are of 20 minutes.
const WINDOWS: u32 = 72;
/// Lengths of a window, in seconds. From a minute on whole minutes, because long runs store latencies by the minute.
const LENGTHS: [u64; 13] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 3600];
/// Requests at least behind a mean or median, a p95 and a p99: enough for one to lie beyond the percentile.
const BEHIND: [u64; 3] = [5, 20, 100];

/// The run in short, by windows of about a seventieth of its profile.
pub fn digest(data: &RunData) -> Result<Digest, NoDigest> {
    of_case(&Case::new(data), None)
}

/// The run in short, by windows of this length, to be compared with a digest that has them.
pub fn digest_by(data: &RunData, window: Duration) -> Result<Digest, NoDigest> {
    of_case(&Case::new(data), Some(window))
}

/// The same for a run that is laid out already.
pub(in super::super) fn of_case(case: &Case, window: Option<Duration>) -> Result<Digest, NoDigest> {
    let judged = case.judged.ok_or(NoDigest::NotJudged)?;
    let run = &case.data.run;
    let planned = run.experiment.load.profile_length();
    let window = window.unwrap_or_else(|| window_of(planned.as_secs() / u64::from(WINDOWS)));
    let grid = Grid::new(case, judged, window)?;
    let clear_s = grid.clear_seconds(case);
    let enough: Vec<bool> = clear_s.iter().map(|s| *s >= window.as_secs_f64() / 2.0).collect();
    Ok(Digest {
        run: run.id.clone(),
        experiment: run.experiment.name.clone(),
        started: run.anchor,
        outcome: run.verdict.as_ref().map(|v| v.outcome),
        longhaul: run.provenance.longhaul.clone(),
        tags: run.experiment.tags.clone(),
        versions: run.provenance.images.clone(),
        conditions: conditions::observed(case),
        window,
        load: grid.load(case, &enough),
        services: grid.services(case, &enough),
        clear_s,
    })
}

/// A length for windows of at least so many seconds.
pub(in super::super) fn window_of(least: u64) -> Duration {
    let fits = LENGTHS.into_iter().find(|l| *l >= least);
    Duration::from_secs(fits.unwrap_or_else(|| least.div_ceil(3600) * 3600))
}

/// The load alone, by undisturbed windows of the judged phase.
pub(in super::super) struct LoadWindows {
    window: Duration,
    /// Undisturbed seconds of each window.
    pub(in super::super) clear_s: Vec<f64>,
    /// Arrivals that fell due in them.
    pub(in super::super) scheduled: Vec<u64>,
    /// All steps together first, then each step.
    pub(in super::super) load: Vec<LoadDigest>,
}

impl LoadWindows {
    /// Length of a window, seconds.
    pub(in super::super) fn seconds(&self) -> f64 {
        self.window.as_secs_f64()
    }
}

/// The run's load by windows of this length.
pub(in super::super) fn load_windows(
    case: &Case,
    window: Duration,
) -> Result<LoadWindows, NoDigest> {
    let grid = Grid::new(case, case.judged.ok_or(NoDigest::NotJudged)?, window)?;
    let mut scheduled = vec![0; grid.count];
    for second in &case.seconds {
        if let Some(n) = grid.calm_place(Span { from: second.from, to: second.to }) {
            scheduled[n] += second.counts.scheduled;
        }
    }
    let clear_s = grid.clear_seconds(case);
    let enough = vec![true; grid.count];
    Ok(LoadWindows { window, clear_s, scheduled, load: grid.load(case, &enough) })
}

/// When nothing was disturbed.
struct Calm(Vec<Span>);

impl Calm {
    /// Faults and their tails, merged, in order: many questions are asked.
    fn new(case: &Case) -> Self {
        let instant = Duration::from_micros(1);
        let stormy = |w: &FaultWindow| Span { from: w.force.from, to: w.tail.max(w.force.to) };
        let mut spans: Vec<Span> = case.windows.iter().map(stormy).collect();
        spans.sort_by_key(|s| s.from);
        let mut merged: Vec<Span> = Vec::new();
        for span in spans {
            let to = span.to.max(span.from + instant);
            match merged.last_mut() {
                Some(last) if span.from <= last.to => last.to = last.to.max(to),
                _ => merged.push(Span { from: span.from, to }),
            }
        }
        Self(merged)
    }

    fn over(&self, stretch: Span) -> bool {
        let next = self.0.partition_point(|s| s.to <= stretch.from);
        self.0.get(next).is_none_or(|s| s.from >= stretch.to)
    }
}

struct Grid {
    from: Offset,
    window: Duration,
    count: usize,
    calm: Calm,
}

impl Grid {
    fn new(case: &Case, judged: Span, window: Duration) -> Result<Self, NoDigest> {
        // A moment is lost between the profile's planned end and the mark of the next phase, or won.
        let count = (judged.length() + Duration::from_millis(500)).as_micros() / window.as_micros();
        if count == 0 {
            return Err(NoDigest::TooShort);
        }
        Ok(Self { from: judged.from, window, count: count as usize, calm: Calm::new(case) })
    }

    /// The window of a moment.
    fn place(&self, at: Offset) -> Option<usize> {
        let n = (at.since(self.from).as_micros() / self.window.as_micros()) as usize;
        (at >= self.from && n < self.count).then_some(n)
    }

    /// The window of a stretch, if nothing disturbed it.
    fn calm_place(&self, stretch: Span) -> Option<usize> {
        self.place(stretch.from + stretch.length() / 2).filter(|_| self.calm.over(stretch))
    }

    fn clear_seconds(&self, case: &Case) -> Vec<f64> {
        let mut clear = vec![0.0; self.count];
        for second in &case.seconds {
            let stretch = Span { from: second.from, to: second.to };
            if let Some(n) = self.calm_place(stretch) {
                clear[n] += stretch.length().as_secs_f64();
            }
        }
        clear.into_iter().map(|s| round(s, 3)).collect()
    }

    fn load(&self, case: &Case, enough: &[bool]) -> Vec<LoadDigest> {
        let names = case.experiment().load.step_names();
        let mut columns: Vec<LoadDigest> = std::iter::once(None)
            .chain(names.iter().cloned().map(Some))
            .map(|step| LoadDigest {
                step,
                ended: vec![0; self.count],
                errors: vec![0; self.count],
                mean_us: vec![None; self.count],
                p50_us: vec![None; self.count],
                p95_us: vec![None; self.count],
                p99_us: vec![None; self.count],
            })
            .collect();
        let mut count = |column: usize, n: usize, counts: &Counts| {
            columns[column].ended[n] += counts.ended();
            columns[column].errors[n] += counts.errors();
        };
        for second in &case.seconds {
            if let Some(n) = self.calm_place(Span { from: second.from, to: second.to }) {
                count(0, n, &second.counts);
            }
        }
        // Rows come in order of time: one window's histograms at a time are held.
        let mut open: BTreeMap<usize, BTreeMap<usize, Histogram>> = BTreeMap::new();
        let mut closed: Vec<(usize, usize, Histogram)> = Vec::new();
        let mut close = |n: usize, of: BTreeMap<usize, Histogram>| {
            let mut all = Histogram::new();
            for h in of.values() {
                all.merge(h);
            }
            closed.extend(of.into_iter().map(|(column, h)| (column, n, h)));
            closed.push((0, n, all));
        };
        for row in &case.data.histograms {
            let Some(n) = self.calm_place(Span { from: row.from, to: row.to }) else { continue };
            let column = usize::from(row.step.0) + 1;
            if column > names.len() {
                continue;
            }
            count(column, n, &row.counts);
            let Ok(ok) = Histogram::from_v2(&row.ok) else { continue };
            while open.keys().next().is_some_and(|first| first + 1 < n) {
                open.pop_first().into_iter().for_each(|(n, of)| close(n, of));
            }
            open.entry(n).or_default().entry(column).or_default().merge(&ok);
        }
        for (n, of) in open {
            close(n, of);
        }
        for (column, n, histogram) in closed.into_iter().filter(|(_, n, _)| enough[*n]) {
            let figures = Quantiles::of(&histogram);
            let mean = histogram.mean().map(|d| round(d.as_secs_f64() * 1e6, 1));
            let given = |least: u64, figure: u64| (figures.count >= least).then_some(figure);
            let column = &mut columns[column];
            column.mean_us[n] = mean.filter(|_| figures.count >= BEHIND[0]);
            column.p50_us[n] = given(BEHIND[0], figures.p50);
            column.p95_us[n] = given(BEHIND[1], figures.p95);
            column.p99_us[n] = given(BEHIND[2], figures.p99);
        }
        columns
    }

    fn services(&self, case: &Case, enough: &[bool]) -> Vec<ServiceDigest> {
        let interval = case.experiment().sampling.interval.max(Duration::from_millis(1));
        let mut accounts: BTreeMap<&str, Vec<BTreeMap<u32, Account>>> = BTreeMap::new();
        for series in &case.data.series {
            let Subject::Instance { service, ordinal } = &series.subject else { continue };
            let windows =
                accounts.entry(service).or_insert_with(|| vec![BTreeMap::new(); self.count]);
            let mut last: Option<(Offset, u32, Option<u64>)> = None;
            for (at, epoch, reading) in &series.points {
                let before = last.replace((*at, *epoch, reading.cpu_us));
                let moment = Span { from: *at, to: *at + Duration::from_micros(1) };
                let Some(n) = self.place(*at).filter(|_| self.calm.over(moment)) else { continue };
                let tick = at.since(self.from).as_micros() / interval.as_micros();
                let account = windows[n].entry(*ordinal).or_default();
                account.reading(tick as u64, reading);
                if let (Some((then, life, Some(used))), Some(uses)) = (before, reading.cpu_us)
                    && life == *epoch
                    && then >= self.from
                    && self.calm.over(Span { from: then, to: *at })
                {
                    account.cpu(uses.saturating_sub(used), at.since(then));
                }
            }
        }
        let digest = |(service, windows): (&str, Vec<BTreeMap<u32, Account>>)| {
            let figures: Vec<Figures> = windows
                .iter()
                .zip(enough)
                .map(|(w, enough)| if *enough { memory::figures(w) } else { Figures::default() })
                .collect();
            ServiceDigest {
                service: service.to_owned(),
                memory: figures.iter().map(|f| f.memory.map(|m| m.1)).collect(),
                cpu_percent: figures.iter().map(|f| f.cpu_percent.map(|c| round(c, 3))).collect(),
                descriptors: figures.iter().map(|f| f.fds_max).collect(),
                threads: figures.iter().map(|f| f.pids_max).collect(),
            }
        };
        accounts.into_iter().map(digest).collect()
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
