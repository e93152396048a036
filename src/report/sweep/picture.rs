//! The picture of a sweep: a dot per size, the line of as many times one instance, and the limit below it.

use maud::{Markup, html};

use super::super::chart::{Scale, Unit};
use super::{rate_text, share_text, single};
use crate::record::{Estimate, SweepRun, SweepVerdict};

const WIDTH: f64 = 1120.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 1000.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 300.0;

/// As a part of a page.
pub(super) fn draw(v: &SweepVerdict) -> Markup {
    let largest = f64::from(v.sweep.sizes.iter().copied().max().unwrap_or(1));
    let single = single(v);
    let ideal = single.map(|one| one * largest);
    let measured = v.runs.iter().filter_map(|run| Some(run.rate.as_ref()?.rate.value()));
    let most = measured.chain(ideal).fold(0.0_f64, f64::max);
    let scale = Scale::of(Unit::PerSecond, 0.0, most);
    let x = |size: f64| LEFT + (RIGHT - LEFT) * size / largest;
    let y = |rate: f64| scale.y(rate, BOTTOM, TOP);
    let ray = |class: &str, rate: f64, text: &str| {
        html! {
            line.(class) x1=(px(x(0.0))) y1=(px(y(0.0))) x2=(px(x(largest))) y2=(px(y(rate))) {}
            text.(class) x=(RIGHT + 8.0) y=(px(y(rate) + 4.0)) { (text) }
        }
    };
    let least = v.sweep.efficiency.as_ref().map(|bound| bound.limit);
    let mut runs: Vec<&SweepRun> = v.runs.iter().collect();
    runs.sort_by_key(|run| run.size);
    let path: Vec<String> = runs
        .iter()
        .filter_map(|run| Some((run.size, run.rate.as_ref()?.rate.value())))
        .map(|(size, rate)| format!("{},{}", px(x(f64::from(size))), px(y(rate))))
        .collect();
    html! {
        svg.sweep xmlns="http://www.w3.org/2000/svg" viewBox={"0 0 " (WIDTH) " " (HEIGHT)} role="img" aria-label=(v.headline) {
            g.grid {
                @for (value, text) in &scale.ticks {
                    line x1=(LEFT) x2=(RIGHT) y1=(px(y(*value))) y2=(px(y(*value))) {}
                    text x=(LEFT - 8.0) y=(px(y(*value) + 4.0)) text-anchor="end" { (text) }
                }
            }
            @if let Some(rate) = ideal {
                (ray("ideal", rate, "100% (ideal)"))
                @if let Some(least) = least { (ray("least", rate * least.base(), &format!("{least} (limit)"))) }
            }
            polyline.measured points=(path.join(" ")) {}
            @for run in &runs {
                text x=(px(x(f64::from(run.size)))) y=(BOTTOM + 20.0) text-anchor="middle" { (run.size) }
                (dot(v, run, &x, &y))
            }
            text x=(LEFT) y=(BOTTOM + 44.0) { "instances of " (v.sweep.service) }
        }
    }
}

fn dot(v: &SweepVerdict, run: &SweepRun, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> Markup {
    let Some(measured) = &run.rate else { return html! {} };
    let open = !matches!(measured.rate, Estimate::Exactly(_));
    let efficiency = run.efficiency.map(|e| format!(", efficiency {}", share_text(e)));
    html! {
        circle.dot.apart[open] cx=(px(x(f64::from(run.size)))) cy=(px(y(measured.rate.value()))) r="5" {
            title { (v.sweep.service) " x " (run.size) ": " (rate_text(measured.rate)) (efficiency.unwrap_or_default()) }
        }
    }
}

fn px(n: f64) -> String {
    format!("{n:.1}")
}
