//! Many readings on few pixels: mean and extremes per column.

use std::time::Duration;

use crate::clock::Offset;

/// The readings that fall on one column of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) x: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
    pub(super) n: u32,
}

/// Cells from left to right; a new stretch begins after a hole longer than `hole`. Non-finite readings are holes.
pub(super) fn reduce(
    points: &[(Offset, f64)],
    hole: Duration,
    x: impl Fn(Offset) -> f64,
) -> Vec<Vec<Cell>> {
    let mut stretches: Vec<Vec<Cell>> = Vec::new();
    let mut last: Option<Offset> = None;
    let dense = is_dense(points, &x);
    for &(at, value) in points.iter().filter(|p| p.1.is_finite()) {
        let place = x(at);
        let place = if dense { place.floor() + 0.5 } else { place };
        if last.is_none_or(|l| at.since(l) > hole) {
            stretches.push(Vec::new());
        }
        last = Some(at);
        let Some(stretch) = stretches.last_mut() else { continue };
        match stretch.last_mut() {
            Some(cell) if dense && (cell.x - place).abs() < 0.01 => {
                cell.min = cell.min.min(value);
                cell.max = cell.max.max(value);
                cell.mean += (value - cell.mean) / f64::from(cell.n + 1);
                cell.n += 1;
            }
            _ => stretch.push(Cell { x: place, min: value, max: value, mean: value, n: 1 }),
        }
    }
    stretches
}

/// More than three readings on two pixels.
fn is_dense(points: &[(Offset, f64)], x: impl Fn(Offset) -> f64) -> bool {
    match (points.first(), points.last()) {
        (Some(first), Some(last)) => points.len() as f64 > 1.5 * (x(last.0) - x(first.0)).max(1.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(from: u64, to: u64, value: impl Fn(u64) -> f64) -> Vec<(Offset, f64)> {
        (from..to).map(|s| (Offset::from_micros(s * 1_000_000), value(s))).collect()
    }

    #[test]
    fn extremes_survive_and_cells_are_few() {
        let points = seconds(0, 10_000, |s| if s == 7_777 { 900.0 } else { (s % 10) as f64 });
        let cells = reduce(&points, Duration::from_secs(3), |at| at.as_secs_f64() / 100.0);
        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].len(), 100);
        assert_eq!(cells[0].iter().map(|c| c.n).sum::<u32>(), 10_000);
        assert!((cells[0][77].max - 900.0).abs() < 1e-9 && cells[0][77].min.abs() < 1e-9);
        assert!((cells[0][3].mean - 4.5).abs() < 1e-9);
    }

    #[test]
    fn a_hole_in_the_readings_is_a_hole_in_the_line() {
        let mut points = seconds(0, 10, |_| 1.0);
        points.extend(seconds(20, 25, |_| 2.0));
        points.push((Offset::from_micros(26_000_000), f64::NAN));
        let cells = reduce(&points, Duration::from_secs(3), |at| at.as_secs_f64() * 10.0);
        assert_eq!(cells.iter().map(Vec::len).collect::<Vec<_>>(), [10, 5]);
    }
}
