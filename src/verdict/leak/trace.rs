//! The readings of one gauge of one process, in bounded memory.

use std::time::Duration;

use crate::clock::Offset;

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TracePoint {
    /// When; later than the reading before.
    pub at: Offset,
    /// The gauge: bytes or a number of things; finite, not negative.
    pub value: f64,
    /// Number of the process life: another one at each start.
    pub epoch: u32,
    /// Whether a fault was in force.
    pub fault: bool,
    /// Requests served since the beginning, over all lives.
    pub requests: Option<f64>,
}

/// Why a reading can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// NaN or infinite.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// Below zero.
    #[error("{0} is negative")]
    Negative(f64),
    /// Not after the reading before.
    #[error("time {at} s does not come after {previous} s")]
    NotAfter {
        /// This reading's time, seconds.
        at: f64,
        /// The reading's before, seconds.
        previous: f64,
    },
}

/// A stretch of readings that the trace keeps as one: normally a single reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    /// Seconds since the trace's beginning.
    pub(super) t: f64,
    /// The lowest median of three neighbouring readings.
    pub(super) low: f64,
    /// The highest.
    pub(super) high: f64,
    pub(super) epoch: u32,
    pub(super) fault: bool,
    pub(super) requests: Option<f64>,
}

/// More cells than this are never kept. A day at one reading every ten seconds has 8 640.
const CAPACITY: usize = 32_768;

/// The readings of one gauge of one process.
///
/// Each reading becomes the median of itself and its two neighbours of the same life. However many come, at most
/// 32 768 cells are kept: when they are full, neighbours are merged into cells of twice the length, which keep the
/// lowest and the highest of these medians. The judgement looks at the lowest values of longer windows, and so
/// hardly sees the merging.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    cells: Vec<Cell>,
    begin: Option<Offset>,
    last: Option<TracePoint>,
    /// The raw value before the last one, of the same life.
    before: Option<f64>,
    /// Length of a cell in seconds; zero while each reading has its own.
    length: f64,
    readings: u64,
}

impl Trace {
    /// An empty trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty trace that keeps one cell for each such length of time: for many traces at once.
    pub fn in_cells_of(length: Duration) -> Self {
        Self { length: length.as_secs_f64(), ..Self::default() }
    }

    /// Adds a reading.
    ///
    /// # Errors
    /// When its value is negative or not finite, or its time does not come after the one before. The trace is then unchanged.
    pub fn push(&mut self, point: TracePoint) -> Result<(), TraceError> {
        for n in [Some(point.value), point.requests].into_iter().flatten() {
            if !n.is_finite() {
                return Err(TraceError::NotFinite(n));
            }
            if n < 0.0 {
                return Err(TraceError::Negative(n));
            }
        }
        if let Some(last) = self.last {
            if point.at <= last.at {
                let (at, previous) = (point.at.as_secs_f64(), last.at.as_secs_f64());
                return Err(TraceError::NotAfter { at, previous });
            }
            let same = last.epoch == point.epoch;
            let smooth = match self.before {
                Some(before) if same => median(before, last.value, point.value),
                _ => last.value,
            };
            self.keep(&last, smooth);
            self.before = same.then_some(last.value);
        }
        self.begin.get_or_insert(point.at);
        self.last = Some(point);
        self.readings += 1;
        Ok(())
    }

    /// How many readings it was given.
    pub fn readings(&self) -> u64 {
        self.readings
    }

    /// Time of the first reading.
    pub(super) fn begin(&self) -> Offset {
        self.begin.unwrap_or_default()
    }

    /// Everything that was given, as cells in time order.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let mut whole = self.clone();
        if let Some(last) = self.last {
            whole.keep(&last, last.value);
        }
        whole.cells
    }

    fn keep(&mut self, point: &TracePoint, smooth: f64) {
        let cell = Cell {
            t: point.at.since(self.begin()).as_secs_f64(),
            low: smooth,
            high: smooth,
            epoch: point.epoch,
            fault: point.fault,
            requests: point.requests,
        };
        push_merged(&mut self.cells, cell, self.length, false);
        if self.cells.len() == CAPACITY {
            self.coarsen();
        }
    }

    /// Halves the number of cells, or nearly so: cells of different lives or weather stay apart as long as that suffices.
    fn coarsen(&mut self) {
        let span = self.cells[CAPACITY - 1].t - self.cells[0].t;
        self.length = (2.0 * self.length).max(span / (CAPACITY / 2) as f64);
        for across in [false, true] {
            let mut merged = Vec::with_capacity(CAPACITY);
            for cell in &self.cells {
                push_merged(&mut merged, *cell, self.length, across);
            }
            self.cells = merged;
            if self.cells.len() <= CAPACITY * 3 / 4 {
                return;
            }
        }
    }
}

/// Appends a cell, or merges it into the last one if both begin in the same stretch of `length` seconds; `across`
/// lives and faults only if asked to, and then the whole counts as disturbed.
fn push_merged(cells: &mut Vec<Cell>, cell: Cell, length: f64, across: bool) {
    // Times differ, so a length of zero keeps every cell apart.
    let together =
        |a: &Cell, b: &Cell| length > 0.0 && (a.t / length) as u64 == (b.t / length) as u64;
    match cells.last_mut() {
        Some(last) if together(last, &cell) => {
            let alike = last.epoch == cell.epoch && last.fault == cell.fault;
            if !alike && !across {
                cells.push(cell);
                return;
            }
            last.low = last.low.min(cell.low);
            last.high = last.high.max(cell.high);
            last.requests = cell.requests.or(last.requests);
            last.fault |= cell.fault || !alike;
            last.epoch = cell.epoch;
        }
        _ => cells.push(cell),
    }
}

fn median(a: f64, b: f64, c: f64) -> f64 {
    a.min(b).max(a.max(b).min(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(s: f64, value: f64, epoch: u32) -> TracePoint {
        let at = Offset::from_micros((s * 1e6) as u64);
        TracePoint { at, value, epoch, fault: false, requests: None }
    }

    #[test]
    fn a_single_outlier_disappears_and_lives_do_not_mix() {
        let mut trace = Trace::new();
        for (i, v) in [5.0, 6.0, 99.0, 7.0, 8.0].into_iter().enumerate() {
            trace.push(point(i as f64, v, 0)).unwrap();
        }
        trace.push(point(10.0, 1.0, 1)).unwrap();
        let lows: Vec<f64> = trace.cells().iter().map(|c| c.low).collect();
        assert_eq!(lows, [5.0, 6.0, 7.0, 8.0, 8.0, 1.0]);
    }

    #[test]
    fn wrong_readings_are_refused_and_change_nothing() {
        let mut trace = Trace::new();
        trace.push(point(1.0, 5.0, 0)).unwrap();
        assert!(matches!(trace.push(point(2.0, f64::NAN, 0)), Err(TraceError::NotFinite(_))));
        assert!(matches!(trace.push(point(2.0, -1.0, 0)), Err(TraceError::Negative(_))));
        assert!(matches!(trace.push(point(1.0, 5.0, 0)), Err(TraceError::NotAfter { .. })));
        assert_eq!(trace.readings(), 1);
    }

    #[test]
    fn memory_is_bounded_and_extremes_survive() {
        let mut trace = Trace::new();
        for i in 0..1_000_000 {
            let value = if i == 600_000 || i == 600_001 { 3.0 } else { 50.0 + f64::from(i % 7) };
            trace.push(point(f64::from(i), value, u32::from(i >= 500_000))).unwrap();
        }
        let cells = trace.cells();
        assert!((CAPACITY / 4..CAPACITY).contains(&cells.len()), "{}", cells.len());
        let lowest = cells.iter().min_by(|a, b| a.low.total_cmp(&b.low)).unwrap();
        assert!(lowest.low < 3.5 && (lowest.t - 600_000.0).abs() < 100.0, "{lowest:?}");
        assert_eq!(cells.iter().filter(|c| c.epoch == 0 && c.t > 500_000.0).count(), 0);
    }

    #[test]
    fn cells_of_a_minute_keep_the_lowest_and_the_highest_of_it() {
        let mut trace = Trace::in_cells_of(Duration::from_mins(1));
        for i in 0..18 {
            let value = [50.0, 50.0, 50.0, 20.0, 20.0, 80.0, 80.0][i as usize % 7];
            trace.push(point(f64::from(i) * 10.0, value, 0)).unwrap();
        }
        let cells: Vec<_> = trace.cells().iter().map(|c| (c.t, c.low, c.high)).collect();
        assert_eq!(cells, [(0.0, 20.0, 80.0), (60.0, 20.0, 80.0), (120.0, 20.0, 80.0)]);
    }

    #[test]
    fn a_life_for_each_reading_is_bounded_too() {
        let mut trace = Trace::new();
        for i in 0..200_000 {
            trace.push(point(f64::from(i), 1.0, i as u32)).unwrap();
        }
        assert!(trace.cells().len() < CAPACITY);
    }
}
