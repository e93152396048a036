//! longhaul itself: what it used, and whether that grew.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::super::own;
use super::section as part;

/// The section of longhaul itself.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    if facts.verdict.ledger.is_empty() {
        return html! {};
    }
    let body = html! {
        @if !facts.verdict.own.is_empty() { (own::verdicts(facts).html()) }
        details { summary { "By ledger row" } (own::table(facts).html()) }
    };
    part(
        "longhaul",
        "longhaul itself",
        "what it used in the judged phase, and whether that grew",
        &body,
    )
}
