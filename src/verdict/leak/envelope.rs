//! Third step: the lower envelope. What is still there at the lowest point of a window is not garbage.

use super::load::WindowLoad;
use super::readings::Readings;

/// One window of the envelope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    /// Hours from the start of its life to its middle.
    pub(super) age: f64,
    /// Hours from the start of the trace to its middle.
    pub(super) at: f64,
    /// The lowest value in it, in the gauge's unit.
    pub(super) low: f64,
    /// Number of its life among those that count, from 0.
    pub(super) life: usize,
    /// Its place within its life: windows without enough readings leave a hole in the count.
    pub(super) place: usize,
    /// The load in it.
    pub(super) load: WindowLoad,
}

/// The lower envelope of a trace.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    pub(super) windows: Vec<Window>,
    /// Length of a window, seconds.
    pub(super) length: f64,
    /// Lives that count.
    pub(super) lives: usize,
}

/// A window needs this many clear readings, and this share of what it could hold.
const LEAST_READINGS: f64 = 3.0;
const LEAST_SHARE: f64 = 0.25;
/// The last window of a life counts when this share of it was lived.
const LEAST_TAIL: f64 = 0.6;
/// A life with fewer windows says nothing about slopes.
const LEAST_WINDOWS: usize = 3;
/// Where a process starts again and again, the first so many seconds of each life are its boot.
const BOOT: f64 = 300.0;
/// A gauge is coarse when it moves in steps of more than this share of its value.
const COARSE: f64 = 0.005;
/// The quantile that counts as the lowest value of a coarse gauge.
const LOW: f64 = 0.25;

impl Envelope {
    /// Cuts each life into windows of `length` seconds from its start on, and takes the lowest clear reading of each.
    pub(super) fn new(readings: &Readings, length: f64) -> Self {
        let start = readings.cells[0].t;
        let several = readings.lives().count() > 1;
        let need = LEAST_READINGS.max(LEAST_SHARE * length / readings.step);
        let coarse = coarse(readings);
        let mut all = Self { windows: Vec::new(), length, lives: 0 };
        for range in readings.lives() {
            let (cells, clear) = (&readings.cells[range.clone()], &readings.clear[range.clone()]);
            let (begin, birth) = (range.start, cells[0].t);
            let lived = cells[cells.len() - 1].t - birth + readings.step;
            let mut windows = Vec::new();
            let mut from = 0;
            while from < cells.len() {
                let place = ((cells[from].t - birth) / length) as usize;
                let end = birth + (place + 1) as f64 * length;
                let to = from + cells[from..].partition_point(|c| c.t < end);
                let middle = (place as f64 + 0.5) * length;
                let mut counted: Vec<f64> =
                    (from..to).filter(|i| clear[*i]).map(|i| cells[i].low).collect();
                let enough = counted.len() as f64 >= need
                    && lived - place as f64 * length >= LEAST_TAIL * length
                    && !(several && middle <= length.max(BOOT));
                if enough {
                    windows.push(Window {
                        age: middle / 3600.0,
                        at: (birth - start + middle) / 3600.0,
                        low: lowest(&mut counted, coarse),
                        life: all.lives,
                        place,
                        load: WindowLoad::new(readings, begin, begin + from..begin + to),
                    });
                }
                // A window that rounding left empty still moves on.
                from = to.max(from + 1);
            }
            if windows.len() >= LEAST_WINDOWS {
                all.windows.append(&mut windows);
                all.lives += 1;
            }
        }
        all
    }
}

/// The step in which the gauge is read, where it is coarse: all readings lie whole steps apart.
fn coarse(readings: &Readings) -> Option<f64> {
    let lows = || readings.cells.iter().map(|c| c.low);
    let moves = || lows().zip(lows().skip(1)).map(|(a, b)| (a - b).abs()).filter(|m| *m > 0.0);
    let step = moves().fold(f64::INFINITY, f64::min);
    let whole = |moved: f64| (moved / step).fract().min(1.0 - (moved / step).fract()) < 0.01;
    let level = readings.cells.first().map_or(0.0, |c| c.low);
    (step.is_finite() && step > COARSE * level && moves().all(whole)).then_some(step)
}

/// The lowest of the values. Of a coarse gauge all of a window may read the same, and the next window one step more; how
/// often each step was read tells where between two the value was (the quantile of grouped data).
fn lowest(values: &mut [f64], coarse: Option<f64>) -> f64 {
    let Some(step) = coarse else { return values.iter().copied().fold(f64::INFINITY, f64::min) };
    values.sort_unstable_by(f64::total_cmp);
    let place = LOW * values.len() as f64;
    let value = values[(place as usize).min(values.len() - 1)];
    let below = values.partition_point(|v| *v < value) as f64;
    let equal = values.partition_point(|v| *v <= value) as f64 - below;
    value + step * ((place - below) / equal - 0.5)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reborn, trace};
    use super::*;

    #[test]
    fn the_envelope_lies_under_the_teeth() {
        let readings =
            Readings::new(&trace(2.0, |h| 50e6 + h * 1e6 + 9e6 * (h * 12.0).fract())).unwrap();
        let envelope = Envelope::new(&readings, 600.0);
        assert_eq!(envelope.windows.len(), 12);
        for window in &envelope.windows {
            let floor = 50e6 + (window.at - 1.0 / 12.0) * 1e6;
            assert!((window.low - floor).abs() < 0.4e6, "{window:?}");
        }
    }

    #[test]
    fn lives_are_cut_separately_and_their_boot_is_left_out() {
        let readings = Readings::new(&reborn(3.0, 1.0, |_, age| 10e6 + age * 1e6)).unwrap();
        let envelope = Envelope::new(&readings, 300.0);
        assert_eq!((envelope.lives, envelope.windows.len()), (3, 3 * 11));
        assert!(envelope.windows.iter().all(|w| w.age > 0.1 && w.age < 1.0));
        let second = envelope.windows.iter().find(|w| w.life == 1).unwrap();
        assert!((second.at - second.age - 1.0).abs() < 0.01, "{second:?}");
    }

    #[test]
    fn stub_lives_and_stub_windows_do_not_count() {
        let readings = Readings::new(&reborn(2.1, 1.0, |_, _| 10e6)).unwrap();
        assert_eq!(Envelope::new(&readings, 300.0).lives, 2);
    }
}
