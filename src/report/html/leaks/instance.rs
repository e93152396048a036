//! One instance: what to look at first, the chart, the rivals, what was captured.

use maud::{Markup, html};

use super::super::super::chart::Frame;
use super::super::super::events::words;
use super::super::super::facts::Facts;
use super::super::super::figures::{clock, span};
use super::super::super::leaks::{BESIDE, Case, hours, nearest, per_request, slope, to_limit};
use super::super::super::table::cut;
use super::overview::badge;
use super::{anatomy, charts, lives, profiles};
use crate::clock::Offset;
use crate::record::{Captured, Clue, LeakResult, LeakVerdict, Standing};
use crate::units::trim;

/// Everything that is known of one instance.
pub(super) fn investigation(facts: &Facts<'_>, case: &Case<'_>, frame: Option<&Frame>) -> Markup {
    html! {
        div.investigation id={"leak-" (case.instance.service) "-" (case.instance.ordinal)} {
            h3 { (case.instance) }
            @if case.clues.is_empty() {
                p.soft { "Nothing that was captured points anywhere in particular." }
            } @else {
                ol.clues { @for clue in case.clues { (one(clue)) } }
            }
            @for n in 0..case.results.len() { (gauge(facts, case, n, frame)) }
            (anatomy::section(case))
            (profiles::section(case))
            (lives::section(facts, case))
            (missing(case))
        }
    }
}

fn one(clue: &Clue) -> Markup {
    html! { li class=(if clue.harmful { "harmful" } else { "harmless" }) {
        strong { (clue.sentence) }
        @if !clue.next.is_empty() { ul { @for step in &clue.next { li { (step) } } } }
        @if !clue.figures.is_empty() { details { summary { "figures" } ul.soft { @for f in &clue.figures { li { (f) } } } } }
    } }
}

/// How one gauge was judged. What is stable is folded away.
fn gauge(facts: &Facts<'_>, case: &Case<'_>, n: usize, frame: Option<&Frame>) -> Markup {
    let result = case.results[n];
    let finding = &result.finding;
    let open = matches!(finding.verdict, LeakVerdict::Leaking | LeakVerdict::Suspected);
    html! { details.gauge open[open] {
        summary { (badge(finding.verdict)) " " strong { (result.gauge) } " " (finding.reason) }
        dl.facts.wide {
            @if let Some(text) = slope(&result.gauge, finding) { div { dt { "Growth" } dd { (text) } } }
            @if let Some(text) = per_request(&result.gauge, finding) { div { dt { "A request" } dd { (text) } } }
            @if let Some(text) = to_limit(finding) { div { dt { "Limit reached in" } dd { (text) } } }
            @if let Some(need) = finding.hours_needed { div { dt { "Record still needed" } dd { (hours(need)) } } }
            @if let Some(change) = finding.change_point { div { dt { "Since" } dd {
                span.mono { (change.at) }
                @if let Some(near) = nearest(&facts.data.events, change.at) { span.soft { " · nearest event: " (near.what) } }
            } } }
            div { dt { "Judged on" } dd {
                (finding.basis.windows) " windows of " (span(finding.basis.window))
                " in " (finding.basis.epochs) @if finding.basis.epochs == 1 { " life" } @else { " lives" }
            } }
        }
        @if let Some(frame) = frame { (charts::gauge(case, n, result).draw(frame)) }
        @if !finding.rivals.is_empty() { (rivals(result)) }
        p { strong { "What would change this verdict: " } (finding.would_change) }
        @if let Some(change) = finding.change_point { (around(facts, case, change.at)) }
    } }
}

fn rivals(result: &LeakResult) -> Markup {
    html! { div.scroll { table {
        thead { tr { th { "Explanation" } th { "Parameters" } th.n { "ΔBIC" } th.n { "Growth at the end" } th { "Standing" } th { "Why" } } }
        tbody { @for rival in &result.finding.rivals {
            @let text = |v| result.finding.unit.amount(v);
            tr {
                td { (rival.shape) } td { (rival.parameters) } td.n { (trim(rival.delta_bic, 1)) }
                td.n { (text(rival.slope.value)) "/h " span.soft { "(" (text(rival.slope.low)) " to " (text(rival.slope.high)) ")" } }
                td { @match rival.standing {
                    Standing::Best => { strong { "best" } }, Standing::Plausible => { "plausible" }, Standing::Lost => { span.soft { "lost" } },
                } }
                td { (rival.why) }
            }
        } }
    } } }
}

fn around(facts: &Facts<'_>, case: &Case<'_>, at: Offset) -> Markup {
    let near: Vec<_> = facts
        .data
        .events
        .iter()
        .filter(|e| e.at + BESIDE >= at && e.at <= at + BESIDE)
        .take(30)
        .collect();
    html! {
        h4 { "Around " (at) }
        @if near.is_empty() { p.soft { "Nothing was recorded within five minutes of it." } } @else {
            ul { @for event in near {
                li { span.mono { (event.at) } " " span.soft.mono { (clock(facts.data.run.anchor, event.at).strftime("%H:%M:%S")) } " " (words(&event.kind).1) }
            } }
        }
        @match case.log(at) {
            None => {},
            Some(Captured::NotCaptured(why)) => { p.soft { "What it printed then: not captured, because " (why) } },
            Some(Captured::Captured(lines)) if lines.is_empty() => { p.soft { (case.instance) " printed nothing around it." } },
            Some(Captured::Captured(lines)) => {
                p { "What " (case.instance) " printed around it:" }
                div.scroll { pre { @for line in lines { (cut(line, LONGEST)) "\n" } } }
            },
        }
    }
}

/// Characters of a log line that are shown.
const LONGEST: usize = 300;

/// What the looks could not see.
fn missing(case: &Case<'_>) -> Markup {
    let missing = case.missing();
    html! { @if !missing.is_empty() {
        h4 { "Not captured" }
        ul.soft { @for line in missing { li { (line) } } }
    } }
}
