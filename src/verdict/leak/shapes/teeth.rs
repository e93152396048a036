//! `saw-tooth`: grows since the last large drop. For teeth that are longer than the windows.

use super::{Family, Ground, Term, Variant};

pub(super) struct Teeth;

impl Family for Teeth {
    fn name(&self) -> &'static str {
        "saw-tooth"
    }

    /// One, where drops were seen. What came before the first drop may lie on a level of its own.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        let Some(first) = ground.drops.first() else { return Vec::new() };
        let before = ground.windows.iter().filter(|w| w.at < *first).count();
        let mut terms = vec![Term::SinceDrop];
        if (1..ground.windows.len()).contains(&before) {
            terms.push(Term::BeforeFirstDrop);
        }
        vec![Variant { terms, searched: 1, rising: false }]
    }
}
