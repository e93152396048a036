//! Fifth step: how well each candidate explains the envelope.
//!
//! Generalised least squares with AR(1) residuals (Prais and Winsten 1954). The correlation is each candidate's own:
//! the likeliest one for comparing candidates by the Bayesian information criterion (Schwarz 1978), the restricted
//! likelihood's (Patterson and Thompson 1971), which a flexible curve does not bend downwards, for the errors.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::candidates::{Candidate, Candidates, MOST_TERMS};
use super::gram::{Gram, Products};
use super::shapes::{Ground, Term};

/// An estimate with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// A candidate, fitted.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    pub(super) candidate: Candidate,
    /// Bayesian information criterion.
    pub(super) bic: f64,
    /// Correlation of neighbouring windows' residuals.
    pub(super) phi: f64,
    /// Of its terms.
    pub(super) coefficients: Vec<f64>,
    /// The slope at the record's end, percent of the first level per hour.
    pub(super) terminal: Estimate,
    /// Something that grows at a constant rate besides: what the explanation would then be.
    pub(super) besides: Option<Besides>,
    /// The slope that lasts, likewise; `None` for an explanation in which nothing grows for ever.
    pub(super) lasting: Option<Estimate>,
    /// From the first window to the last, percent of the first level, without what comes and goes.
    pub(super) net: Estimate,
    /// The 99.5th percentile of Student's t for its degrees of freedom.
    pub(super) t: f64,
}

/// An explanation with growth at a constant rate besides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Besides {
    /// Its criterion.
    pub(super) bic: f64,
    /// Its slope at the record's end, percent of the first level per hour.
    pub(super) terminal: Estimate,
}

/// Correlations for a first look at all candidates.
const COARSE: [f64; 4] = [0.15, 0.55, 0.82, 0.95];
/// Correlations for those that may matter.
const FINE: [f64; 15] =
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.68, 0.75, 0.81, 0.86, 0.9, 0.935, 0.96, 0.98];
/// A candidate that is so much worse at first look can't come back.
const HOPELESS: f64 = 30.0;
/// Probability that the truth is below the upper end of a range, and likewise above the lower one.
const CONFIDENCE: f64 = 0.995;
/// Fewer degrees of freedom than this are never assumed, as more than that can't be told from so few.
const LEAST_FREEDOM: f64 = 3.0;

/// What is fitted.
pub(super) struct Fit<'a> {
    pub(super) candidates: &'a Candidates,
    pub(super) products: &'a Products,
    pub(super) ground: &'a Ground<'a>,
    /// Variance that the gauge's own grain brings, percent squared.
    pub(super) grain: f64,
}

/// A candidate at one correlation.
struct Solution {
    coefficients: [f64; MOST_TERMS],
    /// Cholesky's root of the normal matrix, row by row.
    root: [[f64; MOST_TERMS]; MOST_TERMS],
    log_determinant: f64,
    residual: f64,
}

impl Fit<'_> {
    /// Every candidate that is not hopeless, and the best of each explanation, by increasing criterion.
    pub(super) fn all(&self) -> Vec<Fitted> {
        let mut likely = self.likely();
        let fine: Vec<Gram> = FINE.iter().map(|phi| self.products.at(*phi)).collect();
        let mut fitted: Vec<Fitted> =
            likely.drain(..).filter_map(|candidate| self.refine(candidate, &fine)).collect();
        fitted.sort_by(|a, b| a.bic.total_cmp(&b.bic));
        fitted
    }

    fn likely(&self) -> Vec<Candidate> {
        let mut rough = vec![f64::INFINITY; self.candidates.all.len()];
        for phi in COARSE {
            let gram = self.products.at(phi);
            for (candidate, best) in self.candidates.all.iter().zip(&mut rough) {
                if let Some(solution) = solve(&gram, candidate) {
                    *best = best.min(self.criterion(&gram, candidate, &solution, phi));
                }
            }
        }
        let lowest = rough.iter().copied().fold(f64::INFINITY, f64::min);
        let mut best_of = vec![f64::INFINITY; super::shapes::EXPLANATIONS.len()];
        for (candidate, bic) in self.candidates.all.iter().zip(&rough) {
            best_of[candidate.explanation] = best_of[candidate.explanation].min(*bic);
        }
        self.candidates
            .all
            .iter()
            .zip(&rough)
            .filter(|(c, bic)| {
                bic.is_finite() && (**bic <= lowest + HOPELESS || **bic <= best_of[c.explanation])
            })
            .map(|(candidate, _)| *candidate)
            .collect()
    }

    /// Finds the candidate's correlations and its estimates.
    fn refine(&self, candidate: Candidate, grams: &[Gram]) -> Option<Fitted> {
        let mut bic = f64::INFINITY;
        let mut restricted = (f64::INFINITY, 0);
        for (i, (gram, phi)) in grams.iter().zip(FINE).enumerate() {
            let Some(solution) = solve(gram, &candidate) else { continue };
            bic = bic.min(self.criterion(gram, &candidate, &solution, phi));
            let free = (self.products.rows() - self.products.lives() - candidate.terms()) as f64;
            let residual = self.with_grain(solution.residual, phi);
            let value = free * residual.ln()
                + gram.log_correlation
                + gram.log_intercepts
                + solution.log_determinant;
            if value < restricted.0 {
                restricted = (value, i);
            }
        }
        let (gram, phi) = (grams.get(restricted.1)?, FINE[restricted.1]);
        let solution = solve(gram, &candidate)?;
        let n = self.products.rows() as f64;
        let free = (n - self.parameters(&candidate)).max(1.0);
        let variance = self.with_grain(solution.residual, phi) / free;
        let weights = |of: &dyn Fn(&Term) -> f64| -> Vec<f64> {
            self.candidates.terms_of(&candidate).map(of).collect()
        };
        let estimate = |of: &dyn Fn(&Term) -> f64| solution.combine(&weights(of), variance);
        let freedom = (free * (1.0 - phi) / (1.0 + phi)).max(LEAST_FREEDOM);
        let t = t_quantile(freedom);
        let terminal = estimate(&|term| term.terminal_slope(self.ground));
        let lasts = self.candidates.terms_of(&candidate).any(Term::lasts);
        Some(Fitted {
            candidate,
            bic,
            phi,
            coefficients: solution.coefficients[..candidate.terms()].to_vec(),
            terminal,
            besides: self.besides(gram, &candidate, phi),
            lasting: lasts.then(|| estimate(&|term| f64::from(term.lasts()))),
            net: estimate(&|term| term.net(self.ground)),
            t,
        })
    }

    /// The candidate with growth at a constant rate besides. `None` where it has that in it, or the two can't be told apart.
    fn besides(&self, gram: &Gram, candidate: &Candidate, phi: f64) -> Option<Besides> {
        let growing = self.candidates.growing(candidate)?;
        let solution = solve(gram, &growing)?;
        let free = (self.products.rows() as f64 - self.parameters(&growing)).max(1.0);
        let terms = self.candidates.terms_of(&growing);
        let slopes: Vec<f64> = terms.map(|term| term.terminal_slope(self.ground)).collect();
        let terminal = solution.combine(&slopes, self.with_grain(solution.residual, phi) / free);
        Some(Besides { bic: self.criterion(gram, &growing, &solution, phi), terminal })
    }

    /// Intercepts, coefficients and searched parameters.
    fn parameters(&self, candidate: &Candidate) -> f64 {
        (self.products.lives() + candidate.terms() + usize::from(candidate.searched)) as f64
    }

    /// Minus twice the log-likelihood, but for a constant, and `ln n` for each parameter.
    fn criterion(&self, gram: &Gram, candidate: &Candidate, solution: &Solution, phi: f64) -> f64 {
        let n = self.products.rows() as f64;
        let residual = self.with_grain(solution.residual, phi);
        n * (residual / n).ln() + gram.log_correlation + self.parameters(candidate) * n.ln()
    }

    /// The whitened residuals' sum of squares with what the grain alone would make of it: no fit is better than the gauge.
    fn with_grain(&self, residual: f64, phi: f64) -> f64 {
        residual.max(0.0) + self.products.rows() as f64 * self.grain * (1.0 + phi * phi)
    }
}

impl Solution {
    /// The estimate of a weighted sum of the coefficients.
    fn combine(&self, weights: &[f64], variance: f64) -> Estimate {
        let value = weights.iter().zip(&self.coefficients).map(|(w, c)| w * c).sum();
        let mut half = [0.0; MOST_TERMS];
        for (i, weight) in weights.iter().enumerate() {
            let done: f64 = (0..i).map(|k| self.root[i][k] * half[k]).sum();
            half[i] = (weight - done) / self.root[i][i];
        }
        let squared: f64 = half.iter().map(|h| h * h).sum();
        Estimate { value, error: (variance * squared).sqrt() }
    }
}

/// Solves the normal equations by Cholesky's decomposition. `None` when the terms can't be told apart, from each other
/// or from the intercepts, or when the coefficients are not what the explanation means.
fn solve(gram: &Gram, candidate: &Candidate) -> Option<Solution> {
    let n = candidate.terms();
    let mut columns = [0; MOST_TERMS];
    candidate.columns().enumerate().for_each(|(i, c)| columns[i] = c);
    let mut root = [[0.0; MOST_TERMS]; MOST_TERMS];
    let mut half = [0.0; MOST_TERMS];
    let mut residual = gram.product(0, 0);
    let mut log_determinant = 0.0;
    for i in 0..n {
        for j in 0..i {
            let done: f64 = (0..j).map(|k| root[i][k] * root[j][k]).sum();
            root[i][j] = (gram.product(columns[i], columns[j]) - done) / root[j][j];
        }
        let own = gram.product(columns[i], columns[i]);
        let pivot = own - (0..i).map(|k| root[i][k] * root[i][k]).sum::<f64>();
        if own <= 1e-9 * gram.length(columns[i]) || pivot <= 1e-6 * own {
            return None;
        }
        root[i][i] = pivot.sqrt();
        log_determinant += pivot.ln();
        let done: f64 = (0..i).map(|k| root[i][k] * half[k]).sum();
        half[i] = (gram.product(columns[i], 0) - done) / root[i][i];
        residual -= half[i] * half[i];
    }
    let back = |right: &[f64; MOST_TERMS]| {
        let mut out = [0.0; MOST_TERMS];
        for i in (0..n).rev() {
            let done: f64 = (i + 1..n).map(|k| root[k][i] * out[k]).sum();
            out[i] = (right[i] - done) / root[i][i];
        }
        out
    };
    let coefficients = back(&half);
    if !candidate.accepts(&coefficients[..n]) {
        return None;
    }
    Some(Solution { coefficients, root, log_determinant, residual })
}

/// The 99.5th percentile of Student's t.
fn t_quantile(freedom: f64) -> f64 {
    // The parameters are in range: never an error; a normal quantile is the limit of many degrees of freedom.
    StudentsT::new(0.0, 1.0, freedom).map_or(2.576, |t| t.inverse_cdf(CONFIDENCE))
}
