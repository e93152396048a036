//! `drift`: how far latency and throughput move from the beginning of the run to its end.

use std::time::Duration;

use super::super::case::Case;
use super::super::compare::{LoadWindows, load_windows, window_of};
use super::super::leak::{Drift, DriftPoint, LEAST_POINTS, drift};
use super::super::words::percent;
use super::{Bound, Judged, limit_name};
use crate::experiment::{DriftFigure, Limit};
use crate::record::{LimitResult, LoadDigest, Side, Tier};

/// About so many windows, as long as enough requests stand behind each.
const WINDOWS: u64 = 72;
/// A share of what ended well is not lower than this: its logarithm must exist.
const LEAST_SHARE: f64 = 1e-3;

/// Judges one figure. It is only held against the target when chance can't have moved it at all.
pub(super) fn result(
    case: &Case,
    limit: &Limit,
    figure: DriftFigure,
    step: Option<&str>,
) -> Judged {
    let bound = Bound::of(&limit.bound);
    let name = limit_name(limit);
    let result = match found(case, figure, step) {
        Ok(found) => judged(&bound, name, figure, &found),
        Err(why) => bound.unknown(name, why),
    };
    Judged { result, side: Side::Longhaul }
}

fn judged(bound: &Bound, name: String, figure: DriftFigure, found: &Drift) -> LimitResult {
    // Of a throughput the figure is its inverse, so that more is worse of every figure.
    let worse = |ratio: f64| match figure {
        DriftFigure::Throughput => 1.0 - 1.0 / ratio,
        _ => ratio - 1.0,
    };
    let [value, low, high] = [found.ratio.value, found.ratio.low, found.ratio.high].map(worse);
    let range = format!("{} to {}", percent(low), percent(high));
    let note = format!("between {range}; the best explanation is {}", found.shape);
    let result = bound.judge(name.clone(), value, None, Some(note));
    match result.tier {
        Tier::Fail if low <= 0.0 => bound.unknown(
            name,
            format!("it moved by {} ({range}), which may be chance", percent(value)),
        ),
        Tier::Warn if low <= 0.0 => LimitResult { tier: Tier::Pass, ..result },
        _ => result,
    }
}

fn found(case: &Case, figure: DriftFigure, step: Option<&str>) -> Result<Drift, String> {
    let nothing = || "the load profile never began".to_owned();
    let judged = case.judged.ok_or_else(nothing)?;
    let names = case.experiment().load.step_names();
    let column = match step {
        Some(step) => names.iter().position(|n| n == step).map(|i| i + 1).ok_or_else(nothing)?,
        None => 0,
    };
    // Twice what a figure takes, so that few windows go without.
    let behind = match figure {
        DriftFigure::P50 | DriftFigure::Mean => 10,
        DriftFigure::P95 => 40,
        DriftFigure::P99 => 200,
        DriftFigure::Throughput => 30,
    };
    let seconds = judged.length().as_secs_f64();
    let requests = requests(case, column).max(1) as f64;
    let filled = (f64::from(behind) * seconds / requests).ceil() as u64;
    let planned = case.experiment().load.profile_length().as_secs();
    let window = window_of((planned / WINDOWS).max(filled));
    let points = match load_windows(case, window) {
        Ok(windows) => points(&windows, column, figure),
        Err(_) => Vec::new(),
    };
    drift(&points, window.as_secs_f64() / 3600.0)
        .ok_or_else(|| too_few(points.len(), window, figure))
}

fn too_few(n: usize, window: Duration, figure: DriftFigure) -> String {
    format!(
        "{n} undisturbed windows of {} have a {}, and {LEAST_POINTS} are needed",
        crate::units::duration(window),
        figure.name()
    )
}

/// How many requests are behind the figures of a column: of one step, or all.
fn requests(case: &Case, column: usize) -> u64 {
    let rows = &case.data.histograms;
    let of =
        |row: &&crate::record::HistogramRow| column == 0 || usize::from(row.step.0) + 1 == column;
    rows.iter().filter(of).map(|row| row.counts.ended()).sum()
}

fn points(windows: &LoadWindows, column: usize, figure: DriftFigure) -> Vec<DriftPoint> {
    let Some(load) = windows.load.get(column) else { return Vec::new() };
    let point = |place: usize| {
        let (due, clear) = (windows.scheduled[place], windows.clear_s[place]);
        let value = value(load, due, place, figure).filter(|_| clear * 2.0 >= windows.seconds())?;
        Some(DriftPoint { place, value, rate: due as f64 / clear })
    };
    (0..windows.clear_s.len()).filter_map(point).collect()
}

fn value(load: &LoadDigest, due: u64, place: usize, figure: DriftFigure) -> Option<f64> {
    let latency = |us: Option<u64>| us.map(|us| us as f64).filter(|us| *us > 0.0);
    match figure {
        DriftFigure::P50 => latency(load.p50_us[place]),
        DriftFigure::P95 => latency(load.p95_us[place]),
        DriftFigure::P99 => latency(load.p99_us[place]),
        DriftFigure::Mean => load.mean_us[place].filter(|us| *us > 0.0),
        DriftFigure::Throughput => {
            let well = load.ended[place] - load.errors[place];
            (due >= super::MIN_ARRIVALS / 2)
                .then(|| 1.0 / (well as f64 / due as f64).max(LEAST_SHARE))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier};
    use crate::record::{LimitResult, Tier};
    use std::time::Duration;

    const LONG: u64 = 900;

    /// Latency that wavers by 3 %, and is worse by this share.
    fn slow(seconds: u64, more: impl Fn(f64) -> f64 + Copy) -> Synthetic {
        (0..seconds).fold(Synthetic::hold(seconds), |run, k| {
            let waver = 0.03 * ((k / 10 * 7919 % 101) as f64 / 50.0 - 1.0);
            let worse = 1.0 + more(k as f64 / seconds as f64) + waver;
            run.each(k..k + 1, |s| s.latency = Duration::from_micros((10_000.0 * worse) as u64))
        })
    }

    fn judged(run: Synthetic, figures: &str) -> LimitResult {
        limit_result(run.limit(&format!("drift: {{ {figures} }}")))
    }

    #[test]
    fn a_planted_drift_breaches_and_noise_holds() {
        let rising = |at: f64| 0.3 * at;
        let result = judged(slow(LONG, rising), "p99: 20%");
        assert_eq!((result.tier, result.name.as_str()), (Tier::Fail, "drift p99"), "{result:?}");
        assert!((result.measured_value.unwrap() - 0.3).abs() < 0.04, "{result:?}");
        for figure in ["p50: 20%", "p95: 20%", "mean: 20%", "p99: 20%, step: browse/get"] {
            assert_eq!(judged(slow(LONG, rising), figure).tier, Tier::Fail, "{figure}");
        }
        assert_eq!(judged(slow(LONG, rising), "p99: 50%, warn: 20%").tier, Tier::Warn);
        assert_eq!(judged(slow(LONG, rising), "p99: 50%").tier, Tier::Pass);
        let noise = judged(slow(LONG, |_| 0.0), "p99: 5%");
        assert_eq!(noise.tier, Tier::Pass, "{noise:?}");
        let better = judged(slow(LONG, |at| -0.3 * at), "p99: 1%");
        assert!(better.tier == Tier::Pass && better.measured.starts_with('-'), "{better:?}");
    }

    #[test]
    fn throughput_that_dwindles_breaches() {
        let dwindling = || {
            (0..LONG).fold(Synthetic::hold(LONG), |run, k| {
                run.each(k..k + 1, |s| {
                    let lost = s.counts.scheduled * k / LONG / 5;
                    (s.counts.ok, s.counts.not_sent) = (s.counts.scheduled - lost, lost);
                })
            })
        };
        let result = judged(dwindling(), "throughput: 10%");
        assert_eq!(result.tier, Tier::Fail, "{result:?}");
        assert!((result.measured_value.unwrap() - 0.2).abs() < 0.04, "{result:?}");
        assert_eq!(judged(dwindling(), "throughput: 30%").tier, Tier::Pass);
        assert_eq!(judged(Synthetic::hold(LONG), "throughput: 1%").tier, Tier::Pass);
    }

    #[test]
    fn what_a_fault_does_is_no_drift() {
        let slow_at_the_end = slow(LONG, |_| 0.0)
            .fault("cut", 700, 60)
            .each(700..770, |s| s.latency = Duration::from_secs(1));
        let result = judged(slow_at_the_end, "p99: 10%");
        assert_eq!(result.tier, Tier::Pass, "{result:?}");
    }

    #[test]
    fn too_short_a_run_can_not_tell() {
        let result = judged(Synthetic::hold(LONG).stop_at(40), "p99: 10%");
        assert_eq!(result.tier, Tier::Unknown);
        assert!(result.note.unwrap().contains("12 are needed"));
        assert_eq!(
            limit_tier(Synthetic::hold(8).limit("drift: { throughput: 1% }")),
            Tier::Unknown
        );
    }
}
