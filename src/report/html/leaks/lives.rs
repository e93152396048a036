//! The lives of an instance's process: how long, how they ended, what they held.

use maud::{Markup, html};

use super::super::super::facts::Facts;
use super::super::super::figures::span;
use super::super::super::leaks::Case;
use crate::units::Bytes;

pub(super) fn section(facts: &Facts<'_>, case: &Case<'_>) -> Markup {
    let lives = case.lives(&facts.data.events);
    if lives.len() < 2 {
        return html! {};
    }
    let bytes = |b: Option<u64>| b.map_or_else(|| "–".to_owned(), |b| Bytes(b).human());
    html! {
        h4 { "Lives" }
        div.scroll { table.narrow {
            thead { tr { th.n { "#" } th { "From" } th { "To" } th.n { "Lasted" } th.n { "Memory at first" } th.n { "At last" } th { "Ended by" } } }
            tbody { @for life in &lives { tr {
                td.n { (life.number + 1) } td.mono { (life.from) } td.mono { (life.to) } td.n { (span(life.to.since(life.from))) }
                td.n { (bytes(life.memory.0)) } td.n { (bytes(life.memory.1)) }
                td { (life.ending.as_deref().unwrap_or("–")) }
            } } }
        } }
    }
}
