//! The faults: planned against actual, impact, recovery; and availability.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::super::figures::{calendar, clock, count, latency, percent, percent_or_dash, span};
use super::super::sums;
use super::section as part;
use crate::record::{ErrorBudget, FaultResult, Recoveries, Recovery, Times};

/// The sections of faults and availability.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    let faults = &facts.verdict.faults;
    let a = &facts.verdict.availability;
    let table = html! {
        @if faults.is_empty() { p.empty { "No fault was planned." } } @else { (table(facts)) }
        @if !facts.verdict.recoveries.is_empty() { (recoveries(&facts.verdict.recoveries)) }
    };
    let availability = html! {
        dl.facts.wide {
            div { dt { "Whole profile" } dd.big { (percent_or_dash(a.total)) } }
            div { dt { "Outside faults and recovery" } dd.big { (percent_or_dash(a.outside_faults)) } }
            div { dt { "While a fault was in force" } dd.big { (percent_or_dash(a.during_faults)) } }
            div { dt { "Between a fault's end and recovery" } dd.big { (percent_or_dash(a.recovering)) } }
        }
        @if let Some(budget) = &facts.verdict.error_budget { (error_budget(budget)) }
    };
    html! {
        (part("faults", "Faults", "times since the start of the run", &table))
        (part("availability", "Availability", "arrivals that ended well, of those that fell due", &availability))
    }
}

/// Median and largest of each clock; times without recovery apart.
fn recoveries(all: &[Recoveries]) -> Markup {
    let times = |t: Option<Times>| {
        html! { @match t {
            Some(t) => { (span(t.median)) div.soft { "max " (span(t.max)) } },
            None => { "–" },
        } }
    };
    html! { div.scroll { table.recoveries {
        thead { tr {
            th { "Recoveries" } th.n { "Injected" } th.n { "Unaffected" } th.n { "Recovered" } th.n { "Not recovered" }
            th.n { "No baseline" } th.n { "Median after its end" } th.n { "Median after its start" } th.n { "Median to first error" }
        } }
        tbody { @for r in all { tr {
            td { strong { (r.fault) } }
            td.n { (r.injected) } td.n { (r.unaffected) } td.n { (r.recovered) }
            td.n { @if r.censored > 0 { span.badge.fail { (r.censored) } } @else { "0" } }
            td.n { (r.no_baseline) }
            td.n { (times(r.from_end)) } td.n { (times(r.from_start)) } td.n { (times(r.first_error)) }
        } } }
    } } }
}

/// What the objective leaves to lose, and where it went.
fn error_budget(budget: &ErrorBudget) -> Markup {
    let part = |name: &str, lost: u64| {
        html! { tr { td { (name) } td.n { (count(lost)) } td.n { (sums::share(budget, lost)) } } }
    };
    html! {
        h3 { "Error budget" span.lead { " of " (budget.objective) ": " (count(budget.allowed.round() as u64)) " arrivals in the planned profile" } }
        div.scroll { table.budget {
            thead { tr { th { "Lost" } th.n { "Arrivals" } th.n { "Of the budget" } } }
            tbody {
                tr { td { strong { "In all" } } td.n { strong { (count(budget.spent)) } } td.n { strong { (sums::share(budget, budget.spent)) } } }
                (part("outside faults and recovery", budget.outside_faults))
                (part("while a fault was in force", budget.during_faults))
                (part("between a fault's end and recovery", budget.recovering))
                @for (fault, lost) in &budget.faults { (part(&format!("{fault}, to its recovery"), *lost)) }
            }
        } }
        @if let Some((row, rate)) = sums::fastest(budget) {
            p { "Burn rate by ledger row: "
                @for (i, rate) in budget.burn_rates.iter().enumerate() {
                    @if i > 0 { ", " }
                    @match rate {
                        Some(rate) if i + 1 == row && *rate > 1.0 => { strong { (sums::burn(*rate)) } },
                        Some(rate) => { (sums::burn(*rate)) },
                        None => { "–" },
                    }
                }
                span.soft { ". At 1 x the budget lasts just for the profile; the fastest is " (sums::burn(rate)) " in row " (row) "." }
            }
        }
    }
}

fn table(facts: &Facts<'_>) -> Markup {
    html! { div.scroll { table.faults {
        thead { tr {
            th.n { "#" } th { "Fault" } th { "Planned" } th { "In force" } th { "Seen" } th.n { "Impact" }
            th.n { "First error" } th.n { "Worst p99" } th { "Recovery" } th.n { "Healthy after" }
        } }
        tbody { @for (i, fault) in facts.verdict.faults.iter().enumerate() { (row(facts, i + 1, fault)) } }
    } } }
}

fn row(facts: &Facts<'_>, number: usize, fault: &FaultResult) -> Markup {
    let anchor = facts.data.run.anchor;
    let lasts = facts.planned(fault.id.as_str()).map(|p| p.0);
    let errors = fault.impact.errors();
    html! { tr id={"fault-" (number)} {
        td.n { (number) }
        td { strong { (fault.id) } div.soft { (fault.what) } }
        td { @match fault.planned_at {
            Some(at) => { span.mono { (at) } @if let Some(d) = lasts { div.soft { "for " (span(d)) } } },
            None => { "–" },
        } }
        td { @match (fault.injected_at, fault.healed_at) {
            (Some(from), to) => {
                span.mono title=(calendar(clock(anchor, from))) { (from) }
                @match to {
                    Some(to) => { " to " span.mono { (to) } div.soft { "for " (span(to.since(from))) } },
                    None => { div.soft { "no end on record" } },
                }
            },
            (None, _) => { "never" },
        } }
        td {
            @if fault.verified { span.badge.pass { "✓ verified" } } @else { span.badge.unknown { "? not verified" } }
            div.soft { (fault.ending) }
        }
        td.n {
            (count(errors)) " errors"
            @if let Some(share) = fault.impact.error_rate() { div.soft { (percent(share)) " of " (count(fault.impact.ended())) } }
        }
        td.n { (fault.first_error.map_or_else(|| "none".to_owned(), |d| format!("after {}", span(d)))) }
        td.n { (fault.worst_p99_us.map_or_else(|| "–".to_owned(), latency)) }
        td { (recovery(&fault.recovery)) }
        td.n { (fault.healthy_after.map_or_else(|| "–".to_owned(), span)) }
    } }
}

fn recovery(recovery: &Recovery) -> Markup {
    html! { @match recovery {
        Recovery::Recovered { from_end, from_start } => {
            strong { (span(*from_end)) } " after its end" div.soft { (span(*from_start)) " after its start" }
        },
        Recovery::Unaffected => { span.badge.pass { "✓ never left its band" } },
        Recovery::NotRecovered { watched } => {
            span.badge.fail { "✕ not recovered" } div.soft { "watched for " (span(*watched)) }
        },
        Recovery::NoBaseline { reason } => { span.badge.unknown { "? no baseline" } div.soft { (reason) } },
    } }
}
