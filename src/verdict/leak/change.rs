//! When did it begin?

use super::fit::Fitted;
use super::look::Look;
use super::shapes::{EXPLANATIONS, Shape, Term};
use crate::clock::Offset;
use crate::record::ChangePoint;

/// A change-point is reported when it makes the explanation so much better: strong evidence.
const STRONG: f64 = 6.0;

/// The change-point of the best explanation that has one, if it is plausible and explanations without one are far worse.
pub(super) fn point(look: &Look, begin: Offset) -> Option<ChangePoint> {
    let selection = &look.selection;
    let changes = |f: &Fitted| {
        let shapes = EXPLANATIONS[f.candidate.explanation];
        shapes.contains(&Shape::Step)
            || shapes == [Shape::Onset]
            || shapes == [Shape::Linear, Shape::Plateau]
    };
    let with = selection.plausible().find(|f| changes(f))?;
    let without = selection.fitted.iter().find(|f| !changes(f));
    let gain = without.map_or(f64::INFINITY, |f| f.bic) - with.bic;
    if gain < STRONG || !gain.is_finite() {
        return None;
    }
    // Ages count from the only life's start: shapes with an age of change are tried on a single life only, or hold for all.
    let birth = look.envelope.windows.last().map_or(0.0, |w| w.at - w.age);
    let hours = look.candidates.terms_of(&with.candidate).find_map(|term| match *term {
        Term::After { moment, .. } => Some(moment),
        Term::Since { onset } => Some(birth + onset),
        Term::Until { knee } => Some(birth + knee),
        _ => None,
    })?;
    let at = begin + std::time::Duration::from_secs_f64((hours * 3600.0).max(0.0));
    Some(ChangePoint { at, gain })
}
