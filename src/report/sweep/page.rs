//! A sweep as a page.

use maud::{Markup, html};

use super::super::figures::outcome;
use super::super::html::{limits_table, section, shell};
use super::{measured_by, picture, table, what};
use crate::record::{SweepVerdict, VerdictOutcome};

/// The page.
pub(super) fn page(v: &SweepVerdict) -> String {
    let title = format!("{}: {}, {}", v.experiment, outcome(v.outcome), v.id);
    let color = match v.outcome {
        VerdictOutcome::Passed => "0a7f4f",
        VerdictOutcome::Warned => "b57600",
        VerdictOutcome::Inconclusive => "5f5ab8",
        _ => "c62f2f",
    };
    let body = html! {
        header { div { p.brand { "longhaul sweep" } h1 { (v.experiment) } p.description { (what(v)) } } }
        (banner(v))
        (section("rates", "Rate by size", "measured, and what as many times one instance would carry", &html! {
            (picture::draw(v))
            @if let Some(by) = measured_by(v) { p.soft { (by) } }
        }))
        (section("sizes", "Sizes", "a run each", &table(v).html()))
        @if !v.limits.is_empty() { (section("limits", "Limits", "", &limits_table(&v.limits))) }
    };
    shell(&title, color, &body)
}

fn banner(v: &SweepVerdict) -> Markup {
    let (class, icon) = match v.outcome {
        VerdictOutcome::Passed => ("pass", "✓"),
        VerdictOutcome::Warned => ("warn", "!"),
        VerdictOutcome::Inconclusive => ("unknown", "?"),
        VerdictOutcome::Aborted => ("fail", "■"),
        VerdictOutcome::Failed | VerdictOutcome::Errored => ("fail", "✕"),
    };
    html! {
        section.banner.(class) aria-label="Verdict" {
            div.icon aria-hidden="true" { (icon) }
            div {
                p.outcome { (outcome(v.outcome)) span.soft { "exit code " (v.exit_code) } }
                p.headline { (v.headline) }
                @if !v.reasons.is_empty() { ul { @for reason in &v.reasons { li { (reason) } } } }
            }
        }
    }
}
