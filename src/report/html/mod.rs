//! `index.html`: one page that works offline, on paper and without its script.

mod charts;
mod faults;
mod head;
mod leaks;
mod ledger;
mod limits;
mod load_charts;
mod origin;
mod own;
mod probe_charts;
mod resource_charts;
mod steps;

pub(super) use limits::table as limits_table;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::Facts;
use super::opening::tab_color;
use super::{capacity, compare, figures};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// The outcome as an icon in the browser's tab, in the page itself: green, amber or red.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http%3A//www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23COLOR'/%3E%3C/svg%3E";

/// The page of a run.
pub(super) fn page(facts: &Facts<'_>) -> String {
    let title = format!(
        "{}: {}, {}",
        facts.data.run.experiment.name,
        figures::outcome(facts.verdict.outcome),
        facts.data.run.id
    );
    shell(
        &title,
        tab_color(facts.verdict.outcome),
        &html! {
            (head::header(facts))
            (head::banner(facts))
            (head::tiles(facts))
            (limits::section(facts))
            @if let Some(c) = &facts.verdict.comparison { (compare::html_section(c)) }
            @if let Some((found, tried)) = capacity::of(facts) {
                (section("capacity", "The search for the limit", &found, &tried.html()))
            }
            (charts::section(facts))
            (ledger::section(facts))
            (faults::section(facts))
            (leaks::section(facts))
            (origin::errors(facts))
            (steps::section(facts))
            (own::section(facts))
            (origin::timeline(facts))
            (origin::provenance(facts))
        },
    )
}

/// The page of a leak investigation: of one service, or of all.
pub(super) fn leak_page(facts: &Facts<'_>, service: Option<&str>) -> String {
    let title =
        format!("{}: leak investigation, {}", facts.data.run.experiment.name, facts.data.run.id);
    let leaking = facts
        .verdict
        .leaks
        .iter()
        .any(|l| l.finding.verdict == crate::record::LeakVerdict::Leaking);
    shell(
        &title,
        if leaking { "c62f2f" } else { "0a7f4f" },
        &html! {
            (head::header(facts))
            (leaks::investigations(facts, service))
            (origin::provenance(facts))
        },
    )
}

/// What every page has around its content. `color` is its icon's, in hex.
pub(super) fn shell(title: &str, color: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                title { (title) }
                link rel="icon" href=(ICON.replace("COLOR", color));
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (content) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// A section with a heading that can be linked to.
pub(super) fn section(id: &str, title: &str, lead: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (title) @if !lead.is_empty() { " " span.lead { (lead) } } }
            (body)
        }
    }
}
