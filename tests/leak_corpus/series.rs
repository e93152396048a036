//! One series and what is true of it.

use longhaul::seed::Seed;

use super::chance::Chance;
use super::draft::Draft;
use super::family::Family;

/// Seconds between two readings.
pub(crate) const STEP_S: f64 = 10.0;

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Seconds since the start.
    pub(crate) t_s: f64,
    /// Bytes, or a count (descriptors, threads).
    pub(crate) value: f64,
    /// The process's life; another one after each restart.
    pub(crate) epoch: u32,
    /// Whether a fault was in force.
    pub(crate) fault: bool,
    /// Requests sent since the start.
    pub(crate) requests: f64,
}

/// What is true of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Truth {
    /// Nothing leaks, whatever the curve looks like.
    NoLeak,
    /// Something leaks.
    Leak {
        /// At the end of the series, in units of the value per hour.
        slope: f64,
    },
}

/// A labelled series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The family, as tables name it.
    pub(crate) family: String,
    /// Growth asked for, in percent of the level per hour; zero where nothing leaks.
    pub(crate) rate: f64,
    /// How long it lasts.
    pub(crate) hours: f64,
    /// The truth about it.
    pub(crate) truth: Truth,
    /// Whether the value counts things (descriptors, threads) instead of bytes.
    pub(crate) counts: bool,
    /// Oldest first.
    pub(crate) readings: Vec<Reading>,
}

/// Which series: everything that one is a function of.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    /// The family it is drawn from.
    pub(crate) family: &'static Family,
    /// Percent of the level per hour; zero for a family that doesn't leak.
    pub(crate) rate: f64,
    /// How long it lasts.
    pub(crate) hours: f64,
    /// Which of the family, rate and length.
    pub(crate) index: usize,
}

impl Order {
    /// Names the series, and with a root seed names its randomness.
    pub(crate) fn name(&self) -> String {
        let Self { family, rate, hours, index } = self;
        let family = family.name.replace(',', "").replace(' ', "-");
        format!("{family}_{rate}_{hours}h_{index}")
    }

    /// Draws the series.
    pub(crate) fn series(&self, root: Seed) -> Series {
        let mut draft = Draft::new(self.hours, Chance::new(root.split(&self.name())));
        (self.family.process)(&mut draft);
        let relative = self.family.growth.add_to(&mut draft, self.rate);
        let truth = match relative {
            None => Truth::NoLeak,
            Some(slope) => Truth::Leak { slope: slope * draft.level },
        };
        Series {
            family: self.family.name.to_owned(),
            rate: self.rate,
            hours: self.hours,
            truth,
            counts: draft.counts,
            readings: draft.readings(),
        }
    }
}
