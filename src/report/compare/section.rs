//! A comparison as a part of a page.

use maud::{Markup, html};

use super::super::figures::dash;
use super::super::html::section as part;
use super::words;
use crate::record::{Comparison, Finding, Tier};

/// The section of a run's page.
pub(in crate::report) fn section(c: &Comparison) -> Markup {
    let body = html! {
        p { strong { (words::headline(c)) } }
        (facts(c))
        @if c.refused.is_empty() { (table(c)) }
    };
    part("comparison", &format!("Against {}", c.a.name), "", &body)
}

/// The result, large.
pub(super) fn headline(c: &Comparison) -> Markup {
    let (class, icon, word) = match c.tier() {
        Tier::Pass => ("pass", "✓", "no regression"),
        Tier::Warn => ("warn", "!", "worse"),
        Tier::Unknown => ("unknown", "?", "not compared"),
        Tier::Fail => ("fail", "✕", "regressed"),
    };
    html! {
        section.banner.(class) aria-label="Result" {
            div.icon aria-hidden="true" { (icon) }
            div { p.outcome { (word) } p.headline { (words::headline(c)) } (facts(c)) }
        }
    }
}

fn facts(c: &Comparison) -> Markup {
    html! {
        ul {
            li { b { "a" } " " (words::run(&c.a)) }
            li { b { "b" } " " (words::run(&c.b)) }
            @for line in words::versions(c) { li { "changed: " span.long { (line) } } }
            @for d in &c.refused { li { "unlike: " span.long { (words::difference_text(d)) } } }
            @for d in &c.accepted {
                li { "accepted: " span.long { (words::difference_text(d)) }
                    @if let Some(means) = d.aspect.accepted_means() { " – " (means) }
                }
            }
            @if !c.refused.is_empty() { @for way in words::ways_out(&c.refused) { li { (way) } } }
        }
    }
}

/// Every figure.
pub(super) fn table(c: &Comparison) -> Markup {
    html! {
        div.scroll { table.dense {
            thead { tr {
                th { "Tier" } th { "Figure" } th.n { "a" } th.n { "b" } th.n { "Change" } th.n { "98% interval" }
                th.n { "Warn / fail" } th.n { "Windows" }
            } }
            tbody { @for f in &c.findings { (row(f)) } }
        } }
        @for line in words::gaps(c) { p.soft { (line) } }
        p.soft { (words::allowance(c)) }
    }
}

fn row(f: &Finding) -> Markup {
    let metric = f.figure.metric;
    let class = super::super::figures::tier(f.tier);
    let value = |pick: fn(&crate::record::Change) -> f64| {
        f.change.as_ref().map_or_else(dash, |x| words::value(metric, pick(x)))
    };
    html! {
        tr class=(class) {
            td { span.badge.(class) { (words::tier(f)) } }
            td { (words::figure(&f.figure)) }
            td.n { (value(|x| x.a)) } td.n { (value(|x| x.b)) }
            @if let Some(x) = &f.change {
                td.n { strong { (words::change(metric, x.change)) } }
                td.n { (words::bounds(metric, x)) }
            } @else { td.n { (dash()) } td.n { (dash()) } }
            td.n.soft { (words::lines(metric, &f.line)) }
            td.n.soft { @if f.windows.0 == f.windows.1 { (f.windows.0) } @else { (f.windows.0) " and " (f.windows.1) } }
        }
    }
}
