//! `saturating`: rises ever slower towards a level, as caches and pools do.

use super::{Family, Ground, Term, Variant};

pub(super) struct Saturating;

/// Time constants tried.
const GRID: usize = 22;

impl Family for Saturating {
    fn name(&self) -> &'static str {
        "saturating"
    }

    /// Time constants from an eighth of a window to three times the highest age, at most the longest warm-up that is
    /// thought possible, in equal ratios. Slow ones must rise: a slow fall is no warm-up.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        let shortest = (ground.window / 8.0).max(ground.oldest / 200.0);
        let longest = ground.longest_warmup.min(3.0 * ground.oldest).max(4.0 * ground.window);
        (0..GRID)
            .map(|i| {
                let share = i as f64 / (GRID - 1) as f64;
                let constant = shortest * (longest / shortest).powf(share);
                Variant::of(Term::Saturation { constant }, 1).rising(constant > ground.oldest / 4.0)
            })
            .collect()
    }
}
