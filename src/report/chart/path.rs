//! SVG path data. Coordinates are absolute with one decimal, so that the page's script can read them back.

use std::fmt::Write as _;

use super::reduce::Cell;

/// A line through the means.
pub(super) fn line(stretches: &[Vec<Cell>], y: impl Fn(f64) -> f64) -> String {
    let mut d = String::new();
    for stretch in stretches {
        for (i, cell) in stretch.iter().enumerate() {
            point(&mut d, if i == 0 { 'M' } else { 'L' }, cell.x, y(cell.mean));
        }
        // A lone reading would be invisible: a line of no length with round ends is a dot.
        if let [cell] = stretch.as_slice() {
            point(&mut d, 'L', cell.x, y(cell.mean));
        }
    }
    d
}

/// The area between lowest and highest; empty where no column holds more than one reading.
pub(super) fn band(stretches: &[Vec<Cell>], y: impl Fn(f64) -> f64) -> String {
    let mut d = String::new();
    for stretch in stretches.iter().filter(|s| s.iter().any(|c| c.n > 1)) {
        for (i, cell) in stretch.iter().enumerate() {
            point(&mut d, if i == 0 { 'M' } else { 'L' }, cell.x, y(cell.max));
        }
        for cell in stretch.iter().rev() {
            point(&mut d, 'L', cell.x, y(cell.min));
        }
        d.push('Z');
    }
    d
}

fn point(d: &mut String, verb: char, x: f64, y: f64) {
    // Writing to a string does not fail.
    write!(d, "{verb}{x:.1},{y:.1}").ok();
}
