//! The same method on figures that are not gauges: does a latency, or a share of something, drift over a run?
//!
//! In go the logarithms of a figure by windows; the rivals are those of a leak. Here it does not matter whether
//! something grows for ever, but how far the figure's end lies from its beginning. What comes and goes, the time of day
//! and the load, is no drift.

use super::candidates::Candidates;
use super::decide;
use super::envelope::Window;
use super::fit::{Fit, Fitted};
use super::gram::Products;
use super::load::{self, WindowLoad};
use super::readings::median;
use super::selection::Selection;
use super::shapes::Ground;
use crate::record::Range;

/// A figure in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct DriftPoint {
    /// Number of the window; those that were disturbed leave a hole.
    pub(in super::super) place: usize,
    /// The figure, above zero. More is worse.
    pub(in super::super) value: f64,
    /// Arrivals that fell due a second.
    pub(in super::super) rate: f64,
}

/// How far a figure drifted.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Drift {
    /// What the figure at the end is to that at the beginning, by the best explanation, and its range over all that fit.
    pub(in super::super) ratio: Range,
    /// The best explanation's shape.
    pub(in super::super) shape: String,
}

/// Fewer windows than this show no drift.
pub(in super::super) const LEAST_POINTS: usize = 12;
/// The longest time constant of a warm-up that is thought possible, hours.
const LONGEST_WARMUP: f64 = 3.5;
/// What is read off a histogram of three figures is rounded to about so many percent.
const GRAIN: f64 = 0.1;

/// Looks at the figures of windows of `window` hours, in time order. `None` for too few of them.
pub(in super::super) fn drift(points: &[DriftPoint], window: f64) -> Option<Drift> {
    if points.len() < LEAST_POINTS {
        return None;
    }
    let loads = loads(points, window);
    let windows: Vec<Window> = points
        .iter()
        .zip(loads)
        .map(|(point, load)| {
            let at = (point.place as f64 + 0.5) * window;
            Window { age: at, at, low: point.value, life: 0, place: point.place, load }
        })
        .collect();
    let ground = Ground {
        windows: &windows,
        window,
        lives: 1,
        oldest: windows.last().map_or(0.0, |w| w.age),
        longest_warmup: LONGEST_WARMUP,
        drops: &[],
    };
    let candidates = Candidates::new(&ground);
    // Ratios become differences: percent, as long as they are small.
    let values: Vec<f64> = points.iter().map(|p| p.value.ln() * 100.0).collect();
    let rows = candidates.rows(&windows, &values, &[]);
    let products = Products::new(&windows, &rows, 1);
    let grain = GRAIN * GRAIN / 12.0;
    let fit = Fit { candidates: &candidates, products: &products, ground: &ground, grain };
    let selection = Selection::new(fit.all())?;
    let best = selection.best();
    let ends = |f: &Fitted, sign: f64| f.net.value + sign * f.t * f.net.error;
    let low = selection.plausible().map(|f| ends(f, -1.0)).fold(f64::INFINITY, f64::min);
    let high = selection.plausible().map(|f| ends(f, 1.0)).fold(f64::NEG_INFINITY, f64::max);
    let ratio = |percent: f64| (percent / 100.0).exp();
    Some(Drift {
        ratio: Range { value: ratio(best.net.value), low: ratio(low), high: ratio(high) },
        shape: decide::name(best),
    })
}

/// The load of each window, where it varies.
fn loads(points: &[DriftPoint], window: f64) -> Vec<WindowLoad> {
    let mut rates: Vec<f64> = points.iter().map(|p| p.rate).collect();
    if !load::varies(&mut rates) {
        return vec![WindowLoad::default(); points.len()];
    }
    let usual = median(&mut rates);
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let mut work = 0.0;
    points
        .iter()
        .map(|point| {
            let rate = [point.rate / usual; load::LAGS.len()];
            let load = WindowLoad { lowest: rate, mean: rate, work };
            work += point.rate / mean * window;
            load
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    /// A p99 of about 10 ms in 72 windows of five minutes, with noise of 5 %; `more` says by which share it is worse.
    fn looked(rate: impl Fn(f64) -> f64, more: impl Fn(f64) -> f64) -> Drift {
        let points: Vec<DriftPoint> = (0..72)
            .map(|place| {
                let hour = (place as f64 + 0.5) / 12.0;
                let value = 10_000.0 * (1.0 + more(hour)) * (0.05 * noise(hour)).exp();
                DriftPoint { place, value, rate: rate(hour) }
            })
            .collect();
        drift(&points, 1.0 / 12.0).unwrap()
    }

    #[test]
    fn a_slow_rise_a_jump_and_a_late_rise_are_drift() {
        let rise = looked(|_| 50.0, |h| 0.5 * h / 6.0);
        assert!((rise.ratio.value - 1.5).abs() < 0.06 && rise.ratio.low > 1.2, "{rise:?}");
        let jump = looked(|_| 50.0, |h| if h < 3.0 { 0.0 } else { 0.5 });
        assert!((jump.ratio.value - 1.5).abs() < 0.06 && jump.ratio.low > 1.2, "{jump:?}");
        assert!(jump.shape.contains("step"), "{jump:?}");
        let late = looked(|_| 50.0, |h| 0.25 * (h - 4.0).max(0.0));
        assert!((late.ratio.value - 1.5).abs() < 0.08 && late.ratio.low > 1.2, "{late:?}");
    }

    #[test]
    fn noise_and_an_improvement_are_none() {
        let flat = looked(|_| 50.0, |_| 0.0);
        assert!(flat.ratio.low <= 1.0 && (flat.ratio.value - 1.0).abs() < 0.05, "{flat:?}");
        let better = looked(|_| 50.0, |h| -0.4 * h / 6.0);
        assert!(better.ratio.value < 0.7 && better.ratio.low < 1.0, "{better:?}");
    }

    #[test]
    fn what_follows_the_load_is_no_drift() {
        let waves = |h: f64| 50.0 + 25.0 * (h * 1.7).sin();
        let found = looked(waves, |h| waves(h) / 100.0);
        assert!(found.ratio.low <= 1.0 && (found.ratio.value - 1.0).abs() < 0.06, "{found:?}");
    }

    #[test]
    fn too_few_windows_tell_nothing() {
        let point = |place| DriftPoint { place, value: 1.0, rate: 1.0 };
        let few: Vec<DriftPoint> = (0..LEAST_POINTS - 1).map(point).collect();
        assert_eq!(drift(&few, 1.0), None);
    }
}
