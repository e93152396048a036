//! Every gauge in one table.

use maud::{Markup, html};

use super::super::super::leaks::{Case, Ranged, per_request, sentence, slope, to_limit};
use crate::record::LeakVerdict;

/// The table, the worst instances first.
pub(super) fn table(cases: &[Case<'_>]) -> Markup {
    html! { div.scroll { table {
        thead { tr {
            th { "Verdict" } th { "Instance" } th { "Gauge" } th.n { "Growth" } th.n { "A request" }
            th.n { "Limit reached in" } th { "Since" } th { "Why" }
        } }
        tbody { @for case in cases { @for result in &case.results {
            @let f = &result.finding;
            tr {
                td { (badge(f.verdict)) }
                td { a href={"#leak-" (case.instance.service) "-" (case.instance.ordinal)} { (case.instance) } }
                td { (result.gauge) }
                td.n { (ranged(slope(&result.gauge, f))) }
                td.n { (per_request(&result.gauge, f).unwrap_or_else(|| "–".to_owned())) }
                td.n { (ranged(to_limit(f))) }
                td.mono { (f.change_point.map_or_else(|| "–".to_owned(), |c| c.at.to_string())) }
                td.why { (f.reason) }
            }
        } } }
    } } }
}

fn ranged(figure: Option<Ranged>) -> Markup {
    html! { @match figure {
        Some(Ranged { value, range }) => { (value) div.soft { (range) } },
        None => { "–" },
    } }
}

/// What it comes to, and what to look at first.
pub(super) fn banner(cases: &[Case<'_>]) -> Markup {
    let said = sentence(cases);
    let first = cases.iter().find_map(|case| Some((case, case.clues.iter().find(|c| c.harmful)?)));
    html! {
        section.banner.(said.class) aria-label="Verdict" {
            div.icon aria-hidden="true" { (said.icon) }
            div {
                p.headline { (said.text) }
                @if let Some((case, clue)) = first {
                    p { strong { "Look first at " a href={"#leak-" (case.instance.service) "-" (case.instance.ordinal)} { (case.instance) } ": " } (clue.sentence) }
                }
            }
        }
    }
}

/// A verdict in its colour, with a sign that does not need the colour.
pub(super) fn badge(verdict: LeakVerdict) -> Markup {
    let (class, icon) = match verdict {
        LeakVerdict::Leaking => ("fail", "✕"),
        LeakVerdict::Suspected => ("warn", "!"),
        LeakVerdict::Warming => ("pass", "↗"),
        LeakVerdict::Stable => ("pass", "✓"),
        LeakVerdict::Inconclusive => ("unknown", "?"),
    };
    html! { span.badge.(class) { (icon) " " (verdict.word()) } }
}
