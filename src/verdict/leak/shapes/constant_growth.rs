//! `linear`: grows at a constant rate.

use super::{Family, Ground, Term, Variant};

pub(super) struct Linear;

impl Family for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn variants(&self, _: &Ground) -> Vec<Variant> {
        vec![Variant::of(Term::Age, 0)]
    }
}
