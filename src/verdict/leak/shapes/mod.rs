//! Fourth step: the rival explanations.
//!
//! A [`Shape`] is one simple reason why a gauge moves: it leaks, it warms up, it swings with the day. Each knows its
//! curves over a grid of its non-linear parameters. An explanation is made of one, two or three of them
//! ([`EXPLANATIONS`]), with an intercept for each life.

mod constant_growth;
mod cycle;
mod load;
mod logarithmic;
mod onset;
mod per_request;
mod plateau;
mod saturating;
mod step;
mod teeth;
mod term;

pub(super) use term::Term;

use super::envelope::Window;

/// What the shapes are laid out on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// The envelope.
    pub(super) windows: &'a [Window],
    /// Length of a window, hours.
    pub(super) window: f64,
    /// How many lives.
    pub(super) lives: usize,
    /// The highest age, hours.
    pub(super) oldest: f64,
    /// The longest time constant of a warm-up that is thought possible, hours.
    pub(super) longest_warmup: f64,
    /// Times of large drops, hours of the trace; empty where the windows are longer than the teeth.
    pub(super) drops: &'a [f64],
}

/// The shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// Grows at a constant rate: a leak.
    Linear,
    /// Rises ever slower towards a level: caches, pools, warm-up.
    Saturating,
    /// Rises ever slower without a level: heavy-tailed caches, fragmentation.
    Logarithmic,
    /// Rises at a constant rate and stops: a bounded buffer.
    Plateau,
    /// Jumps once: a new tenant, a reload.
    Step,
    /// Is flat, then grows: a leak on a path that is used from some time on.
    Onset,
    /// Swings: time of day, periodic jobs.
    Cycle,
    /// Grows since the last large drop: a saw-tooth whose teeth are longer than the windows.
    Teeth,
    /// Follows the request rate.
    Load,
    /// Grows with every request: a leak.
    PerRequest,
}

impl Shape {
    /// Its name in reports.
    pub(super) fn name(self) -> &'static str {
        self.family().name()
    }

    fn family(self) -> &'static dyn Family {
        match self {
            Self::Linear => &constant_growth::Linear,
            Self::Saturating => &saturating::Saturating,
            Self::Logarithmic => &logarithmic::Logarithmic,
            Self::Plateau => &plateau::Plateau,
            Self::Step => &step::Step,
            Self::Onset => &onset::Onset,
            Self::Cycle => &cycle::Cycle,
            Self::Teeth => &teeth::Teeth,
            Self::Load => &load::Load,
            Self::PerRequest => &per_request::PerRequest,
        }
    }

    /// Its variants on this ground.
    pub(super) fn variants(self, ground: &Ground) -> Vec<Variant> {
        self.family().variants(ground)
    }
}

/// A family of curves.
trait Family: Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;
    /// One for each value of its non-linear parameters that is tried.
    fn variants(&self, ground: &Ground) -> Vec<Variant>;
}

/// One curve of a family: a linear combination of its terms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variant {
    pub(super) terms: Vec<Term>,
    /// Non-linear parameters that were searched for; a change-point counts twice (its place has the whole record to hide in).
    pub(super) searched: usize,
    /// Whether its (only) coefficient must be positive.
    pub(super) rising: bool,
}

impl Variant {
    fn of(term: Term, searched: usize) -> Self {
        Self { terms: vec![term], searched, rising: false }
    }

    fn rising(self, rising: bool) -> Self {
        Self { rising, ..self }
    }
}

/// The explanations that compete: sums of shapes. The empty one is `constant`.
pub(super) const EXPLANATIONS: [&[Shape]; 28] = {
    use Shape::{
        Cycle, Linear, Load, Logarithmic, Onset, PerRequest, Plateau, Saturating, Step, Teeth,
    };
    [
        &[],
        &[Linear],
        &[Saturating],
        &[Saturating, Saturating],
        &[Logarithmic],
        &[Plateau],
        &[Step],
        &[Onset],
        &[Cycle],
        &[Teeth],
        &[Linear, Saturating],
        &[Linear, Plateau],
        &[Linear, Step],
        &[Linear, Cycle],
        &[Linear, Teeth],
        &[Saturating, Step],
        &[Linear, Saturating, Step],
        &[Saturating, Cycle],
        &[Saturating, Teeth],
        &[Load],
        &[Linear, Load],
        &[Saturating, Load],
        &[Linear, Saturating, Load],
        &[Step, Load],
        &[PerRequest],
        &[Load, PerRequest],
        &[Saturating, PerRequest],
        &[Saturating, Load, PerRequest],
    ]
};

/// How these variants may be summed up: per term whether its coefficient must be positive; `None` when they may not.
pub(super) fn admit(
    explanation: &[Shape],
    variants: &[&Variant],
    ground: &Ground,
) -> Option<Vec<bool>> {
    use Shape::{Cycle, Linear, Plateau, Saturating, Teeth};
    let rising = |always: fn(Shape) -> Option<bool>| {
        let flags = explanation.iter().zip(variants).flat_map(|(shape, variant)| {
            let flag = always(*shape).unwrap_or(variant.rising);
            variant.terms.iter().map(move |_| flag)
        });
        Some(flags.collect())
    };
    match explanation {
        // Two rates: the second one may be the higher, and must have lasted for two fifths of the record.
        [Linear, Plateau] => {
            let late = |t: &Term| matches!(t, Term::Until { knee } if *knee > 0.6 * ground.oldest);
            if variants[1].terms.iter().any(late) { None } else { rising(|_| Some(false)) }
        }
        [Saturating, Saturating | Cycle | Teeth] => {
            rising(|shape| (shape == Saturating).then_some(true))
        }
        _ => rising(|_| None),
    }
}

/// An explanation's name in reports: `saturating + linear`.
pub(super) fn name(explanation: &[Shape]) -> String {
    match explanation {
        [] => "constant".to_owned(),
        [Shape::Saturating, Shape::Saturating] => "two saturations".to_owned(),
        // What lasts is said last.
        [Shape::Linear, rest @ ..] if !rest.is_empty() => {
            format!("{} + linear", name(rest))
        }
        shapes => shapes.iter().map(|s| s.name()).collect::<Vec<_>>().join(" + "),
    }
}

/// Whether `simpler` is a special case of `general`, and another one.
pub(super) fn nested(simpler: &[Shape], general: &[Shape]) -> bool {
    // Flat, then growing, is a special case of growing at two rates.
    if simpler == [Shape::Onset] && general == [Shape::Linear, Shape::Plateau] {
        return true;
    }
    let mut rest = general.to_vec();
    let inside = simpler.iter().all(|shape| {
        let place = rest.iter().position(|s| s == shape);
        place.map(|i| rest.remove(i)).is_some()
    });
    inside && simpler.len() < general.len()
}

#[cfg(test)]
mod tests {
    use super::Shape::{Linear, Onset, Plateau, Saturating, Step};
    use super::*;

    #[test]
    fn nesting_is_strict_and_counts_twice_what_is_there_twice() {
        assert!(nested(&[], &[Linear]));
        assert!(nested(&[Saturating], &[Saturating, Saturating]));
        assert!(!nested(&[Saturating, Saturating], &[Saturating, Step]));
        assert!(!nested(&[Linear], &[Linear]));
        assert!(nested(&[Onset], &[Linear, Plateau]));
        assert!(!nested(&[Onset], &[Linear, Step]));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<String> = EXPLANATIONS.iter().map(|e| name(e)).collect();
        assert_eq!(name(&[Linear, Saturating, Step]), "saturating + step + linear");
        assert_eq!(name(&[Linear]), "linear");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), EXPLANATIONS.len());
        assert!(EXPLANATIONS.iter().all(|e| e.is_sorted()), "{EXPLANATIONS:?}");
    }

    #[test]
    fn a_plateau_is_no_leak() {
        assert_eq!(name(&[Plateau]), "plateau");
    }
}
