//! Leaks: is a gauge of a process growing without bound, or is there another explanation?
//!
//! Owns the method of rival explanations. In go the readings of one gauge of one process ([`Trace`]) and what is asked
//! of them ([`Question`]); out comes a [`LeakFinding`]. One file for each step: `mask` leaves out what faults disturb,
//! `sawtooth` finds a collector's teeth, `envelope` takes the lowest value of each window, `shapes` are the rival
//! explanations, `gram` and `fit` fit them with correlated residuals, `selection` keeps those that the verdict must
//! hold with, `decide` draws the verdict, `projection` says when the limit is reached. `drift` asks
//! the same of figures that are not gauges. Never reads a clock or a file.

mod candidates;
mod change;
mod decide;
mod drift;
mod envelope;
mod fit;
mod gram;
mod lives;
mod load;
mod look;
mod mask;
mod projection;
mod question;
mod readings;
mod sawtooth;
mod selection;
mod shapes;
mod table;
#[cfg(test)]
mod testing;
mod trace;
mod words;

pub(super) use drift::{Drift, DriftPoint, LEAST_POINTS, drift};
pub use question::Question;
pub use trace::{Trace, TraceError, TracePoint};

use decide::Stage;

use crate::record::LeakFinding;

/// Judges a finished record.
pub fn judge_trace(trace: &Trace, question: &Question) -> LeakFinding {
    decide::finding(trace, question, Stage::Finished)
}

/// Judges a record that still grows: at most `suspected`.
pub fn judge_so_far(trace: &Trace, question: &Question) -> LeakFinding {
    decide::finding(trace, question, Stage::Live)
}
