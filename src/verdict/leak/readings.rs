//! A trace laid out for judging: seconds, values, lives, and which readings count.

use super::load::{self, Felt};
use super::mask;
use super::trace::{Cell, Trace};

/// The readings of a trace, or of its first part.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    pub(super) cells: Vec<Cell>,
    /// Per cell: whether no fault disturbs it.
    pub(super) clear: Vec<bool>,
    /// The usual time between two cells, seconds.
    pub(super) step: f64,
    /// Per cell: the request rate as it may be felt; empty where it is unknown or hardly varies.
    pub(super) load: Vec<Felt>,
}

impl Readings {
    /// Lays a trace out. `None` for fewer than two readings.
    pub(super) fn new(trace: &Trace) -> Option<Self> {
        let cells = trace.cells();
        let mut gaps: Vec<f64> = cells.windows(2).map(|w| w[1].t - w[0].t).collect();
        if gaps.is_empty() {
            return None;
        }
        let middle = gaps.len() / 2;
        let step = *gaps.select_nth_unstable_by(middle, f64::total_cmp).1;
        let clear = mask::clear(&cells);
        let load = load::felt(&cells);
        Some(Self { cells, clear, step, load })
    }

    /// What was read in the first `share` of the time.
    pub(super) fn first(&self, share: f64) -> Self {
        let until = self.cells[0].t + share * self.seconds();
        let n = self.cells.partition_point(|c| c.t < until).max(1);
        let cells = self.cells[..n].to_vec();
        let load = load::felt(&cells);
        Self { cells, clear: self.clear[..n].to_vec(), step: self.step, load }
    }

    /// Length of the record, seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.cells[self.cells.len() - 1].t - self.cells[0].t + self.step
    }

    /// The index ranges of the process lives, in time order.
    pub(super) fn lives(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut from = 0;
        self.cells.chunk_by(|a, b| a.epoch == b.epoch).map(move |life| {
            let range = from..from + life.len();
            from = range.end;
            range
        })
    }
}

/// The `p`-quantile (0 to 1) of values, interpolated linearly between the neighbours; 0 for none.
pub(super) fn quantile(values: &mut [f64], p: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let place = p * (values.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] + share * (values[above] - values[below])
}

/// The median of values; 0 for none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}
