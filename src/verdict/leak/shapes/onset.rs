//! `onset`: is flat, then grows.

use super::{Family, Ground, Term, Variant};

pub(super) struct Onset;

impl Family for Onset {
    fn name(&self) -> &'static str {
        "onset"
    }

    /// From 10 % to 60 % of the age; only of a process that did not start again.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        if ground.lives > 1 {
            return Vec::new();
        }
        (2..=12)
            .map(|i| {
                let onset = f64::from(i) * 0.05 * ground.oldest;
                Variant::of(Term::Since { onset }, 1)
            })
            .collect()
    }
}
