//! What a verdict costs: time, memory, and how it scales.

use std::hint::black_box;

use longhaul::clock::monotonic;
use longhaul::seed::Seed;

use crate::leak_corpus::{FAMILIES, Method as _, Order, RivalExplanations, Series};
use crate::pool;
use crate::share::quantile;

/// Series judged to see how it scales.
const MANY: usize = 1000;

/// What was measured.
pub(crate) struct Cost {
    /// Median milliseconds per 24 h series.
    pub(crate) median_ms: f64,
    /// Of the slowest family: each family's best of three.
    pub(crate) slowest_ms: f64,
    slowest: &'static str,
    /// Most that the process grew while it judged one 24 h series, the most of all families.
    pub(crate) peak_mib: f64,
    /// `(threads, seconds)` for [`MANY`] series.
    scaling: Vec<(usize, f64)>,
}

impl Cost {
    /// Judges one 24 h series of each family, then many on one thread and on more.
    pub(crate) fn measure(root: Seed, jobs: usize) -> Self {
        let mut all = Vec::new();
        let mut times = Vec::new();
        let mut peak_mib: f64 = 0.0;
        for family in &FAMILIES {
            let rate = family.rates()[family.rates().len() / 2];
            let series = Order { family, rate, hours: 24.0, index: 0 }.series(root.split("cost"));
            peak_mib = peak_mib.max(growth_mib(|| drop(RivalExplanations.judge(&series))));
            let best = (0..3).map(|_| milliseconds(&series)).fold(f64::INFINITY, f64::min);
            times.push((best, family.name));
            all.push(series);
        }
        let slowest = times.iter().max_by(|a, b| a.0.total_cmp(&b.0)).copied();
        let (slowest_ms, slowest) = slowest.unwrap_or_default();
        let median = quantile(times.iter().map(|t| t.0).collect(), 0.5);
        let mut threads = vec![1];
        while let Some(more) = threads.last().map(|t| t * 2).filter(|t| *t <= jobs) {
            threads.push(more);
        }
        let scaling = threads.into_iter().map(|jobs| (jobs, many(&all, jobs))).collect();
        Self { median_ms: median.unwrap_or_default(), slowest_ms, slowest, peak_mib, scaling }
    }

    /// Prints it as a table.
    pub(crate) fn print(&self) {
        println!("\n### Cost\n\n| what | seen |\n|---|---|");
        println!(
            "| a series of 24 h (8 640 readings), median of the families | {:.1} ms |",
            self.median_ms
        );
        println!("| the slowest family ({}) | {:.1} ms |", self.slowest, self.slowest_ms);
        println!("| memory taken while judging one, at most | {:.1} MiB |", self.peak_mib);
        let alone = self.scaling.first().map_or(0.0, |s| s.1);
        for (threads, seconds) in &self.scaling {
            let faster = alone / seconds;
            println!("| {MANY} of them on {threads} threads | {seconds:.1} s ({faster:.2} x) |");
        }
    }
}

fn milliseconds(series: &Series) -> f64 {
    let begin = monotonic();
    black_box(RivalExplanations.judge(black_box(series)));
    begin.elapsed().as_secs_f64() * 1e3
}

fn many(all: &[Series], jobs: usize) -> f64 {
    let begin = monotonic();
    let what = format!("judged on {jobs} threads");
    pool::each(&what, MANY, jobs, |i| RivalExplanations.judge(&all[i % all.len()]).call);
    begin.elapsed().as_secs_f64()
}

/// How much the resident memory of this process rose, at most, while `work` ran; zero where the kernel
/// doesn't say (it must let a process reset its own high-water mark: Linux since 4.0).
fn growth_mib(work: impl FnOnce()) -> f64 {
    let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status_mib("VmRSS:");
    work();
    if reset { status_mib("VmHWM:") - before } else { 0.0 }
}

fn status_mib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
