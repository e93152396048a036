//! One look at a record: envelope, fit and selection, in percent of the first level.

use super::candidates::Candidates;
use super::envelope::{Envelope, Window};
use super::fit::{Fit, Fitted};
use super::gram::Products;
use super::question::Question;
use super::readings::{Readings, median};
use super::sawtooth::{self, Sawtooth};
use super::selection::Selection;
use super::shapes::Ground;

/// A record with its explanations.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) envelope: Envelope,
    pub(super) sawtooth: Sawtooth,
    /// The level of the first windows, in the gauge's unit: what a hundred percent are.
    pub(super) level: f64,
    /// The highest age, hours.
    pub(super) oldest: f64,
    /// Times of drops that the shapes were laid out on, hours.
    drops: Vec<f64>,
    pub(super) candidates: Candidates,
    pub(super) selection: Selection,
}

/// Why a record can't be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shortfall {
    /// So few windows are left.
    Windows(usize),
    /// The gauge reads zero.
    Zero,
}

/// Windows per record, as long as no tooth is longer.
const WINDOWS: f64 = 72.0;
/// Windows per life, where there are several.
const WINDOWS_A_LIFE: f64 = 18.0;
/// A window is not shorter than this, seconds, nor than so many readings.
const SHORTEST: f64 = 60.0;
const FEWEST_READINGS: f64 = 6.0;
/// A window holds this much more than one tooth.
const TOOTH: f64 = 1.25;
/// Windows of a tooth each are so few that they must see a slope this much more sharply to be preferred.
const SHARPER: f64 = 0.5;
/// Fewer windows than this carry no verdict.
pub(super) const LEAST_WINDOWS: usize = 8;
/// The longest time constant of a warm-up that is thought possible, hours, and as a share of the record.
const LONGEST_WARMUP: f64 = 3.5;

impl Look {
    /// Looks at the readings.
    ///
    /// Where the teeth are so long that windows of a tooth each would be few, short windows with an explicit saw-tooth
    /// are tried as well, and the sharper of the two looks counts.
    pub(super) fn new(readings: &Readings, question: &Question) -> Result<Self, Shortfall> {
        let quick = sawtooth::find(readings);
        let seconds = readings.seconds();
        let usual = usual_life(readings);
        let several = readings.lives().count() > 1;
        let shortest = SHORTEST.max(FEWEST_READINGS * readings.step);
        let life = if several { usual / WINDOWS_A_LIFE } else { f64::INFINITY };
        let window = (seconds / WINDOWS).min(life).max(shortest);
        let most = if several { (usual / 6.0).max(shortest) } else { f64::INFINITY };
        if TOOTH * quick.period > seconds / 16.0 {
            return Self::sharper(readings, question, &quick, window, most);
        }
        let length = window.max(TOOTH * quick.period).min(most);
        let plain = Self::at(readings, question, &quick, length, false)?;
        let slow = sawtooth::below(&plain.envelope, readings);
        if slow.period > 0.0 {
            Self::sharper(readings, question, &slow, length, most)
        } else {
            Ok(plain)
        }
    }

    /// The sharper of two looks at long teeth: windows of `fine` seconds with an explicit saw-tooth, and windows of a
    /// tooth each, of at most `most` seconds.
    fn sharper(
        readings: &Readings,
        question: &Question,
        sawtooth: &Sawtooth,
        fine: f64,
        most: f64,
    ) -> Result<Self, Shortfall> {
        let tooth = TOOTH * sawtooth.period;
        let fine = Self::at(readings, question, sawtooth, fine.min(most), true);
        if tooth > readings.seconds() / LEAST_WINDOWS as f64 {
            return fine;
        }
        let coarse = Self::at(readings, question, sawtooth, tooth.min(most), false);
        match (fine, coarse) {
            (Ok(a), Ok(b)) => Ok(if b.selection.blur < SHARPER * a.selection.blur { b } else { a }),
            (Ok(a), Err(_)) => Ok(a),
            (Err(_), b) => b,
        }
    }

    fn at(
        readings: &Readings,
        question: &Question,
        sawtooth: &Sawtooth,
        length: f64,
        teeth: bool,
    ) -> Result<Self, Shortfall> {
        let start = readings.cells[0].t;
        let modelled = teeth || sawtooth.drops.len() < sawtooth::LEAST_DROPS;
        let drops: Vec<f64> = if modelled {
            sawtooth.drops.iter().map(|d| (d - start) / 3600.0).collect()
        } else {
            Vec::new()
        };
        let envelope = Envelope::new(readings, length);
        let n = envelope.windows.len();
        if n < LEAST_WINDOWS {
            return Err(Shortfall::Windows(n));
        }
        let first = (n / 8).max(3);
        let level =
            median(&mut envelope.windows[..first].iter().map(|w| w.low).collect::<Vec<f64>>());
        let level = level.max(question.floor);
        if level <= 0.0 {
            return Err(Shortfall::Zero);
        }
        let oldest = envelope.windows.iter().map(|w| w.age).fold(0.0, f64::max);
        let ground = Ground {
            windows: &envelope.windows,
            window: length / 3600.0,
            lives: envelope.lives,
            oldest,
            longest_warmup: LONGEST_WARMUP,
            drops: &drops,
        };
        let candidates = Candidates::new(&ground);
        let values: Vec<f64> = envelope.windows.iter().map(|w| w.low / level * 100.0).collect();
        let rows = candidates.rows(&envelope.windows, &values, &drops);
        let products = Products::new(&envelope.windows, &rows, envelope.lives);
        let grain = question.grain / level * 100.0;
        let fit = Fit {
            candidates: &candidates,
            products: &products,
            ground: &ground,
            // Of a value rounded to its grain (uniform error), and never quite zero.
            grain: grain * grain / 12.0 + 1e-8,
        };
        let selection = Selection::new(fit.all()).ok_or(Shortfall::Windows(n))?;
        let sawtooth = sawtooth.clone();
        Ok(Self { envelope, sawtooth, level, oldest, drops, candidates, selection })
    }

    /// From percent of the first level to the gauge's unit.
    pub(super) fn units(&self, percent: f64) -> f64 {
        percent / 100.0 * self.level
    }

    /// From the gauge's unit to percent of the first level.
    pub(super) fn percent(&self, units: f64) -> f64 {
        units / self.level * 100.0
    }

    /// What the terms of an explanation come to in a window, percent of the first level.
    pub(super) fn terms(&self, fitted: &Fitted, window: &Window) -> f64 {
        let terms = self.candidates.terms_of(&fitted.candidate);
        terms.zip(&fitted.coefficients).map(|(t, c)| c * t.value(window, &self.drops)).sum()
    }

    /// The fitted curve at the envelope's windows, in the gauge's unit, its intercepts included.
    pub(super) fn curve(&self, fitted: &Fitted) -> Vec<f64> {
        let mut values: Vec<f64> = self
            .envelope
            .windows
            .iter()
            .map(|window| self.units(self.terms(fitted, window)))
            .collect();
        // The intercept of each life: the mean of what the terms leave.
        for life in 0..self.envelope.lives {
            let of_life = |i: &usize| self.envelope.windows[*i].life == life;
            let own: Vec<usize> = (0..values.len()).filter(of_life).collect();
            let left: f64 = own.iter().map(|i| self.envelope.windows[*i].low - values[*i]).sum();
            let intercept = left / own.len().max(1) as f64;
            for i in own {
                values[i] += intercept;
            }
        }
        values
    }
}

/// The length of life, in seconds, of which half of the time is lived in lives at least as long.
fn usual_life(readings: &Readings) -> f64 {
    let cells = &readings.cells;
    let mut lengths: Vec<f64> =
        readings.lives().map(|r| cells[r.end - 1].t - cells[r.start].t + readings.step).collect();
    lengths.sort_unstable_by(|a, b| b.total_cmp(a));
    let half = lengths.iter().sum::<f64>() / 2.0;
    let mut lived = 0.0;
    for length in &lengths {
        lived += length;
        if lived >= half {
            return *length;
        }
    }
    0.0
}
