//! `logarithmic`: rises ever slower, without a level, as heavy-tailed caches and fragmentation do.

use super::{Family, Ground, Term, Variant};

pub(super) struct Logarithmic;

/// Units tried, as shares of the highest age.
const SHARES: [f64; 5] = [0.003, 0.01, 0.03, 0.1, 0.3];

impl Family for Logarithmic {
    fn name(&self) -> &'static str {
        "logarithmic"
    }

    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        SHARES
            .iter()
            .map(|share| {
                Variant::of(Term::Logarithm { unit: share * ground.oldest }, 1).rising(true)
            })
            .collect()
    }
}
