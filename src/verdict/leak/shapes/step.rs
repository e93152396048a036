//! `step`: jumps once, up or down.

use super::{Family, Ground, Term, Variant};

pub(super) struct Step;

/// At most so many places are tried.
const PLACES: usize = 72;

impl Family for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    /// Between any two windows but the outermost (or every so many of them in a long record), within one life.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        let windows = ground.windows;
        let stride = windows.len().div_ceil(PLACES).max(1);
        (2..windows.len().saturating_sub(1))
            .step_by(stride)
            .filter(|i| windows[*i].life == windows[*i - 1].life)
            .filter(|i| windows.get(*i + 1).is_some_and(|w| w.life == windows[*i].life))
            .map(|i| {
                let moment = f64::midpoint(windows[i - 1].at, windows[i].at);
                let life = (ground.lives > 1).then_some(windows[i].life);
                Variant::of(Term::After { moment, life }, 2)
            })
            .collect()
    }
}
