//! `per request`: grows with every request, where these do not come at a constant rate: a leak.

use super::{Family, Ground, Term, Variant};

pub(super) struct PerRequest;

impl Family for PerRequest {
    fn name(&self) -> &'static str {
        "per request"
    }

    /// One, where the rate varies.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        let varies = ground.windows.iter().any(|w| w.load.work > 0.0);
        varies.then(|| Variant::of(Term::Work, 0)).into_iter().collect()
    }
}
