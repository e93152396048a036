//! What faults cost and how the workload came back, summed up in a sentence.

use std::fmt::Write as _;

use super::figures::{count, percent, span};
use crate::record::{ErrorBudget, Recoveries, Times};
use crate::units::trim;

/// The recoveries from one entry's faults: `3 of 4 recovered; after their end median 5 s, max 12 s; 1 without recovery`.
pub(super) fn recoveries(all: &Recoveries) -> String {
    if all.injected == 0 {
        return "never injected".to_owned();
    }
    let back = all.recovered + all.unaffected;
    let mut parts = vec![format!("{back} of {} recovered or unaffected", all.injected)];
    let clock = |words: &str, times: Option<Times>| {
        times.map(|t| format!("{words} median {}, max {}", span(t.median), span(t.max)))
    };
    parts.extend(clock("after its end", all.from_end));
    parts.extend(clock("after its start", all.from_start));
    parts.extend(clock("to the first error", all.first_error));
    for (n, words) in [(all.censored, "without recovery"), (all.no_baseline, "without a baseline")]
    {
        if n > 0 {
            parts.push(format!("{n} {words}"));
        }
    }
    parts.join("; ")
}

/// The share of the budget that `lost` arrivals are.
pub(super) fn share(budget: &ErrorBudget, lost: u64) -> String {
    if budget.allowed > 0.0 {
        percent(lost as f64 / budget.allowed)
    } else {
        super::figures::dash()
    }
}

/// The fastest burn of a ledger row, and the row's number.
pub(super) fn fastest(budget: &ErrorBudget) -> Option<(usize, f64)> {
    let rates =
        budget.burn_rates.iter().enumerate().filter_map(|(i, rate)| Some((i + 1, (*rate)?)));
    rates.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// How many times as fast as the budget allows: `14.4 x`.
pub(super) fn burn(rate: f64) -> String {
    format!("{} x", trim(rate, if rate < 10.0 { 2 } else { 1 }))
}

/// The budget: `99.9%: 120 of 300 arrivals spent (40%); outside faults 7, ...; fastest 6 x in row 3`.
pub(super) fn budget(budget: &ErrorBudget) -> String {
    let mut text = format!(
        "{}: {} of {} arrivals spent ({}); {} outside faults, {} during, {} in recovery",
        budget.objective,
        count(budget.spent),
        count(budget.allowed.round() as u64),
        share(budget, budget.spent),
        count(budget.outside_faults),
        count(budget.during_faults),
        count(budget.recovering),
    );
    if let Some((row, rate)) = fastest(budget) {
        // Writing to a string does not fail.
        write!(text, "; at most {} as fast as it lasts, in row {row}", burn(rate)).ok();
    }
    text
}
