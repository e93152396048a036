//! What others do: the usual ways of calling a leak, written as their users write them.
//!
//! They see the values as they are, and all but Theil and Sen's on minima know nothing of restarts, faults or
//! saw-teeth. All but the growth limit ask for growth of more than 0.15 % of the first level an hour, at a
//! one-sided significance of 0.005, as longhaul's own method does.

mod growth_limit;
mod least_squares;
mod mann_kendall;
mod theil_sen;
mod windows;

pub(crate) use growth_limit::GrowthLimit;
pub(crate) use least_squares::LeastSquares;
pub(crate) use mann_kendall::MannKendall;
pub(crate) use theil_sen::TheilSen;

/// Growth that nobody minds, as a fraction of the first level per hour.
const TRIFLE: f64 = 0.0015;
/// The normal deviate that is exceeded with a probability of 0.005.
const Z: f64 = 2.575_829;
