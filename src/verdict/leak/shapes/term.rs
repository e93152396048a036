//! A single curve, to be multiplied by a coefficient.

use std::f64::consts::TAU;

use super::super::envelope::Window;
use super::super::load::LAGS;
use super::Ground;

/// A drop that comes less than this before a window's end, hours, is the next window's: what is within rounding.
const MOMENT: f64 = 1e-6;

/// A curve over age and time, in hours. Its coefficient has the unit that makes the product percent of the first level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Term {
    /// The age itself.
    Age,
    /// `1 - exp(-age / constant)`.
    Saturation {
        /// Time constant, hours.
        constant: f64,
    },
    /// `ln(1 + age / unit)`.
    Logarithm {
        /// Age at which growth has halved, hours.
        unit: f64,
    },
    /// `min(age, knee)`.
    Until {
        /// Age at which growth stops, hours.
        knee: f64,
    },
    /// `max(0, age - onset)`.
    Since {
        /// Age at which growth begins, hours.
        onset: f64,
    },
    /// 1 from a moment on, in one life.
    After {
        /// Hours of the trace.
        moment: f64,
        /// The life; `None` for all.
        life: Option<usize>,
    },
    /// `sin(2 pi time / period)`.
    Sine {
        /// Hours.
        period: f64,
    },
    /// `cos(2 pi time / period)`.
    Cosine {
        /// Hours.
        period: f64,
    },
    /// Hours since the last drop, or since the trace began, at the window's lowest: at a drop in it, or else at its
    /// beginning.
    SinceDrop {
        /// Half the length of a window, hours.
        half: f64,
        /// Whether it dropped often enough to believe that it will again.
        again: bool,
    },
    /// 1 in windows that end before the first drop.
    BeforeFirstDrop {
        /// Half the length of a window, hours.
        half: f64,
    },
    /// Requests since the life began, in hours of the mean rate.
    Work,
    /// The request rate, relative to its median.
    Load {
        /// Which of the lags.
        lag: usize,
        /// Whether it is the window's lowest rate; else its mean.
        lowest: bool,
    },
}

impl Term {
    /// Its value in a window.
    pub(in super::super) fn value(&self, window: &Window, drops: &[f64]) -> f64 {
        match *self {
            Self::Age => window.age,
            Self::Saturation { constant } => -(-window.age / constant).exp_m1(),
            Self::Logarithm { unit } => (window.age / unit).ln_1p(),
            Self::Until { knee } => window.age.min(knee),
            Self::Since { onset } => (window.age - onset).max(0.0),
            Self::After { moment, life } => {
                f64::from(window.at >= moment && life.is_none_or(|l| l == window.life))
            }
            Self::Sine { period } => (TAU * window.at / period).sin(),
            Self::Cosine { period } => (TAU * window.at / period).cos(),
            Self::SinceDrop { half, .. } => {
                let past = drops.partition_point(|d| *d < window.at + half - MOMENT);
                let last = past.checked_sub(1).map_or(0.0, |i| drops[i]);
                (window.at - half - last).max(0.0)
            }
            Self::Load { lag, lowest: true } => window.load.lowest[lag],
            Self::Load { lag, lowest: false } => window.load.mean[lag],
            Self::Work => window.load.work,
            Self::BeforeFirstDrop { half } => {
                f64::from(drops.first().is_none_or(|d| window.at + half - MOMENT <= *d))
            }
        }
    }

    /// Its slope at the highest age, per hour. Of what comes and goes the slope of a moment says nothing: zero.
    pub(in super::super) fn terminal_slope(&self, ground: &Ground) -> f64 {
        match *self {
            Self::Age | Self::Since { .. } | Self::Work | Self::SinceDrop { again: false, .. } => {
                1.0
            }
            Self::Saturation { constant } => (-ground.oldest / constant).exp() / constant,
            Self::Logarithm { unit } => 1.0 / (unit + ground.oldest),
            Self::Until { .. }
            | Self::After { .. }
            | Self::Sine { .. }
            | Self::Cosine { .. }
            | Self::SinceDrop { .. }
            | Self::Load { .. }
            | Self::BeforeFirstDrop { .. } => 0.0,
        }
    }

    /// How far it moves from the first window to the last. What comes and goes does not.
    pub(in super::super) fn net(&self, ground: &Ground) -> f64 {
        match self {
            Self::Sine { .. }
            | Self::Cosine { .. }
            | Self::SinceDrop { .. }
            | Self::Load { .. }
            | Self::BeforeFirstDrop { .. } => 0.0,
            Self::Age
            | Self::Saturation { .. }
            | Self::Logarithm { .. }
            | Self::Until { .. }
            | Self::Since { .. }
            | Self::After { .. }
            | Self::Work => match ground.windows {
                [first, .., last] => self.value(last, &[]) - self.value(first, &[]),
                _ => 0.0,
            },
        }
    }

    /// Whether it grows for ever at the same rate.
    pub(in super::super) fn lasts(&self) -> bool {
        matches!(self, Self::Age | Self::Since { .. } | Self::Work)
    }

    /// Its parameters in words, where it has any.
    pub(in super::super) fn parameters(&self) -> Option<String> {
        let hours = |h: f64| super::super::words::hours(h);
        match *self {
            Self::Saturation { constant } => Some(format!("time constant {}", hours(constant))),
            Self::Logarithm { unit } => Some(format!("unit {}", hours(unit))),
            Self::Until { knee } => Some(format!("knee at age {}", hours(knee))),
            Self::Since { onset } => Some(format!("onset at age {}", hours(onset))),
            Self::After { moment, .. } => Some(format!("step at {}", hours(moment))),
            Self::Sine { period } => Some(format!("period {}", hours(period))),
            Self::Load { lag, .. } => Some(format!("lag {} s", LAGS[lag])),
            Self::Age
            | Self::Work
            | Self::Cosine { .. }
            | Self::SinceDrop { .. }
            | Self::BeforeFirstDrop { .. } => None,
        }
    }
}
