//! Sixth step: which explanations the verdict must hold with, and the range of slopes over them.

use super::fit::{Estimate, Fitted};
use super::shapes::{EXPLANATIONS, nested};
use crate::record::Range;

/// An explanation is plausible while its criterion is at most so much above the best: one to twelve by the approximate Bayes
/// factor. Kass and Raftery (1995) call evidence strong from 6, one to twenty, on; on labelled series that finds one ordinary
/// leak in a hundred less, and saves one false alarm in fifteen hundred.
const PLAUSIBLE: f64 = 5.0;
/// For the upper end of the slope every explanation within so much counts, simpler rivals or not.
const POSSIBLE: f64 = 10.0;

/// The fitted candidates, weighed.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// By increasing criterion; never empty.
    pub(super) fitted: Vec<Fitted>,
    /// Indices of the plausible ones: Occam's window (Madigan and Raftery 1994), that is within reach of the best, and
    /// no special case of it fits better.
    pub(super) plausible: Vec<usize>,
    /// Slope, percent of the first level per hour: the best estimate; the least that lasts by any plausible explanation;
    /// the most at the record's end by any possible one.
    pub(super) slope: Range,
    /// Half the width of the range of the best explanation that grows for ever; how sharply this envelope sees.
    pub(super) blur: f64,
}

impl Selection {
    /// Weighs the candidates; `None` when nothing could be fitted.
    pub(super) fn new(fitted: Vec<Fitted>) -> Option<Self> {
        let lowest = fitted.first()?.bic;
        let mut best_of = [f64::INFINITY; EXPLANATIONS.len()];
        for f in &fitted {
            let best = &mut best_of[f.candidate.explanation];
            *best = best.min(f.bic);
        }
        let simplest = |f: &Fitted| {
            let own = EXPLANATIONS[f.candidate.explanation];
            let mut rivals = EXPLANATIONS.iter().zip(&best_of);
            rivals.all(|(other, bic)| !nested(other, own) || *bic >= f.bic)
        };
        let plausible: Vec<usize> = (0..fitted.len())
            .take_while(|i| fitted[*i].bic <= lowest + PLAUSIBLE)
            .filter(|i| simplest(&fitted[*i]))
            .collect();
        let low = plausible.iter().map(|i| least(&fitted[*i])).fold(f64::INFINITY, f64::min);
        let high =
            possible(&fitted).map(|f| most(f, lowest + POSSIBLE)).fold(f64::NEG_INFINITY, f64::max);
        let best = &fitted[0];
        // What falls for ever below a rise that ends says nothing of the growth there is.
        let lasting = best.lasting.filter(|lasting| lasting.value > 0.0);
        let value = lasting.unwrap_or(best.terminal).value;
        let growing = fitted.iter().find_map(|f| Some(f.t * f.lasting?.error));
        Some(Self {
            plausible,
            slope: Range { value, low: low.min(value), high: high.max(value) },
            blur: growing.unwrap_or(f64::INFINITY),
            fitted,
        })
    }

    /// The best explanation.
    pub(super) fn best(&self) -> &Fitted {
        &self.fitted[0]
    }

    /// The plausible explanations, best first.
    pub(super) fn plausible(&self) -> impl Iterator<Item = &Fitted> {
        self.plausible.iter().map(|i| &self.fitted[*i])
    }

    /// The possible explanations, best first.
    pub(super) fn possible(&self) -> impl Iterator<Item = &Fitted> {
        possible(&self.fitted)
    }

    /// The best of an explanation, by its number.
    pub(super) fn best_of(&self, explanation: usize) -> Option<&Fitted> {
        self.fitted.iter().find(|f| f.candidate.explanation == explanation)
    }
}

fn possible(fitted: &[Fitted]) -> impl Iterator<Item = &Fitted> {
    let lowest = fitted.first().map_or(0.0, |f| f.bic);
    fitted.iter().take_while(move |f| f.bic <= lowest + POSSIBLE)
}

/// The least slope that lasts, by this explanation: zero when nothing in it grows for ever.
pub(super) fn least(f: &Fitted) -> f64 {
    f.lasting.map_or(0.0, |l| l.value - f.t * l.error)
}

/// The highest slope at the end, by this explanation, and with growth besides where that is possible by the criterion.
fn most(f: &Fitted, possible: f64) -> f64 {
    let highest = |slope: Estimate| slope.value + f.t * slope.error;
    let besides = f.besides.filter(|besides| besides.bic <= possible);
    besides.map_or(f64::NEG_INFINITY, |b| highest(b.terminal)).max(highest(f.terminal))
}
