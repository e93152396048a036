//! Heap profiles: what was fetched, when, and how it can be told again.

use maud::{Markup, html};

use super::super::super::leaks::Case;
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
    }
}
