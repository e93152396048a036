//! How many of how many.

use std::fmt;
use std::iter::FromIterator;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) yes: usize,
    pub(crate) of: usize,
}

impl Share {
    /// In percent; zero of none.
    pub(crate) fn percent(self) -> f64 {
        100.0 * self.yes as f64 / self.of.max(1) as f64
    }
}

impl FromIterator<bool> for Share {
    fn from_iter<I: IntoIterator<Item = bool>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), |share, yes| Self {
            yes: share.yes + usize::from(yes),
            of: share.of + 1,
        })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.percent() {
            _ if self.of == 0 => f.write_str("-"),
            0.0 => f.write_str("0"),
            100.0 => f.write_str("100"),
            percent if (1.0..99.0).contains(&percent) => write!(f, "{percent:.0}"),
            percent => write!(f, "{percent:.2}"),
        }
    }
}

/// The value below which this fraction lies; none of none.
pub(crate) fn quantile(mut values: Vec<f64>, fraction: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[(fraction * last as f64).round() as usize])
}
