//! The top of the page: which run, how it ended, and its main figures.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::super::figures::{
    calendar, clock, count, growth, latency, percent, percent_or_dash, rate, span,
};
use super::super::leaks::in_a_sentence;
use super::super::opening::Opening;
use crate::record::{Recovery, RunStatus};

/// Which run it is.
pub(super) fn header(facts: &Facts<'_>) -> Markup {
    let run = &facts.data.run;
    let anchor = run.anchor;
    html! {
        header {
            div {
                p.brand { "longhaul soak report" }
                h1 { (run.experiment.name) }
                @if let Some(text) = &run.experiment.description { p.description { (text) } }
            }
            dl.facts {
                div { dt { "Run" } dd.mono { (run.id) } }
                div { dt { "Target" } dd { (facts.target()) } }
                div { dt { "Started" } dd { (calendar(clock(anchor, facts.span.0))) } }
                div { dt { "Ended" } dd { (calendar(clock(anchor, facts.span.1))) } }
                div { dt { "Duration" } dd {
                    (span(facts.duration()))
                    @if let Some((from, to)) = facts.profile() { span.soft { " · judged " (span(to.since(from))) } }
                } }
                div { dt { "Seed" } dd.mono { (run.experiment.seed) } }
                @if let Some(part) = &run.sweep {
                    div { dt { "Sweep" } dd { (part) " of " span.mono { (part.id) } } }
                }
                @if !run.experiment.tags.is_empty() {
                    div { dt { "Tags" } dd {
                        @for (name, value) in &run.experiment.tags { span.tag { (name) "=" (value) } " " }
                    } }
                }
            }
        }
    }
}

/// How it ended, and why.
pub(super) fn banner(facts: &Facts<'_>) -> Markup {
    let verdict = facts.verdict;
    Opening::from(verdict).banner(&html! {
        @if !verdict.leaks.is_empty() {
            p { a href="#leaks" { "Leaks" } ": " (in_a_sentence(verdict.leaks.iter()).text) "." }
        }
        @if facts.data.run.status == RunStatus::Interrupted {
            p { "longhaul was ended before it could finish this run; the figures reach as far as the records." }
        }
        @for (fault, reason) in &facts.stuck {
            p.stuck { strong { "Not healed: " (fault) } " " (reason) }
        }
    })
}

/// The main figures, large.
pub(super) fn tiles(facts: &Facts<'_>) -> Markup {
    let t = &facts.verdict.totals;
    let ledger = &facts.verdict.ledger;
    let seconds: f64 = ledger.iter().map(|r| r.to.since(r.from).as_secs_f64()).sum();
    let mean = |figure: fn(&crate::record::LedgerRow) -> f64| {
        let weighted: f64 =
            ledger.iter().map(|r| figure(r) * r.to.since(r.from).as_secs_f64()).sum();
        (seconds > 0.0).then(|| weighted / seconds)
    };
    let (achieved, target) = (mean(|r| r.achieved_rate), mean(|r| r.target_rate));
    let grown = ledger.last().and_then(|last| {
        let of = |s: &crate::record::ServiceRow| s.growth_percent.map(|g| (s.service.clone(), g));
        last.services.iter().filter_map(of).max_by(|a, b| a.1.total_cmp(&b.1))
    });
    let faults = &facts.verdict.faults;
    let back = faults
        .iter()
        .filter(|f| matches!(f.recovery, Recovery::Recovered { .. } | Recovery::Unaffected))
        .count();
    html! {
        section.tiles aria-label="Main figures" {
            (tile("Achieved rate", &achieved.map_or_else(|| "–".to_owned(), rate),
                &target.map_or_else(String::new, |t| format!("of {} asked for", rate(t)))))
            (tile("Errors", &percent_or_dash(t.error_rate()), &format!("{} of {}", count(t.errors()), count(t.ended()))))
            (tile("Latency p99", &if facts.latency.count > 0 { latency(facts.latency.p99) } else { "–".to_owned() },
                &if facts.latency.count > 0 { format!("median {}", latency(facts.latency.p50)) } else { String::new() }))
            (tile("Availability", &facts.verdict.availability.total.map_or_else(|| "–".to_owned(), percent),
                &facts.verdict.availability.outside_faults.map_or_else(String::new, |a| format!("{} outside faults", percent(a)))))
            (tile("Memory growth", &grown.as_ref().map_or_else(|| "–".to_owned(), |g| growth(g.1)),
                &grown.map_or_else(String::new, |g| format!("{}, first to last row", g.0))))
            (tile("Faults", &format!("{back} of {}", faults.len()), if faults.is_empty() { "none planned" } else { "recovered or unaffected" }))
        }
    }
}

fn tile(name: &str, figure: &str, note: &str) -> Markup {
    html! { div.tile { p.name { (name) } p.figure { (figure) } p.note { (note) } } }
}
