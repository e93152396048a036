//! `load`: follows the request rate.

use super::super::load::{LAGS, WindowLoad};
use super::{Family, Ground, Term, Variant};

pub(super) struct Load;

impl Family for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    /// One for each lag, with the window's lowest rate and with its mean, where the rate varies.
    fn variants(&self, ground: &Ground) -> Vec<Variant> {
        let known = ground.windows.iter().any(|w| w.load != WindowLoad::default());
        let lags = if known { 0..LAGS.len() } else { 0..0 };
        let term = |lag, lowest| Variant::of(Term::Load { lag, lowest }, 1).rising(true);
        lags.flat_map(|lag| [true, false].map(|lowest| term(lag, lowest))).collect()
    }
}
