//! Does the level rise from life to life? Each life has an intercept of its own in the fit, which therefore can't tell.
//!
//! The intercepts under the best explanation by age and load alone are one level a life. Three rivals explain them:
//! no change, one step (a new version), and a straight line over the births, which is growth that restarts don't end.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::fit::Fitted;
use super::look::Look;
use super::shapes::{EXPLANATIONS, Shape};
use crate::record::Range;

/// How the levels of the lives move, percent of the first level per hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AcrossLives {
    /// The straight line's slope; its lower end is not above zero unless the line beats its rivals by far.
    pub(super) slope: Range,
    /// How many lives.
    pub(super) lives: usize,
    /// Whether the levels rise by more than their scatter makes likely: no proof, but nothing to be called stable.
    pub(super) rises: bool,
}

/// Fewer levels than this prove nothing.
const LEAST_LIVES: usize = 4;
/// The line must beat its rivals by so much in the Bayesian information criterion (Kass and Raftery 1995: strong).
const STRONG: f64 = 6.0;
/// Levels rise when the slope is so many standard errors above zero.
const RISES: f64 = 2.0;
/// Probability that the truth is below the upper end of the range, and likewise above the lower one.
const CONFIDENCE: f64 = 0.995;

/// The level of a life, percent of the first level, and the hour of its birth.
struct Level {
    birth: f64,
    level: f64,
}

/// Looks at the levels of the lives. `None` for a single life.
pub(super) fn across(look: &Look) -> Option<AcrossLives> {
    let fitted = look.selection.fitted.iter().find(|f| by_age(f))?;
    let levels = levels(look, fitted);
    if levels.len() < 2 {
        return None;
    }
    let n = levels.len() as f64;
    let noise = noise(look, fitted, &levels);
    let (birth, level) = (mean(&levels, |l| l.birth), mean(&levels, |l| l.level));
    let spread: f64 = levels.iter().map(|l| (l.birth - birth).powi(2)).sum();
    let product: f64 = levels.iter().map(|l| (l.birth - birth) * (l.level - level)).sum();
    let slope = product / spread;
    let line: f64 =
        levels.iter().map(|l| (l.level - level - slope * (l.birth - birth)).powi(2)).sum();
    let criterion = |residual: f64, parameters: f64| {
        n * ((residual + n * noise) / n).ln() + parameters * n.ln()
    };
    let rivals = criterion(scatter(&levels), 1.0).min(criterion(one_step(&levels), 3.0));
    let proven = levels.len() >= LEAST_LIVES && criterion(line, 2.0) + STRONG <= rivals;
    let free = (n - 2.0).max(1.0);
    let error = ((line / free + noise) / spread).sqrt();
    // The parameters are in range: never an error.
    let t = StudentsT::new(0.0, 1.0, free).map_or(f64::INFINITY, |t| t.inverse_cdf(CONFIDENCE));
    let low = slope - t * error;
    let low = if proven { low } else { low.min(0.0) };
    Some(AcrossLives {
        slope: Range { value: slope, low, high: slope + t * error },
        lives: levels.len(),
        rises: slope > RISES * error,
    })
}

/// Whether nothing in it depends on the hour of the record: that could hide what moves from life to life.
fn by_age(fitted: &Fitted) -> bool {
    EXPLANATIONS[fitted.candidate.explanation].iter().all(|shape| match shape {
        Shape::Linear
        | Shape::Saturating
        | Shape::Logarithmic
        | Shape::Plateau
        | Shape::Onset
        | Shape::Load
        | Shape::PerRequest => true,
        Shape::Step | Shape::Cycle | Shape::Teeth => false,
    })
}

/// What the explanation's terms leave of each life, on average.
fn levels(look: &Look, fitted: &Fitted) -> Vec<Level> {
    let windows = &look.envelope.windows;
    windows
        .chunk_by(|a, b| a.life == b.life)
        .map(|own| {
            let left = own.iter().map(|w| look.percent(w.low) - look.terms(fitted, w));
            let level = left.sum::<f64>() / own.len() as f64;
            Level { birth: own[0].at - own[0].age, level }
        })
        .collect()
}

/// The variance of a level that the unrest within the lives accounts for.
fn noise(look: &Look, fitted: &Fitted, levels: &[Level]) -> f64 {
    let windows = &look.envelope.windows;
    let residual = |life: usize, low: f64, terms: f64| low - terms - levels[life].level;
    let squares: f64 = windows
        .iter()
        .map(|w| residual(w.life, look.percent(w.low), look.terms(fitted, w)).powi(2))
        .sum();
    let (n, lives) = (windows.len() as f64, levels.len() as f64);
    // Of correlated readings fewer count (Bartlett 1946).
    let count = (n / lives * (1.0 - fitted.phi) / (1.0 + fitted.phi)).max(1.0);
    squares / (n - lives).max(1.0) / count
}

fn mean(levels: &[Level], of: impl Fn(&Level) -> f64) -> f64 {
    levels.iter().map(of).sum::<f64>() / levels.len() as f64
}

/// Sum of squares about the mean level.
fn scatter(levels: &[Level]) -> f64 {
    let level = mean(levels, |l| l.level);
    levels.iter().map(|l| (l.level - level).powi(2)).sum()
}

/// The least sum of squares about two levels, the second from some life on.
fn one_step(levels: &[Level]) -> f64 {
    let at = |i| {
        let (before, after) = levels.split_at(i);
        scatter(before) + scatter(after)
    };
    (1..levels.len()).map(at).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::super::judge_trace;
    use super::super::testing::{day, noise, reborn};
    use crate::record::{LeakFinding, LeakVerdict};

    const MIB: f64 = 1_048_576.0;

    /// Lives of two hours over a day; `level` in MiB by the number of the life.
    fn judged(level: impl Fn(f64) -> f64) -> LeakFinding {
        let value = |at: f64, age: f64| {
            (100.0 + level((at / 2.0).floor()) - 10.0 * (-age / 0.1).exp() + 0.3 * noise(at)) * MIB
        };
        judge_trace(&reborn(24.0, 2.0, value), &day())
    }

    #[test]
    fn what_grows_from_life_to_life_leaks() {
        let found = judged(|life| 3.0 * life);
        assert_eq!(found.verdict, LeakVerdict::Leaking, "{}", found.reason);
        assert!(found.reason.contains("12 lives"), "{}", found.reason);
        let slope = found.slope.unwrap();
        assert!((slope.value / MIB - 1.5).abs() < 0.1 && slope.low > MIB, "{slope:?}");
        // 512 less 133 at 1.5 an hour.
        let hours = found.to_limit.unwrap();
        assert!((hours.value.unwrap() - 253.0).abs() < 20.0, "{hours:?}");
    }

    #[test]
    fn lives_that_differ_do_not_leak() {
        let scattered = judged(|life| 3.0 * noise(life));
        assert_ne!(scattered.verdict, LeakVerdict::Leaking, "{}", scattered.reason);
        let new_version = judged(|life| if life < 5.0 { 0.0 } else { 15.0 });
        assert_ne!(new_version.verdict, LeakVerdict::Leaking, "{}", new_version.reason);
        let alike = judged(|_| 0.0);
        assert_eq!(alike.verdict, LeakVerdict::Stable, "{}", alike.reason);
    }

    #[test]
    fn three_rising_lives_prove_nothing_and_are_not_stable() {
        let value = |at: f64, _: f64| (100.0 + 8.0 * (at / 2.0).floor() + 0.3 * noise(at)) * MIB;
        let found = judge_trace(&reborn(6.0, 2.0, value), &day());
        assert_eq!(found.verdict, LeakVerdict::Inconclusive, "{}", found.reason);
        assert!(found.reason.contains("from life to life"), "{}", found.reason);
    }
}
