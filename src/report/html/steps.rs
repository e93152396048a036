//! The steps: requests, answers and bytes, and where the time goes.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::super::steps;
use super::section as part;

const TIMES: &str = "connecting and TLS of the connections that were opened for a step; totals count from when a request was due";

/// The section of the steps.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    if facts.steps.is_empty() {
        return html! {};
    }
    let body = html! {
        (steps::requests(&facts.steps).html())
        h3 { "Where the time goes" span.lead { (TIMES) } }
        (steps::times(&facts.steps).html())
    };
    part("steps", "Steps", "requests of the judged phase", &body)
}
