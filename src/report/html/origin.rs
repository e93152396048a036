//! Where the figures come from: errors by text, events, versions, the experiment.

use maud::{Markup, html};

use super::super::events::words;
use super::super::facts::Facts;
use super::super::figures::{calendar, clock, count};
use super::section;
use crate::units::Bytes;

const MOST_ERRORS: usize = 40;
const MOST_EVENTS: usize = 3000;

/// Errors by text.
pub(super) fn errors(facts: &Facts<'_>) -> Markup {
    let errors = &facts.errors;
    let body = html! {
        @if errors.is_empty() { p.empty { "No request ended badly." } } @else {
            div.scroll { table {
                thead { tr { th.n { "Count" } th { "Error" } th { "Step" } th { "First seen" } th { "Last seen" } } }
                tbody { @for e in errors.iter().take(MOST_ERRORS) { tr {
                    td.n { (count(e.count)) } td { (e.text) } td { (e.step) } td.mono { (e.first) } td.mono { (e.last) }
                } } }
            } }
            @if errors.len() > MOST_ERRORS { p.soft { "and " (errors.len() - MOST_ERRORS) " rarer texts" } }
        }
    };
    section("errors", "Errors by text", "warm-up included", &body)
}

/// Everything that happened, folded away.
pub(super) fn timeline(facts: &Facts<'_>) -> Markup {
    let events = &facts.data.events;
    let body = html! { details {
        summary { (count(events.len() as u64)) " events" }
        @if events.len() > MOST_EVENTS { p.soft { "The first " (MOST_EVENTS) "; all of them are in the data folder." } }
        div.scroll { table {
            thead { tr { th { "Since start" } th { "UTC" } th { "Kind" } th { "What" } } }
            tbody { @for event in events.iter().take(MOST_EVENTS) {
                @let (kind, text) = words(&event.kind);
                tr {
                    td.mono { (event.at) } td.mono { (clock(facts.data.run.anchor, event.at).strftime("%H:%M:%S")) }
                    td { span.tag.(kind) { (kind) } } td { (text) }
                }
            } }
        } }
    } };
    section("events", "Events", "", &body)
}

/// Versions, machine, images, experiment.
pub(super) fn provenance(facts: &Facts<'_>) -> Markup {
    let run = &facts.data.run;
    let p = &run.provenance;
    let experiment = serde_json::to_string_pretty(&run.experiment)
        .unwrap_or_else(|error| format!("could not be shown: {error}"));
    let body = html! {
        dl.facts.wide {
            div { dt { "longhaul" } dd { (p.longhaul) } }
            div { dt { "Host" } dd { (p.host) } }
            div { dt { "Kernel" } dd { (p.kernel) } }
            div { dt { "CPU" } dd { (p.cpu) } }
            div { dt { "Memory" } dd { (Bytes(p.memory).human()) } }
            div { dt { "Engine" } dd { (p.engine.as_deref().unwrap_or("none")) } }
            div { dt { "Seed" } dd.mono { (run.experiment.seed) } }
            div { dt { "Offset zero" } dd { (calendar(run.anchor)) } }
            div { dt { "Experiment SHA-256" } dd.mono.long { (p.experiment_sha256) } }
            @for (service, image) in &p.images { div { dt { "Image of " (service) } dd.mono.long { (image) } } }
        }
        p { "Judge the stored records again: " code { "longhaul report " (run.id) } }
        details { summary { "The whole experiment, defaults filled in" } pre { (experiment) } }
        @if let Ok(plan) = serde_json::to_string_pretty(&run.faults) && !run.faults.is_empty() {
            details { summary { "The resolved fault plan" } pre { (plan) } }
        }
    };
    section("provenance", "Provenance", "", &body)
}
