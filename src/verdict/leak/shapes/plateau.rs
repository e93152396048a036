//! `plateau`: rises at a constant rate and stops, as a bounded buffer does. With `linear`: two rates.

use super::{Family, Ground, Term, Variant};

pub(super) struct Plateau;

impl Family for Plateau {
    fn name(&self) -> &'static str {
        "plateau"
    }

    /// Knees from 15 % to 75 % of the highest age.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        (3..=15)
            .map(|i| {
                let knee = f64::from(i) * 0.05 * ground.oldest;
                Variant::of(Term::Until { knee }, 1).rising(true)
            })
            .collect()
    }
}
