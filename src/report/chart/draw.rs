//! One chart as SVG markup.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::figures::{calendar, clock, span};
use super::super::table::cut;
use super::frame::{Frame, Window};
use super::labels::{self, Placed};
use super::path;
use super::reduce::{Cell, reduce};
use super::scale::{Scale, Unit, nice_span};
use crate::clock::Offset;

/// Figures over time.
pub(in crate::report) type Points = Vec<(Offset, f64)>;

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Look {
    /// In a colour of the palette, dashed when the second figure is not zero.
    Series(usize, usize),
    /// A reference, such as the target rate: thin and dashed.
    Reference,
}

/// One line of a chart.
pub(in crate::report) struct Line {
    pub(in crate::report) name: String,
    pub(in crate::report) look: Look,
    pub(in crate::report) points: Points,
    /// A longer pause between two points is a hole.
    pub(in crate::report) hole: Duration,
}

/// Stacked columns, each `bin` wide: name, colour, and `(start, height)` per column.
pub(in crate::report) struct Bars {
    pub(in crate::report) bin: Duration,
    pub(in crate::report) kinds: Vec<(&'static str, usize, Points)>,
}

/// A chart to draw.
pub(in crate::report) struct Chart {
    pub(in crate::report) id: String,
    pub(in crate::report) title: String,
    /// Its main figures, in words: shown beside the title and read out to who can't see it.
    pub(in crate::report) note: String,
    pub(in crate::report) unit: Unit,
    pub(in crate::report) lines: Vec<Line>,
    pub(in crate::report) bars: Option<Bars>,
    /// A bound to show when the figures come near it.
    pub(in crate::report) bound: Option<(f64, String)>,
    /// Moments to mark at the foot: restarts.
    pub(in crate::report) marks: Vec<(Offset, String)>,
    /// Width and height of the drawing.
    pub(in crate::report) size: (f64, f64),
}

struct Plot<'a> {
    frame: &'a Frame,
    /// How many of them fit to the right of the plot.
    characters: usize,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Plot<'_> {
    fn x(&self, at: Offset) -> f64 {
        self.frame.x(at, self.left, self.right)
    }
}

const ROW: f64 = 15.0;
const FOOT: f64 = 36.0;

impl Chart {
    /// The chart with its heading.
    pub(in crate::report) fn draw(&self, frame: &Frame) -> Markup {
        let (width, height) = self.size;
        // The same for all charts of a size, so that a moment stands at the same place in each.
        let right = width - if width > 800.0 { 150.0 } else { 104.0 };
        let labels = fault_labels(frame, 62.0, right);
        let rows = labels.iter().map(|l| l.row + 1).max().unwrap_or(0);
        let plot = Plot {
            frame,
            characters: ((width - right - 16.0) / 6.4) as usize,
            left: 62.0,
            right,
            top: 8.0 + ROW * rows as f64,
            bottom: height - FOOT,
        };
        let reduced: Vec<Vec<Vec<Cell>>> =
            self.lines.iter().map(|l| reduce(&l.points, l.hole, |at| plot.x(at))).collect();
        let scale = self.scale(&reduced);
        let y = |v: f64| scale.y(v, plot.bottom, plot.top);
        let name = format!("{}-name", self.id);
        let about = format!("{}-about", self.id);
        html! {
            figure.chart id=(self.id) {
                figcaption { span.title { (self.title) } " " span.note { (self.note) } }
                svg viewBox={"0 0 " (width) " " (height)} role="img" aria-labelledby={(name) " " (about)}
                    data-start=(frame.start.as_micros()) data-end=(frame.end.as_micros())
                    data-anchor=[frame.anchor.map(Timestamp::as_millisecond)]
                    data-left=(plot.left) data-right=(format!("{:.1}", plot.right))
                    data-top=(plot.top) data-bottom=(plot.bottom)
                    data-low=(scale.low) data-high=(scale.high) data-log=(u8::from(scale.log))
                    data-unit=(self.unit.code()) {
                    title id=(name) { (self.title) }
                    desc id=(about) { (self.note) }
                    (shades(&plot))
                    (windows(&plot))
                    g.grid {
                        @for (value, text) in &scale.ticks {
                            line x1=(plot.left) x2=(px(plot.right)) y1=(px(y(*value))) y2=(px(y(*value))) {}
                            text x=(plot.left - 8.0) y=(px(y(*value) + 4.0)) text-anchor="end" { (text) }
                        }
                    }
                    (time_axis(&plot))
                    (fault_texts(&plot, &labels))
                    @if let Some(bars) = &self.bars { (columns(bars, &plot, &y)) }
                    @if let Some((value, text)) = self.shown_bound(&scale) {
                        line.bound x1=(plot.left) x2=(px(plot.right)) y1=(px(y(value))) y2=(px(y(value))) {}
                        text.bound x=(plot.left + 6.0) y=(px(y(value) - 4.0)) { (text) }
                    }
                    @for (line, cells) in self.lines.iter().zip(&reduced) { (curve(line, cells, &y)) }
                    (marks(&self.marks, &plot))
                    (shade_names(&plot))
                    (self.line_labels(&reduced, &plot, &y))
                }
                (self.legend(&plot))
            }
        }
    }

    fn scale(&self, reduced: &[Vec<Vec<Cell>>]) -> Scale {
        let cells = || reduced.iter().flatten().flatten();
        let stacked = self.bars.as_ref().map_or(0.0, Bars::highest);
        let max = cells().map(|c| c.max).fold(stacked, f64::max);
        let min = cells().map(|c| c.min).filter(|v| *v > 0.0).fold(max, f64::min);
        let lowest = cells().map(|c| c.min).fold(max, f64::min);
        let min = if self.unit == Unit::Latency { min } else { lowest };
        let near = self.bound.as_ref().map(|b| b.0).filter(|b| max > 0.6 * b).unwrap_or(0.0);
        Scale::of(self.unit, min, max.max(near))
    }

    fn shown_bound(&self, scale: &Scale) -> Option<(f64, &str)> {
        self.bound.as_ref().filter(|b| b.0 <= scale.high).map(|b| (b.0, b.1.as_str()))
    }

    /// Name and last figure of a line in so many characters; a long name gives way.
    fn end_text(&self, line: &Line, characters: usize) -> String {
        match (line.look, line.points.last()) {
            (Look::Series(..), Some(last)) => {
                let figure = self.unit.text(last.1);
                let room = characters.saturating_sub(figure.chars().count() + 1);
                format!("{} {figure}", cut(&line.name, room))
            }
            _ => cut(&line.name, characters),
        }
    }

    fn line_labels(
        &self,
        reduced: &[Vec<Vec<Cell>>],
        plot: &Plot<'_>,
        y: &dyn Fn(f64) -> f64,
    ) -> Markup {
        let ends: Vec<(&Line, Cell)> = self
            .lines
            .iter()
            .zip(reduced)
            .filter_map(|(line, cells)| Some((line, *cells.last()?.last()?)))
            .collect();
        let heights: Vec<f64> = ends.iter().map(|(_, cell)| y(cell.mean)).collect();
        let spread = labels::spread(&heights, 14.0, plot.top + 4.0, plot.bottom);
        html! {
            g.ends {
                @for (((line, _), from), to) in ends.iter().zip(heights).zip(spread) {
                    line class={(class(line.look)) " lead"} x1=(px(plot.right + 3.0)) y1=(px(from))
                        x2=(px(plot.right + 12.0)) y2=(px(to)) {}
                    text class=(class(line.look)) x=(px(plot.right + 15.0)) y=(px(to + 4.0)) { (self.end_text(line, plot.characters)) }
                }
            }
        }
    }

    fn legend(&self, plot: &Plot<'_>) -> Markup {
        let room = ((plot.bottom - plot.top) / 14.0) as usize;
        html! {
            @if let Some(bars) = &self.bars {
                p.legend {
                    @for (name, color, points) in &bars.kinds {
                        @let total: f64 = points.iter().map(|p| p.1).sum();
                        span { i class={"key c" (color)} {} (name) " " b { (Unit::Count.text(total)) } }
                    }
                }
            }
            @if self.lines.len() > room {
                p.legend {
                    @for line in &self.lines { span { i class={"key " (class(line.look))} {} (self.end_text(line, 60)) } }
                }
            }
        }
    }
}

fn fault_labels(frame: &Frame, left: f64, right: f64) -> Vec<Placed> {
    let wanted: Vec<(f64, String, String)> = frame
        .windows
        .iter()
        .map(|w| {
            let (from, to) = (frame.x(w.from, left, right), frame.x(w.to, left, right));
            let short = w.number.to_string();
            (f64::midpoint(from, to), format!("{short} {}", w.id), short)
        })
        .collect();
    labels::place(&wanted, 2, left, right)
}

impl Bars {
    fn highest(&self) -> f64 {
        let columns = self.kinds.first().map_or(0, |k| k.2.len());
        (0..columns)
            .map(|i| self.kinds.iter().filter_map(|k| k.2.get(i)).map(|p| p.1).sum())
            .fold(0.0, f64::max)
    }
}

fn class(look: Look) -> String {
    match look {
        Look::Series(color, 0) => format!("c{}", color % 8),
        Look::Series(color, dash) => format!("c{} d{}", color % 8, dash % 4),
        Look::Reference => "reference".to_owned(),
    }
}

fn px(n: f64) -> String {
    format!("{n:.1}")
}

fn shades(plot: &Plot<'_>) -> Markup {
    html! {
        g.shades {
            @for (_, from, to) in &plot.frame.shades {
                @let (a, b) = (plot.x(*from), plot.x(*to));
                rect x=(px(a)) y=(plot.top) width=(px(b - a)) height=(px(plot.bottom - plot.top)) {}
            }
        }
    }
}

/// Above the lines, so that none crosses out a name.
fn shade_names(plot: &Plot<'_>) -> Markup {
    html! {
        g.shade-names {
            @for (name, from, to) in &plot.frame.shades {
                @let (a, b) = (plot.x(*from), plot.x(*to));
                @if b - a > labels::width(name) {
                    text x=(px(f64::midpoint(a, b))) y=(px(plot.top + 13.0)) text-anchor="middle" { (name) }
                }
            }
        }
    }
}

fn windows(plot: &Plot<'_>) -> Markup {
    html! {
        g.windows {
            @for w in &plot.frame.windows {
                @let (a, b) = (plot.x(w.from), plot.x(w.to));
                @if let Some(recovered) = w.recovered && plot.x(recovered) > b {
                    rect.recovering x=(px(b)) y=(plot.top) width=(px(plot.x(recovered) - b))
                        height=(px(plot.bottom - plot.top)) {}
                }
                rect.thin[b - a < 4.0] x=(px(a)) y=(plot.top) width=(px((b - a).max(1.4))) height=(px(plot.bottom - plot.top)) {
                    title { (window_words(w)) }
                }
            }
        }
    }
}

fn window_words(w: &Window) -> String {
    format!(
        "fault {} {}: {}, {} to {} ({})",
        w.number,
        w.id,
        w.what,
        w.from,
        w.to,
        span(w.to.since(w.from))
    )
}

fn fault_texts(plot: &Plot<'_>, placed: &[Placed]) -> Markup {
    html! {
        g.faults {
            @for label in placed {
                @let w = &plot.frame.windows[label.of];
                @let middle = f64::midpoint(plot.x(w.from), plot.x(w.to));
                @let foot = plot.top - 2.0 - ROW * label.row as f64;
                line x1=(px(middle)) x2=(px(middle)) y1=(px(foot)) y2=(plot.top) {}
                a href={"#fault-" (w.number)} {
                    title { (window_words(w)) }
                    text x=(px(label.x)) y=(px(foot - 2.0)) text-anchor="middle" { (label.text) }
                }
            }
        }
    }
}

fn time_axis(plot: &Plot<'_>) -> Markup {
    let whole = plot.frame.end.since(plot.frame.start);
    let step = nice_span(whole, ((plot.right - plot.left) / 68.0) as u32);
    let first = plot.frame.start.elapsed().as_secs().div_ceil(step.as_secs()) * step.as_secs();
    let ticks: Vec<Offset> = (0..200_u32)
        .map(|n| Offset::ZERO + Duration::from_secs(first) + step * n)
        .take_while(|at| *at <= plot.frame.end)
        .collect();
    html! {
        g.time {
            line x1=(plot.left) x2=(px(plot.right)) y1=(plot.bottom) y2=(plot.bottom) {}
            @for at in ticks {
                @let x = plot.x(at);
                line x1=(px(x)) x2=(px(x)) y1=(plot.bottom) y2=(px(plot.bottom + 4.0)) {}
                text x=(px(x)) y=(px(plot.bottom + 17.0)) text-anchor="middle" { (elapsed(at, step)) }
                @if let Some(anchor) = plot.frame.anchor { text.utc x=(px(x)) y=(px(plot.bottom + 31.0)) text-anchor="middle" {
                    (clock(anchor, at).strftime(if step.as_secs() < 60 { "%H:%M:%S" } else { "%H:%M" }))
                } }
            }
        }
    }
}

fn elapsed(at: Offset, step: Duration) -> String {
    let s = at.elapsed().as_secs();
    match step.as_secs() {
        0..60 => format!("{}:{:02}", s / 60, s % 60),
        60..3600 if s < 3600 => format!("{} min", s / 60),
        60..3600 => format!("{} h {:02}", s / 3600, s / 60 % 60),
        _ => format!("{} h", s / 3600),
    }
}

fn columns(bars: &Bars, plot: &Plot<'_>, y: &dyn Fn(f64) -> f64) -> Markup {
    let mut base: Vec<f64> = vec![0.0; bars.kinds.first().map_or(0, |k| k.2.len())];
    let mut paths = Vec::new();
    for (name, color, points) in &bars.kinds {
        let mut d = String::new();
        for (i, &(at, n)) in points.iter().enumerate() {
            if n > 0.0 {
                let (a, b) = (plot.x(at), plot.x(at + bars.bin));
                let gap = if b - a > 3.0 { 0.6 } else { 0.0 };
                let (low, high) = (y(base[i]), y(base[i] + n));
                let width = (b - a - gap).max(1.2);
                write!(d, "M{a:.1},{low:.1}V{high:.1}h{width:.1}V{low:.1}Z").ok();
                base[i] += n;
            }
        }
        paths.push((name, color, d));
    }
    html! {
        g.columns {
            @for (name, color, d) in paths {
                @if !d.is_empty() { path class={"f" (color)} d=(d) { title { (name) } } }
            }
        }
    }
}

fn curve(line: &Line, cells: &[Vec<Cell>], y: &dyn Fn(f64) -> f64) -> Markup {
    let band = path::band(cells, y);
    html! {
        @if !band.is_empty() && line.look != Look::Reference { path class={"band " (class(line.look))} d=(band) {} }
        path class={"line " (class(line.look))} data-name=(line.name) d=(path::line(cells, y)) {}
    }
}

fn marks(marks: &[(Offset, String)], plot: &Plot<'_>) -> Markup {
    html! {
        g.marks {
            @for (at, text) in marks {
                @let x = plot.x(*at);
                path d={"M" (px(x - 4.5)) "," (px(plot.bottom)) "L" (px(x)) "," (px(plot.bottom - 8.0)) "L" (px(x + 4.5)) ","
                    (px(plot.bottom)) "Z"} { title {
                    (text) " at " (at)
                    @if let Some(anchor) = plot.frame.anchor { " (" (calendar(clock(anchor, *at))) ")" }
                } }
            }
        }
    }
}
