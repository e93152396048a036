//! Heap profiles: what was fetched, when, how it can be told again, and the sites that grew.

use maud::{Markup, html};

use super::super::super::leaks::{Case, SourceGrowth};
use crate::record::{Captured, HeapProfile, ProfileStatus};
use crate::units::Bytes;

pub(super) fn section(case: &Case<'_>) -> Markup {
    let profiles: Vec<&HeapProfile> = case.looks.iter().flat_map(|look| &look.heap).collect();
    if profiles.is_empty() {
        return html! {};
    }
    html! {
        h4 { "Heap profiles" }
        div.scroll { table.narrow {
            thead { tr { th { "At" } th { "Source" } th { "Answer" } th.n { "Size" } th { "SHA-256" } th { "File in the run's folder" } } }
            tbody { @for profile in profiles { tr {
                td.mono { (profile.from) } td { (profile.source) }
                td { @match profile.status {
                    Some(ProfileStatus::Http(code)) => { "HTTP " (code) },
                    Some(ProfileStatus::Exit(code)) => { "exit code " (code) },
                    None => { "none" },
                } }
                @match &profile.body {
                    Captured::Captured(body) => {
                        td.n { (Bytes(body.size).human()) } td.mono.long { (body.sha256) } td.mono.long { (body.file) }
                    },
                    Captured::NotCaptured(why) => { td colspan="3" { "not captured, because " (why) } },
                }
            } } }
        } }
        @for grown in case.grown_sites() { (growth(&grown)) }
    }
}

/// Sites shown.
const MOST: usize = 12;

fn growth(grown: &SourceGrowth<'_>) -> Markup {
    html! {
        h4 { "Sites that grew" span.lead { (grown.source) ", " (grown.from) " to " (grown.to) } }
        @match &grown.sites {
            Ok(sites) if sites.is_empty() => { p.soft { "None of the largest sites grew." } },
            Ok(sites) => { div.scroll { table.narrow {
                thead { tr { th.n { "Grown by" } th.n { "First" } th.n { "Last" } th { "Allocated by" } } }
                tbody { @for site in sites.iter().take(MOST) { tr {
                    td.n { strong { "+" (Bytes(site.bytes().unsigned_abs()).human()) } }
                    td.n { (site.first.map_or_else(|| "–".to_owned(), |b| Bytes(b).human())) }
                    td.n { (Bytes(site.last).human()) }
                    td.mono { @for (i, frame) in site.frames.iter().enumerate() { @if i > 0 { br; span.soft { "called by " } } (frame) } }
                } } }
            } } },
            Err(why) => { p.soft { "Not compared, because " (why) } },
        }
    }
}
