//! The picture of a trend: a dot per run, the level between changes, and what the runs brought.

use maud::{Markup, html};

use super::super::chart::Scale;
use super::super::compare::{figure_words, metric_unit, value_words};
use super::super::figures::calendar;
use super::super::table::cut;
use super::{change_text, counts, headline, why_not};
use crate::record::{Trend, TrendChange, TrendFinding, TrendPoint};

const WIDTH: f64 = 1120.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 1100.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 270.0;
/// What the picture looks like where no page's style sheet is at hand.
const STYLE: &str = "svg{background:#fff}text{font:11.5px sans-serif;fill:#5c6672}.grid line{stroke:#e9ecf0}.dot{fill:#0b6bb3}\
                     .dot.apart{fill:none;stroke:#8a94a3}.level{stroke:#c4500c;stroke-width:2}.step{stroke:#b3261e;\
                     stroke-dasharray:4 3}text.step{fill:#b3261e;stroke:none}";

/// A file of its own.
pub(super) fn alone(trend: &Trend) -> String {
    let svg = draw(trend, Some(STYLE)).into_string();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{svg}\n")
}

/// As a part of a page, or with a style of its own.
pub(super) fn draw(trend: &Trend, style: Option<&str>) -> Markup {
    let values = || trend.points.iter().filter_map(|p| p.value);
    let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0_f64, f64::max));
    let scale =
        Scale::of(metric_unit(trend.figure.metric), if min.is_finite() { min } else { 0.0 }, max);
    let y = |v: f64| scale.y(v, BOTTOM, TOP);
    html! {
        svg.trend xmlns="http://www.w3.org/2000/svg" viewBox={"0 0 " (WIDTH) " " (HEIGHT)} role="img" aria-label=(headline(trend)) {
            @if let Some(style) = style { style { (maud::PreEscaped(style)) } }
            text x=(LEFT) y="16" { (cut(&figure_words(&trend.figure), 80)) }
            g.grid {
                @for (value, text) in &scale.ticks {
                    line x1=(LEFT) x2=(RIGHT) y1=(px(y(*value))) y2=(px(y(*value))) {}
                    text x=(LEFT - 8.0) y=(px(y(*value) + 4.0)) text-anchor="end" { (text) }
                }
            }
            (levels(trend, &y))
            @for (i, point) in trend.points.iter().enumerate() {
                @if let Some(value) = point.value { (dot(trend, i, point, y(value))) }
            }
            (labels(trend))
        }
    }
}

fn px(n: f64) -> String {
    format!("{n:.1}")
}

fn x(trend: &Trend, i: f64) -> f64 {
    let last = (trend.points.len().max(2) - 1) as f64;
    LEFT + 16.0 + (RIGHT - LEFT - 32.0) * (i / last).clamp(0.0, 1.0)
}

fn dot(trend: &Trend, i: usize, point: &TrendPoint, y: f64) -> Markup {
    let why = why_not(point).map(|why| format!(" (not counted: {why})")).unwrap_or_default();
    let value = point.value.map(|v| value_words(trend.figure.metric, v)).unwrap_or_default();
    html! {
        circle.dot.apart[!counts(point)] cx=(px(x(trend, i as f64))) cy=(px(y)) r="4" {
            title { (point.run) ", " (calendar(point.started)) ": " (value) (why) }
        }
    }
}

/// The level before, between and after the changes.
fn levels(trend: &Trend, y: &dyn Fn(f64) -> f64) -> Markup {
    let TrendFinding::Changes { changes, .. } = &trend.finding else { return html! {} };
    let Some(first) = changes.first() else { return html! {} };
    let starts = std::iter::once((0, first.before)).chain(changes.iter().map(|c| (c.at, c.after)));
    let ends = changes.iter().map(|c| c.at).chain([trend.points.len()]);
    html! {
        @for ((from, level), to) in starts.zip(ends) {
            line.level x1=(px(x(trend, from as f64 - 0.3))) x2=(px(x(trend, to as f64 - 0.7)))
                y1=(px(y(level))) y2=(px(y(level))) {}
        }
        @for change in changes { (step(trend, change)) }
    }
}

fn step(trend: &Trend, change: &TrendChange) -> Markup {
    let at = x(trend, change.at as f64 - 0.5);
    let anchor = if at > RIGHT - 120.0 { "end" } else { "start" };
    html! {
        line.step x1=(px(at)) x2=(px(at)) y1=(TOP) y2=(BOTTOM) { title { (change_text(trend, change)) } }
        text.step x=(px(if anchor == "end" { at - 5.0 } else { at + 5.0 })) y=(TOP + 2.0) text-anchor=(anchor) {
            (super::by(trend, change))
        }
    }
}

/// Dates, and below them what was new; as many as fit.
fn labels(trend: &Trend) -> Markup {
    let n = trend.points.len();
    let every = n.div_ceil(12).max(1);
    html! {
        g.time {
            @for (i, point) in trend.points.iter().enumerate().filter(|(i, _)| i % every == 0) {
                text x=(px(x(trend, i as f64))) y=(BOTTOM + 20.0) text-anchor="middle" { (point.started.strftime("%m-%d %H:%M")) }
                @let news: Vec<&str> = trend.points[i..(i + every).min(n)].iter().flat_map(|p| &p.changed).map(String::as_str).collect();
                @if i > 0 && !news.is_empty() {
                    text x=(px(x(trend, i as f64))) y=(BOTTOM + 38.0) text-anchor="middle" { (cut(&news.join(", "), 16)) title { (news.join(", ")) } }
                }
            }
        }
    }
}
