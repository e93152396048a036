//! `saw-tooth`: grows since the last large drop. For teeth that are longer than the windows.

use super::{Family, Ground, Term, Variant};

pub(super) struct Teeth;

/// After so many whole teeth, from drop to drop, the next drop is expected.
const WHOLE_TEETH: usize = 3;

impl Family for Teeth {
    fn name(&self) -> &'static str {
        "saw-tooth"
    }

    /// One, where drops were seen. What came before the first drop may lie on a level of its own.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        if ground.drops.is_empty() {
            return Vec::new();
        }
        let half = ground.window / 2.0;
        let own = Term::BeforeFirstDrop { half };
        let before = ground.windows.iter().filter(|w| own.value(w, ground.drops) > 0.0).count();
        let mut terms = vec![Term::SinceDrop { half, again: ground.drops.len() > WHOLE_TEETH }];
        if (1..ground.windows.len()).contains(&before) {
            terms.push(own);
        }
        vec![Variant { terms, searched: 1, rising: false }]
    }
}
