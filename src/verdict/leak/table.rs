//! The rivals' table: the best of each explanation, and why it won or lost.

use super::fit::Fitted;
use super::look::Look;
use super::shapes::{self, EXPLANATIONS, nested};
use super::words;
use crate::record::{Range, Rival, Standing};
use crate::units::trim;

/// The best of each explanation, best first. Slopes are in the gauge's unit per hour.
pub(super) fn rivals(look: &Look) -> Vec<Rival> {
    let selection = &look.selection;
    let mut seen = [false; EXPLANATIONS.len()];
    let mut out = Vec::new();
    for (i, fitted) in selection.fitted.iter().enumerate() {
        let number = fitted.candidate.explanation;
        if std::mem::replace(&mut seen[number], true) {
            continue;
        }
        let standing = if i == 0 {
            Standing::Best
        } else if selection.plausible.contains(&i) {
            Standing::Plausible
        } else {
            Standing::Lost
        };
        let half = fitted.t * fitted.terminal.error;
        out.push(Rival {
            shape: shapes::name(EXPLANATIONS[number]),
            parameters: parameters(look, fitted),
            delta_bic: fitted.bic - selection.best().bic,
            slope: Range {
                value: look.units(fitted.terminal.value),
                low: look.units(fitted.terminal.value - half),
                high: look.units(fitted.terminal.value + half),
            },
            standing,
            why: why(look, fitted, standing),
        });
    }
    out
}

/// The non-linear parameters in words.
pub(super) fn parameters(look: &Look, fitted: &Fitted) -> String {
    let texts: Vec<String> =
        look.candidates.terms_of(&fitted.candidate).filter_map(shapes::Term::parameters).collect();
    texts.join(", ")
}

fn why(look: &Look, fitted: &Fitted, standing: Standing) -> String {
    let selection = &look.selection;
    let delta = fitted.bic - selection.best().bic;
    let own = EXPLANATIONS[fitted.candidate.explanation];
    let simpler = EXPLANATIONS.iter().enumerate().find_map(|(number, other)| {
        let best = selection.best_of(number)?;
        (nested(other, own) && best.bic < fitted.bic).then(|| shapes::name(other))
    });
    match (standing, simpler) {
        (Standing::Best, _) => "explains the readings best for its number of parameters".to_owned(),
        (Standing::Plausible, _) => {
            format!("explains them nearly as well (BIC {} higher)", words::figure(delta))
        }
        (Standing::Lost, Some(simpler)) => {
            format!("{simpler}, which is simpler, explains them better")
        }
        (Standing::Lost, None) => {
            let odds = (delta / 2.0).exp();
            let odds = if odds < 1e4 { trim(odds, 0) } else { "over 10000".to_owned() };
            format!("{odds} times less likely than the best (BIC {} higher)", words::figure(delta))
        }
    }
}
