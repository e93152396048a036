//! When a fault would like to come, before it is placed beside the others.

use std::time::Duration;

use rand::Rng as _;

use super::placing::Rules;
use crate::experiment::{Fault, FaultSchedule};
use crate::seed::{Rng, Seed};

/// More starts than anybody means.
const MOST: usize = 100_000;

/// The starts of `fault`, counted from the start of the profile, in drawing order, to the millisecond.
pub(super) fn starts(fault: &Fault, rules: &Rules, seed: Seed) -> Result<Vec<Duration>, String> {
    let mut rng = seed.rng();
    let mut starts = Vec::new();
    let mut add = |at: Duration| {
        starts.push(Duration::from_millis(millis(at)));
        if starts.len() <= MOST { Ok(()) } else { Err(format!("comes more than {MOST} times")) }
    };
    match &fault.schedule {
        FaultSchedule::At(times) => {
            for at in times {
                add(*at)?;
            }
        }
        FaultSchedule::Every { every, jitter, first_after } => {
            let mut base = *first_after;
            while base < rules.profile {
                let moved = below(&mut rng, 2 * millis(*jitter) + 1);
                add((base + Duration::from_millis(moved)).saturating_sub(*jitter))?;
                base += (*every).max(Duration::from_millis(1));
            }
        }
        FaultSchedule::Random { mean, min_gap } => {
            // The dead time after each start is part of the mean, so that the fault comes as often as asked.
            let dead = fault.lasts + *min_gap;
            let free = mean.saturating_sub(dead);
            let mut at = rules.steady + exponential(&mut rng, *mean);
            while at < rules.profile {
                add(at)?;
                at += (dead + exponential(&mut rng, free)).max(Duration::from_millis(1));
            }
        }
    }
    Ok(starts)
}

/// A whole number in `0..n`, `n` > 0, by multiplication: one draw each, so streams stay aligned.
pub(super) fn below(rng: &mut Rng, n: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(n)) >> 64) as u64
}

/// A draw from the exponential distribution, by the inverse of its distribution function: -mean ln(1 - u).
fn exponential(rng: &mut Rng, mean: Duration) -> Duration {
    // 53 bits make u uniform in [0, 1), so 1 - u is never 0.
    let u = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    mean.mul_f64(-(1.0 - u).ln())
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Overlap;
    use crate::fault::sample::kill;

    #[test]
    fn jitter_stays_within_its_bounds_and_uses_them() {
        let (every, jitter) = (Duration::from_mins(1), Duration::from_secs(10));
        let mut fault = kill("a", crate::experiment::Pick::One);
        fault.schedule = FaultSchedule::Every { every, jitter, first_after: every };
        let rules = Rules {
            profile: Duration::from_hours(10),
            steady: Duration::ZERO,
            overlap: Overlap::Forbid,
        };
        let starts = starts(&fault, &rules, Seed(7)).unwrap();
        assert_eq!(starts.len(), 599);
        let moved: Vec<i128> = (1..)
            .zip(&starts)
            .map(|(k, at)| at.as_millis() as i128 - k * every.as_millis() as i128)
            .collect();
        assert!(moved.iter().all(|m| m.abs() <= 10_000));
        assert!(moved.iter().any(|m| *m < -9_000) && moved.iter().any(|m| *m > 9_000));
    }

    #[test]
    fn a_schedule_without_end_is_refused() {
        let mut fault = kill("a", crate::experiment::Pick::One);
        fault.lasts = Duration::ZERO;
        fault.schedule = FaultSchedule::Random { mean: Duration::ZERO, min_gap: Duration::ZERO };
        let rules = Rules {
            profile: Duration::from_hours(10),
            steady: Duration::ZERO,
            overlap: Overlap::Forbid,
        };
        assert!(starts(&fault, &rules, Seed(7)).is_err());
    }
}
