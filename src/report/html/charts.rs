//! The section of charts.

use maud::{Markup, html};

use super::super::chart::Frame;
use super::super::facts::Facts;
use super::{load_charts, probe_charts, resource_charts, section as part};

/// All charts of a run, or a line that says why there are none.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    let Some(frame) = Frame::of(facts) else {
        let body = html! { p.empty { "No load was recorded, so there is nothing to draw." } };
        return part("charts", "Charts", "", &body);
    };
    let memory = resource_charts::memory(facts);
    let probes = probe_charts::all(facts);
    let body = html! {
        p.key {
            @if !frame.windows.is_empty() {
                span { i.key.fault {} "fault in force" } span { i.key.recovering {} "recovering" }
            }
            @if !frame.shades.is_empty() { span { i.key.shade {} "not judged" } }
            span { i.key.mark {} "restart" }
            span.soft { "time since the start, and UTC below it; where readings are many, lines are means and bands reach from lowest to highest" }
        }
        @for chart in load_charts::all(facts, &frame) { (chart.draw(&frame)) }
        @if !memory.is_empty() {
            h3 { "Memory" span.lead { "anonymous memory, per instance; for the host: used" } }
            div.grid-2 { @for chart in memory { (chart.draw(&frame)) } }
        }
        @if let Some(chart) = resource_charts::cpu(facts) { (chart.draw(&frame)) }
        @if !probes.is_empty() {
            h3 { "Probes" span.lead { "what the target told of itself" } }
            div.grid-2 { @for chart in probes { (chart.draw(&frame)) } }
        }
    };
    part("charts", "Charts", "", &body)
}
