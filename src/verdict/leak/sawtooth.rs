//! Second step: is there a saw-tooth (a garbage collector's, a batch's), and how long is a tooth?

use super::envelope::Envelope;
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
/// What dropped less often may not drop again.
pub(super) const LEAST_DROPS: usize = 3;

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
    let (drops, mut falls) = turns(&cells, seconds, readings.step);
    let period = seconds / drops.len().max(1) as f64;
    let slow = median(&mut falls) * readings.step > (FALL * period).max(2.0 * readings.step);
    if falls.is_empty() || slow {
        return Sawtooth::default();
    }
    Sawtooth { period: if drops.len() >= LEAST_DROPS { period } else { 0.0 }, drops }
}

/// Finds a slow saw-tooth below a fast one, an old generation's below a young one's, by the lowest values of windows
/// that hold the fast one's teeth. Of so few values only a sharp one shows: it falls in less than 0.3 of the time.
pub(super) fn below(envelope: &Envelope, readings: &Readings) -> Sawtooth {
    let begin = readings.cells[0].t;
    let cells: Vec<Cell> = envelope
        .windows
        .iter()
        .map(|window| Cell {
            t: begin + window.at * 3600.0,
            low: window.low,
            high: window.low,
            epoch: window.life as u32,
            fault: false,
            requests: None,
        })
        .collect();
    let seconds = readings.seconds();
    let (drops, falls) = turns(&cells, seconds, envelope.length);
    let period = seconds / drops.len().max(1) as f64;
    let fall = falls.iter().sum::<f64>() / falls.len().max(1) as f64 * envelope.length;
    if drops.len() < LEAST_DROPS || falls.is_empty() || fall > FALL * period {
        return Sawtooth::default();
    }
    Sawtooth { period, drops }
}

/// The times of large drops, and the lengths of the falls in cells of `step` seconds. None where the amplitude is small.
fn turns(cells: &[Cell], seconds: f64, step: f64) -> (Vec<f64>, Vec<f64>) {
    let width = ((seconds / 3.0).min(3600.0) / step) as usize | 1;
    let swings = less_moving_average(cells, width);
    let mut sorted = swings.clone();
    let amplitude = quantile(&mut sorted, 0.9) - quantile(&mut sorted, 0.1);
    let level = median(&mut cells.iter().map(|c| c.low).collect::<Vec<f64>>());
    if cells.is_empty() || amplitude <= LEAST_AMPLITUDE * level {
        return (Vec::new(), Vec::new());
    }
    zigzag(cells, &swings, SWING * amplitude)
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

/// Times of the steepest fall in each drop of at least `turn`, and the lengths of the falls in cells.
fn zigzag(cells: &[Cell], swings: &[f64], turn: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut drops, mut falls) = (Vec::new(), Vec::new());
    let (mut rising, mut peak, mut extreme) = (true, 0, 0);
    let fell = |i: usize| swings[i - 1] - swings[i];
    for i in 1..cells.len() {
        if cells[i].epoch != cells[i - 1].epoch {
            (rising, extreme) = (true, i);
        } else if rising {
            if swings[i] > swings[extreme] {
                extreme = i;
            } else if swings[extreme] - swings[i] >= turn {
                let steepest =
                    (extreme + 1..=i).max_by(|a, b| fell(*a).total_cmp(&fell(*b))).unwrap_or(i);
                drops.push(cells[steepest].t);
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
    use super::super::testing::{noise, trace};
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

    #[test]
    fn an_old_generations_teeth_are_found_below_a_young_ones() {
        // Collected every minute by 20 %, and every hour by 12 %.
        let readings = Readings::new(&trace(6.0, |h| {
            100e6 + 20e6 * (h * 61.3).fract() + 12e6 * h.fract() + 0.2e6 * noise(h)
        }))
        .unwrap();
        let fast = find(&readings);
        assert!(fast.period > 0.0 && fast.period < 900.0, "{}", fast.period);
        let slow = below(&Envelope::new(&readings, 600.0), &readings);
        assert!((slow.period - 3600.0).abs() < 800.0, "{slow:?}");
        let calm = Readings::new(&trace(6.0, |h| 100e6 + 0.5e6 * noise(h))).unwrap();
        assert_eq!(below(&Envelope::new(&calm, 600.0), &calm), Sawtooth::default());
    }
}
