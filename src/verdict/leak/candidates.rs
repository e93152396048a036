//! Everything that is tried: each explanation with each variant of its shapes.

use super::envelope::Window;
use super::shapes::{self, EXPLANATIONS, Ground, Shape, Term, Variant};

/// An explanation has at most so many coefficients, besides the intercepts.
pub(super) const MOST_TERMS: usize = 4;

/// One curve family with its non-linear parameters fixed: a linear combination of columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// Which of [`EXPLANATIONS`].
    pub(super) explanation: usize,
    columns: [u16; MOST_TERMS],
    rising: [bool; MOST_TERMS],
    terms: u8,
    /// Non-linear parameters that were searched for.
    pub(super) searched: u8,
}

impl Candidate {
    /// The columns of its terms. Column 0 holds the values.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.columns[..usize::from(self.terms)].iter().map(|c| usize::from(*c))
    }

    /// How many terms.
    pub(super) fn terms(&self) -> usize {
        usize::from(self.terms)
    }

    /// Whether these coefficients are what the explanation means: what must rise does.
    pub(super) fn accepts(&self, coefficients: &[f64]) -> bool {
        coefficients.iter().zip(&self.rising).all(|(c, rising)| !rising || *c > 0.0)
    }
}

/// Every candidate with the terms that they share.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    /// The term of each column from 1 on.
    terms: Vec<Term>,
    pub(super) all: Vec<Candidate>,
}

const SHAPES: [Shape; 10] = [
    Shape::Linear,
    Shape::Saturating,
    Shape::Logarithmic,
    Shape::Plateau,
    Shape::Step,
    Shape::Onset,
    Shape::Cycle,
    Shape::Teeth,
    Shape::Load,
    Shape::PerRequest,
];

/// A shape's variants with the column of each one's first term.
type Laid = Vec<(usize, Variant)>;

impl Candidates {
    /// What can be tried on this ground. An explanation with more parameters than a quarter of the windows is left out.
    pub(super) fn new(ground: &Ground) -> Self {
        let mut out = Self::default();
        let laid: Vec<(Shape, Laid)> = SHAPES
            .into_iter()
            .map(|shape| {
                let variants = shape.variants(ground).into_iter().map(|variant| {
                    let column = out.terms.len() + 1;
                    out.terms.extend(&variant.terms);
                    (column, variant)
                });
                (shape, variants.collect())
            })
            .collect();
        let most = (ground.windows.len() / 4).max(3);
        for (number, explanation) in EXPLANATIONS.iter().enumerate() {
            out.combine(number, explanation, &laid, ground, most, &mut Vec::new());
        }
        out
    }

    /// Tries every variant of the next shape of an explanation on top of the `chosen` ones.
    fn combine<'a>(
        &mut self,
        number: usize,
        explanation: &[Shape],
        laid: &'a [(Shape, Laid)],
        ground: &Ground,
        most: usize,
        chosen: &mut Vec<&'a (usize, Variant)>,
    ) {
        let Some(shape) = explanation.get(chosen.len()) else {
            let variants: Vec<&Variant> = chosen.iter().map(|(_, v)| v).collect();
            if let Some(rising) = shapes::admit(explanation, &variants, ground) {
                self.all.extend(candidate(number, chosen, &rising, most));
            }
            return;
        };
        // The same shape twice: each pair once, and not next to each other on the grid.
        let twin = chosen.len().checked_sub(1).filter(|i| explanation[*i] == *shape);
        for (_, variants) in laid.iter().filter(|(s, _)| s == shape) {
            let from = twin.map_or(0, |i| {
                let place = variants.iter().position(|v| v.0 == chosen[i].0);
                place.map_or(0, |p| p + 2)
            });
            for variant in variants.iter().skip(from) {
                chosen.push(variant);
                self.combine(number, explanation, laid, ground, most, chosen);
                chosen.pop();
            }
        }
    }

    /// The rows of the fit: the value of each window and all terms.
    pub(super) fn rows(&self, windows: &[Window], values: &[f64], drops: &[f64]) -> Vec<Vec<f64>> {
        windows
            .iter()
            .zip(values)
            .map(|(window, value)| {
                let terms = self.terms.iter().map(|t| t.value(window, drops));
                std::iter::once(*value).chain(terms).collect()
            })
            .collect()
    }

    /// A candidate with growth at a constant rate on top; `None` where something in it grows for ever already, or there is
    /// no room.
    pub(super) fn growing(&self, candidate: &Candidate) -> Option<Candidate> {
        if self.terms_of(candidate).any(Term::lasts) {
            return None;
        }
        let age = self.terms.iter().position(|term| *term == Term::Age)?;
        let mut growing = *candidate;
        *growing.columns.get_mut(candidate.terms())? = u16::try_from(age + 1).ok()?;
        growing.terms += 1;
        Some(growing)
    }

    /// The terms of a candidate.
    pub(super) fn terms_of(&self, candidate: &Candidate) -> impl Iterator<Item = &Term> {
        candidate.columns().map(|c| &self.terms[c - 1])
    }
}

fn candidate(
    explanation: usize,
    chosen: &[&(usize, Variant)],
    rising: &[bool],
    most: usize,
) -> Option<Candidate> {
    let mut columns = [0; MOST_TERMS];
    let places = chosen.iter().flat_map(|(column, v)| *column..column + v.terms.len());
    let mut terms = 0;
    for place in places {
        *columns.get_mut(terms)? = u16::try_from(place).ok()?;
        terms += 1;
    }
    let searched: usize = chosen.iter().map(|(_, v)| v.searched).sum();
    let mut flags = [false; MOST_TERMS];
    flags[..terms].copy_from_slice(rising);
    (terms + searched < most).then_some(Candidate {
        explanation,
        columns,
        rising: flags,
        terms: terms as u8,
        searched: searched as u8,
    })
}
