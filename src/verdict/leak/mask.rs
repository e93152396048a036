//! First step: leave out what faults disturb.

use super::trace::Cell;

/// Readings are left out for so long after a fault, seconds.
const AFTERMATH: f64 = 300.0;
/// After a fault that killed the process the new one needs only so long, seconds.
const AFTER_A_KILL: f64 = 30.0;
/// A new life that begins within so many seconds of a fault's end belongs to that fault.
const KILLED_WITHIN: f64 = 120.0;

/// For each cell whether it counts: no fault is in force, and the last one is over long enough.
pub(super) fn clear(cells: &[Cell]) -> Vec<bool> {
    let births: Vec<f64> =
        cells.windows(2).filter(|w| w[0].epoch != w[1].epoch).map(|w| w[1].t).collect();
    let killed = |at: f64| births.iter().any(|b| (b - at).abs() < KILLED_WITHIN);
    let mut quiet_from = f64::NEG_INFINITY;
    let mut clear = Vec::with_capacity(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        clear.push(!cell.fault && cell.t > quiet_from);
        let last_of_fault = cell.fault && cells.get(i + 1).is_none_or(|next| !next.fault);
        if last_of_fault {
            let rest = if killed(cell.t) { AFTER_A_KILL } else { AFTERMATH };
            quiet_from = cell.t + rest;
        }
    }
    clear
}

/// The stretches left out, in seconds of the trace.
pub(super) fn masked(cells: &[Cell], clear: &[bool]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let mut open = false;
    for (cell, clear) in cells.iter().zip(clear) {
        match (spans.last_mut(), clear) {
            (Some(last), false) if open => last.1 = cell.t,
            (_, false) => spans.push((cell.t, cell.t)),
            (Some(last), true) if open => last.1 = cell.t,
            _ => {}
        }
        open = !clear;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(fault: std::ops::Range<usize>, born: usize) -> Vec<Cell> {
        (0..100)
            .map(|i| Cell {
                t: i as f64 * 10.0,
                low: 1.0,
                high: 1.0,
                epoch: u32::from(i >= born),
                fault: fault.contains(&i),
                requests: None,
            })
            .collect()
    }

    #[test]
    fn a_fault_is_left_out_with_its_aftermath() {
        let cells = cells(20..25, 1000);
        let clear = clear(&cells);
        let first = clear.iter().position(|c| !c).unwrap();
        let back = first + clear[first..].iter().position(|c| *c).unwrap();
        assert_eq!((first, back), (20, 24 + 31));
        assert_eq!(masked(&cells, &clear), [(200.0, 550.0)]);
    }

    #[test]
    fn a_killed_process_starts_afresh() {
        let cells = cells(20..25, 26);
        let clear = clear(&cells);
        assert!(!clear[27] && clear[28]);
    }

    #[test]
    fn nothing_is_left_out_without_faults() {
        let cells = cells(0..0, 50);
        let clear = clear(&cells);
        assert!(clear.iter().all(|c| *c) && masked(&cells, &clear).is_empty());
    }
}
