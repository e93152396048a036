//! The load as a gauge may feel it: memory that follows the request rate is no leak, and one that grows with every
//! request does so unevenly where the rate varies.

use std::ops::Range;

use super::readings::{Readings, median, quantile};
use super::trace::Cell;

/// Time constants with which a gauge may follow the request rate, seconds.
pub(super) const LAGS: [f64; 4] = [0.0, 60.0, 180.0, 600.0];
/// Which of them smooths enough to see whether the rate varies.
const SMOOTH: usize = 2;
/// It varies when its middle four fifths spread over so much of its median.
const VARIES: f64 = 0.1;

/// The request rate with each of the lags, relative to its median.
pub(super) type Felt = [f64; LAGS.len()];

/// The load in a window of the envelope; all zero where the rate is unknown or hardly varies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct WindowLoad {
    /// The lowest rate: what the lowest reading follows where the rate jumps.
    pub(super) lowest: Felt,
    /// The mean rate: what it follows, with less noise, where the rate drifts.
    pub(super) mean: Felt,
    /// Requests since its life began, in hours of the record's mean rate.
    pub(super) work: f64,
}

/// The rate felt at each reading; empty where it is unknown or hardly varies.
pub(super) fn felt(cells: &[Cell]) -> Vec<Felt> {
    let mut felt: Vec<Felt> = Vec::with_capacity(cells.len());
    for pair in cells.windows(2) {
        let (Some(before), Some(now)) = (pair[0].requests, pair[1].requests) else {
            return Vec::new();
        };
        let gap = pair[1].t - pair[0].t;
        let rate = (now - before).max(0.0) / gap;
        let mut next = felt.last().copied().unwrap_or([rate; LAGS.len()]);
        for (felt, lag) in next.iter_mut().zip(LAGS) {
            let share = if lag > 0.0 { -(-gap / lag).exp_m1() } else { 1.0 };
            *felt += share * (rate - *felt);
        }
        felt.push(next);
    }
    let Some(first) = felt.first().copied() else { return Vec::new() };
    felt.insert(0, first);
    let mut smooth: Vec<f64> = felt.iter().map(|f| f[SMOOTH]).collect();
    if !varies(&mut smooth) {
        return Vec::new();
    }
    let usual = median(&mut smooth);
    felt.iter_mut().flatten().for_each(|rate| *rate /= usual);
    felt
}

/// Whether rates differ so much that something could follow them.
pub(super) fn varies(rates: &mut [f64]) -> bool {
    let usual = median(rates);
    usual > 0.0 && quantile(rates, 0.9) - quantile(rates, 0.1) >= VARIES * usual
}

impl WindowLoad {
    /// Of the clear readings in a range; `birth` is the first reading of their life.
    pub(super) fn new(readings: &Readings, birth: usize, range: Range<usize>) -> Self {
        let counted = || {
            let clear = range.clone().filter(|i| readings.clear[*i]);
            clear.filter_map(|i| readings.load.get(i))
        };
        let n = counted().count();
        if n == 0 {
            return Self::default();
        }
        let lowest = |lag: usize| counted().map(|f| f[lag]).fold(f64::INFINITY, f64::min);
        let mean = |lag: usize| counted().map(|f| f[lag]).sum::<f64>() / n as f64;
        let cells = &readings.cells;
        let requests = |i: usize| cells[i].requests.unwrap_or(0.0);
        let last = cells.len() - 1;
        let rate = (requests(last) - requests(0)) / (cells[last].t - cells[0].t) * 3600.0;
        Self {
            lowest: std::array::from_fn(lowest),
            mean: std::array::from_fn(mean),
            // What grows is lowest at a window's start.
            work: (requests(range.start) - requests(birth)) / rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::super::testing::{day, loaded, noise, trace};
    use super::super::{Trace, judge_trace};
    use super::*;
    use crate::record::{LeakFinding, LeakVerdict};

    const MIB: f64 = 1_048_576.0;

    fn rates(trace: &Trace) -> Vec<Felt> {
        felt(&Readings::new(trace).unwrap().cells)
    }

    fn judged(trace: &Trace) -> LeakFinding {
        judge_trace(trace, &day())
    }

    /// A day's wave, of which six hours are seen.
    fn wave(h: f64) -> f64 {
        100.0 * (1.0 + 0.5 * (TAU * h / 24.0).sin())
    }

    /// 100 MiB with noise of 0.2 MiB, and what `more` adds by the hour and the requests so far, in MiB.
    fn under(
        hours: f64,
        rate: impl Fn(f64) -> f64 + Copy,
        more: impl Fn(f64, f64) -> f64,
    ) -> Trace {
        loaded(hours, rate, |h, sent| (100.0 + 0.2 * noise(h) + more(h, sent)) * MIB)
    }

    #[test]
    fn a_constant_or_unknown_rate_explains_nothing() {
        assert!(rates(&trace(2.0, |_| 1e6)).is_empty());
        let hours = rates(&loaded(6.0, wave, |_, _| 1e6));
        assert_eq!(hours.len(), 6 * 360);
        // Rising, the slower ones lag behind; relative to the median.
        let at = hours[2 * 360];
        assert!(at.is_sorted_by(|a, b| a > b), "{at:?}");
        assert!((0.5..2.0).contains(&at[0]), "{at:?}");
    }

    #[test]
    fn memory_that_follows_the_load_is_no_leak() {
        let ramp = |h: f64| 50.0 + 10.0 * h;
        let found = judged(&under(6.0, ramp, |h, _| 0.2 * ramp(h)));
        assert_eq!(found.verdict, LeakVerdict::Inconclusive, "{}", found.reason);
        let found = judged(&under(12.0, wave, |h, _| 0.1 * wave(h)));
        assert_ne!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
        // The same curve under a constant load can only be a leak.
        let blind = judged(&under(6.0, |_| 50.0, |h, _| 0.2 * ramp(h)));
        assert_eq!(blind.verdict, LeakVerdict::Leaking, "{}", blind.reason);
    }

    #[test]
    fn memory_that_settles_down_and_then_follows_the_load_is_no_leak() {
        // It starts as under the usual rate, and comes down to what it is under the rate there is within minutes.
        let valley = |h: f64| 100.0 * (1.0 - 0.4 * (TAU * (h + 4.0) / 24.0).sin());
        let settling = |h: f64| 0.15 * valley(h) + 0.15 * (100.0 - valley(0.0)) * (-h / 0.1).exp();
        let found = judged(&under(3.0, valley, |h, _| settling(h)));
        assert_ne!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
    }

    #[test]
    fn a_leak_is_seen_through_a_changing_load() {
        let jumps = |h: f64| if (h * 2.3).fract() < 0.5 { 60.0 } else { 120.0 };
        let found = judged(&under(12.0, jumps, |h, _| 0.3 * jumps(h) + 2.0 * h));
        assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
        assert!((found.slope.unwrap().value / MIB - 2.0).abs() < 0.2, "{:?}", found.slope);
    }

    #[test]
    fn a_leak_with_every_request_follows_the_load() {
        let found = judged(&under(24.0, wave, |_, sent| sent / 200_000.0));
        assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
        assert_eq!(found.shape.as_deref(), Some("per request"));
        let bytes = found.per_request.unwrap();
        assert!((bytes / (MIB / 200_000.0) - 1.0).abs() < 0.05, "{bytes}");
    }
}
