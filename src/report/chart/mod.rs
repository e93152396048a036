//! Charts as SVG: time to the right, a figure upwards, faults shaded on every one.
//!
//! In go series of figures; out comes markup. Colours come from the page's style sheet by class, so a chart
//! follows the page's light or dark scheme. Lines are told apart by their label and dash too, never by colour alone.

mod draw;
mod frame;
mod labels;
mod path;
mod reduce;
mod scale;

pub(super) use draw::{Bars, Chart, Line, Look, Points};
pub(super) use frame::Frame;
pub(super) use scale::{Scale, Unit, nice_span};
