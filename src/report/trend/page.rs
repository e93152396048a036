//! A trend as a page.

use maud::html;

use super::super::compare::value_words;
use super::super::figures::{calendar, dash, outcome};
use super::super::html::{section, shell};
use super::{change_text, expected, headline, picture, why_not};
use crate::record::{Trend, TrendFinding};

/// The page.
pub(super) fn page(trend: &Trend) -> String {
    let metric = trend.figure.metric;
    let empty = Vec::new();
    let changes = match &trend.finding {
        TrendFinding::Changes { changes, .. } => changes,
        TrendFinding::TooFew { .. } => &empty,
    };
    let body = html! {
        header { div { p.brand { "longhaul trend" } h1 { (trend.experiment) } p.description { (headline(trend)) } } }
        (section("trend", "Trend", "a dot per run, oldest first; hollow: not counted", &html! {
            (picture::draw(trend, None))
            ul {
                @for change in changes { li { (change_text(trend, change)) } }
                @if let Some(expected) = expected(trend) { li { (expected) } }
            }
        }))
        (section("runs", "Runs", "", &html! {
            div.scroll { table.dense {
                thead { tr {
                    th { "Run" } th { "Started" } th.n { "Figure" } th { "Outcome" } th { "New in it" } th { "Not counted because" }
                } }
                tbody { @for p in &trend.points { tr {
                    td.mono { (p.run) } td { (calendar(p.started)) }
                    td.n { (p.value.map_or_else(dash, |v| value_words(metric, v))) }
                    td { (p.outcome.map_or_else(dash, |o| outcome(o).to_owned())) }
                    td.long { (p.changed.join(", ")) } td.long.soft { (why_not(p).unwrap_or_default()) }
                } } }
            } }
        }))
    };
    shell(&headline(trend), "0b6bb3", &body)
}
