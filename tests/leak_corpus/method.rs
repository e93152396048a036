//! What judges a series.

use super::series::Series;

/// The verdict on a series. A method that only says yes or no says `Leaking` or `Stable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// It leaks.
    Leaking,
    /// Perhaps it leaks.
    Suspected,
    /// It still warms up, or may do so.
    Warming,
    /// It doesn't leak.
    Stable,
    /// Can't be told.
    Inconclusive,
}

impl Call {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Leaking, Self::Suspected, Self::Warming, Self::Stable, Self::Inconclusive];
}

/// A slope in units of the value per hour, and the range claimed for it (equal where none is claimed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The best guess.
    pub(crate) slope: f64,
    /// Claimed to be at least.
    pub(crate) low: f64,
    /// Claimed to be at most.
    pub(crate) high: f64,
}

impl Estimate {
    /// A slope without a range.
    pub(crate) fn bare(slope: f64) -> Self {
        Self { slope, low: slope, high: slope }
    }
}

/// What a method says of a series.
#[derive(Clone, Debug)]
pub(crate) struct Opinion {
    /// The verdict.
    pub(crate) call: Call,
    /// The slope, where it gives one.
    pub(crate) estimate: Option<Estimate>,
    /// What it saw, in a word or a sentence; empty where it says nothing.
    pub(crate) reason: String,
}

impl Opinion {
    /// Of a method that says yes or no.
    pub(crate) fn plain(leaks: bool, estimate: Option<f64>) -> Self {
        let call = if leaks { Call::Leaking } else { Call::Stable };
        Self { call, estimate: estimate.map(Estimate::bare), reason: String::new() }
    }
}

/// A way of finding leaks.
pub(crate) trait Method: Sync {
    /// As tables name it.
    fn name(&self) -> &'static str;
    /// Judges a series of a process that is meant to run 24 h and to grow less than 10 % in that time.
    fn judge(&self, series: &Series) -> Opinion;
}
