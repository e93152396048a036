//! `cycle`: swings with the time of day or a periodic job.

use super::{Family, Ground, Term, Variant};

pub(super) struct Cycle;

impl Family for Cycle {
    fn name(&self) -> &'static str {
        "cycle"
    }

    /// One to twelve periods in the record, each at least three windows long.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        let (Some(first), Some(last)) = (ground.windows.first(), ground.windows.last()) else {
            return Vec::new();
        };
        let span = last.at - first.at;
        let quarters = (4..16).map(|i| f64::from(i) * 0.25);
        let halves = (8..=24).map(|i| f64::from(i) * 0.5);
        quarters
            .chain(halves)
            .map(|n| span / n)
            .filter(|period| *period > 3.0 * ground.window)
            .map(|period| Variant {
                terms: vec![Term::Sine { period }, Term::Cosine { period }],
                searched: 1,
                rising: false,
            })
            .collect()
    }
}
