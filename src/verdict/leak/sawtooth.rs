//! Second step: is there a saw-tooth (a garbage collector's, a batch's), and how long is a tooth?

use super::readings::{Readings, median, quantile};
use super::trace::Cell;

/// A saw-tooth; all zero without one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sawtooth {
    /// Seconds from drop to drop; zero for fewer than three drops.
    pub(super) period: f64,
    /// Times of the large drops, seconds of the trace.
    pub(super) drops: Vec<f64>,
}

/// A swing counts from this share of the usual amplitude (90th less 10th percentile) on.
const SWING: f64 = 0.7;
/// A smaller amplitude than this share of the level is no saw-tooth worth a name.
const LEAST_AMPLITUDE: f64 = 0.02;
/// A tooth falls within this share of its period: slower falls are noise or a smooth cycle.
const FALL: f64 = 0.3;

/// Finds the saw-tooth by a zig-zag over the series less its moving average (of an hour, or a third of the record):
/// a turn counts when the series has come back by 0.7 of its usual amplitude.
pub(super) fn find(readings: &Readings) -> Sawtooth {
    let cells: Vec<Cell> = readings
        .cells
        .iter()
        .zip(&readings.clear)
        .filter_map(|(cell, clear)| clear.then_some(*cell))
        .collect();
    let seconds = readings.seconds();
    let width = ((seconds / 3.0).min(3600.0) / readings.step) as usize | 1;
    let swings = less_moving_average(&cells, width);
    let mut sorted = swings.clone();
    let amplitude = quantile(&mut sorted, 0.9) - quantile(&mut sorted, 0.1);
    let level = median(&mut cells.iter().map(|c| c.low).collect::<Vec<f64>>());
    if cells.is_empty() || amplitude <= LEAST_AMPLITUDE * level {
        return Sawtooth::default();
    }
    let (drops, mut falls) = zigzag(&cells, &swings, SWING * amplitude);
    let period = if drops.is_empty() { 0.0 } else { seconds / drops.len() as f64 };
    let slow = median(&mut falls) * readings.step > (FALL * period).max(2.0 * readings.step);
    if falls.is_empty() || slow {
        return Sawtooth::default();
    }
    Sawtooth { period: if drops.len() >= 3 { period } else { 0.0 }, drops }
}

/// The values less their moving average over `width` cells of the same life.
fn less_moving_average(cells: &[Cell], width: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(cells.len());
    for life in cells.chunk_by(|a, b| a.epoch == b.epoch) {
        let mut sums = Vec::with_capacity(life.len() + 1);
        sums.push(0.0);
        for cell in life {
            sums.push(sums[sums.len() - 1] + cell.low);
        }
        for (i, cell) in life.iter().enumerate() {
            let (from, to) = (i.saturating_sub(width / 2), (i + width / 2 + 1).min(life.len()));
            out.push(cell.low - (sums[to] - sums[from]) / (to - from) as f64);
        }
    }
    out
}

/// Times at which a drop of at least `turn` was complete, and the lengths of the falls in cells.
fn zigzag(cells: &[Cell], swings: &[f64], turn: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut drops, mut falls) = (Vec::new(), Vec::new());
    let (mut rising, mut peak, mut extreme) = (true, 0, 0);
    for i in 1..cells.len() {
        if cells[i].epoch != cells[i - 1].epoch {
            (rising, extreme) = (true, i);
        } else if rising {
            if swings[i] > swings[extreme] {
                extreme = i;
            } else if swings[extreme] - swings[i] >= turn {
                drops.push(cells[i].t);
                (rising, peak, extreme) = (false, extreme, i);
            }
        } else if swings[i] < swings[extreme] {
            extreme = i;
        } else if swings[i] - swings[extreme] >= turn {
            falls.push((extreme - peak) as f64);
            (rising, extreme) = (true, i);
        }
    }
    (drops, falls)
}

#[cfg(test)]
mod tests {
    use super::super::testing::trace;
    use super::*;

    fn found(value: impl Fn(f64) -> f64) -> Sawtooth {
        find(&Readings::new(&trace(4.0, value)).unwrap())
    }

    #[test]
    fn the_period_of_a_collector_is_found() {
        let teeth = found(|h| 100e6 + 30e6 * (h * 4.0).fract());
        assert!((teeth.period - 900.0).abs() < 70.0, "{teeth:?}");
        assert_eq!(teeth.drops.len(), 15);
    }

    #[test]
    fn smooth_swings_and_flat_lines_have_no_teeth() {
        assert_eq!(found(|h| 100e6 + 20e6 * (h * 6.0).sin()), Sawtooth::default());
        assert_eq!(found(|_| 100e6), Sawtooth::default());
        assert_eq!(found(|h| 100e6 + 1e5 * (h * 4.0).fract()), Sawtooth::default());
    }
}
