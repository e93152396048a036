//! The limits: bound, measured value, margin, and a bar that shows the two.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::super::figures::tier;
use super::section as part;
use crate::record::{LimitResult, Tier};

/// The table of limits.
pub(in crate::report) fn table(limits: &[LimitResult]) -> Markup {
    html! {
        div.scroll { table.limits {
            thead { tr {
                th { "Tier" } th { "Limit" } th.n { "Bound" } th.n { "Warn" } th.n { "Measured" } th.n { "Margin" }
                th { "Measured against bound" }
            } }
            tbody { @for limit in limits { tr class=(tier(limit.tier)) {
                td { span.badge.(tier(limit.tier)) { (icon(limit.tier)) " " (tier(limit.tier)) } }
                td { strong { (limit.name) }
                    @if let Some((from, to)) = limit.window { div.soft { "worst window " (from) " to " (to) } }
                    @if let Some(note) = &limit.note { div.soft { (note) } }
                }
                td.n { (limit.bound) }
                td.n { (limit.warn.as_deref().unwrap_or("–")) }
                td.n { strong { (limit.measured) } }
                td.n { (limit.margin.as_deref().unwrap_or("–")) }
                td { (bar(limit)) }
            } } }
        } }
    }
}

/// The section of limits.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    let limits = &facts.verdict.limits;
    let held = limits.iter().filter(|l| matches!(l.tier, Tier::Pass | Tier::Warn)).count();
    if limits.is_empty() {
        let body = html! { p.empty { "The experiment sets no limits." } };
        return part("limits", "Limits", "", &body);
    }
    part("limits", "Limits", &format!("{held} of {} held", limits.len()), &table(limits))
}

fn icon(t: Tier) -> &'static str {
    match t {
        Tier::Pass => "✓",
        Tier::Warn => "!",
        Tier::Unknown => "?",
        Tier::Fail => "✕",
    }
}

/// Length: the measured value; the tick: the bound. Both on a scale that starts at zero.
fn bar(limit: &LimitResult) -> Markup {
    const WIDTH: f64 = 180.0;
    let Some(measured) = limit.measured_value.filter(|m| m.is_finite()) else {
        return html! { span.soft { "not measured" } };
    };
    let whole = limit.bound_value.max(measured).max(0.0) * 1.15;
    let place = |v: f64| if whole > 0.0 { (v / whole).clamp(0.0, 1.0) * WIDTH } else { 0.0 };
    // A bound of zero has no length: its tick stands at the start, and any measured value passes it.
    let (fill, tick) = (place(measured), place(limit.bound_value).max(1.0));
    let words = format!("measured {}, bound {}", limit.measured, limit.bound);
    html! {
        svg.bar.(tier(limit.tier)) viewBox={"0 0 " (WIDTH) " 14"} width=(WIDTH) height="14" role="img" aria-label=(words) {
            rect.track x="0" y="4" width=(WIDTH) height="6" rx="3" {}
            rect.fill x="0" y="4" width=(format!("{fill:.1}")) height="6" rx="3" {}
            line.tick x1=(format!("{tick:.1}")) x2=(format!("{tick:.1}")) y1="0" y2="14" {}
        }
    }
}
