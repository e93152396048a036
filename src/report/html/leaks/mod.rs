//! Leaks: how each gauge was judged, and what was found of those that grow.

mod anatomy;
mod charts;
mod instance;
mod lives;
mod overview;
mod profiles;

use maud::{Markup, html};

use super::super::chart::Frame;
use super::super::facts::Facts;
use super::super::leaks::{Case, all_open, sentence};
use super::section as part;

/// The section of a run's page: every gauge in a table, and each instance that needs a look.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    let cases = Case::all(facts, None);
    if cases.is_empty() {
        let body = html! { p.empty { "No instance was sampled, so nothing could be judged." } };
        return part("leaks", "Leaks", "", &body);
    }
    let frame = Frame::of(facts);
    let body = html! {
        @if all_open(&cases) {
            p { (sentence(&cases).text) }
            details { summary { "every gauge" } (overview::table(&cases)) }
        } @else { (overview::table(&cases)) }
        @for case in cases.iter().filter(|c| c.needs_a_look()) { (instance::investigation(facts, case, frame.as_ref())) }
        p.soft { "Every instance in full: " code { "longhaul leak " (facts.data.run.id) } }
    };
    part(
        "leaks",
        "Leaks",
        "every gauge of every instance, judged against rival explanations",
        &body,
    )
}

/// The body of an investigation's page: every instance asked for, in full, the worst first.
pub(super) fn investigations(facts: &Facts<'_>, service: Option<&str>) -> Markup {
    let cases = Case::all(facts, service);
    let frame = Frame::of(facts);
    html! {
        (overview::banner(&cases))
        (part("leaks", "Verdicts", "every gauge of every instance, judged against rival explanations", &overview::table(&cases)))
        @for case in &cases {
            section { (instance::investigation(facts, case, frame.as_ref())) }
        }
    }
}
