//! `index.html`: one page that works offline, on paper and without its script.

mod charts;
mod faults;
mod head;
mod ledger;
mod limits;
mod load_charts;
mod origin;
mod resource_charts;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::Facts;
use super::figures;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// The outcome as an icon in the browser's tab, in the page itself: green, amber or red.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http%3A//www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23COLOR'/%3E%3C/svg%3E";

/// The page.
pub(super) fn page(facts: &Facts<'_>) -> String {
    let run = &facts.data.run;
    let color = match facts.verdict.outcome {
        crate::record::VerdictOutcome::Passed => "0a7f4f",
        crate::record::VerdictOutcome::Warned => "b57600",
        crate::record::VerdictOutcome::Inconclusive => "5f5ab8",
        _ => "c62f2f",
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                title { (run.experiment.name) ": " (figures::outcome(facts.verdict.outcome)) ", " (run.id) }
                link rel="icon" href=(ICON.replace("COLOR", color));
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head::header(facts))
                    (head::banner(facts))
                    (head::tiles(facts))
                    (limits::section(facts))
                    (charts::section(facts))
                    (ledger::section(facts))
                    (faults::section(facts))
                    (origin::errors(facts))
                    (origin::steps(facts))
                    (origin::timeline(facts))
                    (origin::provenance(facts))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// A section with a heading that can be linked to.
fn section(id: &str, title: &str, lead: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (title) @if !lead.is_empty() { " " span.lead { (lead) } } }
            (body)
        }
    }
}
