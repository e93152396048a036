//! The error budget: what an objective of availability leaves to lose, and where it went.

use super::case::Case;
use super::windows::{Span, Weather, weather};
use crate::experiment::{LoadMeasure, Measure, Quantity, Scope};
use crate::record::{Counts, ErrorBudget};
use crate::units::Percent;

/// Arrivals that may be lost in the whole profile, as it was planned.
pub(super) fn allowed(case: &Case, objective: Percent) -> f64 {
    let timeline = case.experiment().load.timeline();
    let asked = if timeline.is_fixed() {
        timeline.due_before(timeline.total) - timeline.due_before(timeline.warmup)
    } else {
        case.totals().scheduled as f64
    };
    asked * (1.0 - objective.fraction())
}

/// The budget of the first objective that the experiment states: of an `error_budget`, or an `availability` over
/// the whole profile. `None` without one.
pub(super) fn budget(case: &Case) -> Option<ErrorBudget> {
    case.judged?;
    let objective = case.experiment().limits.iter().find_map(|limit| match &limit.measure {
        Measure::BudgetSpent { objective } | Measure::BurnRate { objective } => Some(*objective),
        Measure::Load(LoadMeasure::Availability)
            if limit.scope == Scope::Total && limit.window.is_none() =>
        {
            match limit.bound.limit {
                Quantity::Share(share) if share.fraction() < 1.0 => Some(share),
                _ => None,
            }
        }
        _ => None,
    })?;
    let mut parts = [0_u64; 3];
    for s in &case.seconds {
        parts[match weather(&case.windows, Span { from: s.from, to: s.to }) {
            Weather::Clear => 0,
            Weather::Fault => 1,
            Weather::Recovering => 2,
        }] += s.counts.errors();
    }
    let left = 1.0 - objective.fraction();
    let burn = |counts: &Counts| {
        let lost = counts.scheduled.saturating_sub(counts.ok) as f64;
        (counts.scheduled > 0).then(|| lost / counts.scheduled as f64 / left)
    };
    let planned = &case.data.run.faults;
    Some(ErrorBudget {
        objective,
        allowed: allowed(case, objective),
        spent: parts.iter().sum(),
        outside_faults: parts[0],
        during_faults: parts[1],
        recovering: parts[2],
        faults: case
            .windows
            .iter()
            .map(|w| (planned[w.fault].id.clone(), w.measured.impact.errors()))
            .collect(),
        burn_rates: case.ledger.iter().map(|row| burn(&row.counts)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Synthetic;
    use super::*;

    fn storm() -> Synthetic {
        Synthetic::hold(600)
            .fault("kill", 100, 10)
            .each(100..115, |s| (s.counts.ok, s.counts.failed) = (40, 10))
            .each(500..501, |s| (s.counts.ok, s.counts.failed) = (43, 7))
    }

    #[test]
    fn the_budget_is_shared_out_to_the_last_arrival() {
        let data = storm().limit("availability: { min: 99% }").build();
        let budget = budget(&Case::new(&data)).unwrap();
        assert_eq!(budget.objective, Percent::of(99.0));
        assert!((budget.allowed - 300.0).abs() < 1e-6, "{budget:?}");
        assert_eq!((budget.during_faults, budget.recovering, budget.outside_faults), (100, 50, 7));
        assert_eq!(budget.spent, 157);
        assert_eq!(budget.faults[0].0.as_str(), "kill-1");
        assert_eq!(budget.faults[0].1, 150);
        // Rows of 50 s: 2500 arrivals, of which the objective lets 25 go.
        let burn: Vec<f64> = budget.burn_rates.iter().map(|b| b.unwrap()).collect();
        assert_eq!(burn.len(), 12);
        assert!((burn[2] - 150.0 / 25.0).abs() < 1e-9 && burn[0] == 0.0, "{burn:?}");
    }

    #[test]
    fn without_an_objective_there_is_no_budget() {
        for limit in [
            "error_rate: { max: 1% }",
            "availability: { min: 99%, scope: outside_faults }",
            "availability: { min: 100% }",
        ] {
            assert_eq!(budget(&Case::new(&storm().limit(limit).build())), None, "{limit}");
        }
    }
}
