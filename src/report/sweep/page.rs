//! A sweep as a page.

use maud::html;

use super::super::figures::outcome;
use super::super::html::{limits_table, section, shell};
use super::super::opening::{Opening, tab_color};
use super::{measured_by, picture, table, what};
use crate::record::SweepVerdict;

/// The page.
pub(super) fn page(v: &SweepVerdict) -> String {
    let title = format!("{}: {}, {}", v.experiment, outcome(v.outcome), v.id);
    let body = html! {
        header { div { p.brand { "longhaul sweep" } h1 { (v.experiment) } p.description { (what(v)) } } }
        (Opening::from(v).banner(&html! {}))
        (section("rates", "Rate by size", "measured, and what as many times one instance would carry", &html! {
            (picture::draw(v))
            @if let Some(by) = measured_by(v) { p.soft { (by) } }
        }))
        (section("sizes", "Sizes", "a run each", &table(v).html()))
        @if !v.limits.is_empty() { (section("limits", "Limits", "", &limits_table(&v.limits))) }
    };
    shell(&title, tab_color(v.outcome), &body)
}
