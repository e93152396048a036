//! A comparison as a page: the table, and a chart of both runs for every figure.

use maud::{Markup, html};

use super::super::chart::{Chart, Frame, Line, Look, Points, Unit};
use super::super::html::section as part;
use super::super::html::shell;
use super::{section, words};
use crate::clock::Offset;
use crate::record::{Comparison, Digest, Figure, Finding, Metric, Tier};

/// Charts at most: the worst come first.
const CHARTS: usize = 40;

/// The page.
pub(super) fn page(c: &Comparison, a: &Digest, b: &Digest) -> String {
    let color = match c.tier() {
        Tier::Pass => "0a7f4f",
        Tier::Warn => "b57600",
        Tier::Unknown => "5f5ab8",
        Tier::Fail => "c62f2f",
    };
    let body = html! {
        header { div { p.brand { "longhaul comparison" } h1 { (c.b.experiment) } } }
        (section::headline(c))
        @if c.refused.is_empty() {
            (part("figures", "Figures", "of undisturbed windows: without warm-up, faults and recovery", &section::table(c)))
            (charts(c, a, b))
        }
    };
    shell(&format!("{}: {}", c.b.experiment, words::headline(c)), color, &body)
}

fn charts(c: &Comparison, a: &Digest, b: &Digest) -> Markup {
    let windows = a.clear_s.len().max(b.clear_s.len()) as u32;
    let frame = Frame {
        start: Offset::ZERO,
        end: Offset::ZERO + a.window * windows.max(1),
        windows: Vec::new(),
        shades: Vec::new(),
        anchor: None,
    };
    let mut findings: Vec<&Finding> = c.findings.iter().filter(|f| f.change.is_some()).collect();
    // Stable: within a tier they stay in the table's order.
    findings.sort_by_key(|f| std::cmp::Reverse(f.tier));
    let body = html! {
        p.key { span.soft { "time since the profile began; one point per window; gaps are windows that faults disturbed" } }
        div.grid-2 {
            @for (i, f) in findings.iter().take(CHARTS).enumerate() { (chart(i, f, a, b).draw(&frame)) }
        }
        @if findings.len() > CHARTS { p.soft { (findings.len() - CHARTS) " more figures are in the table only" } }
    };
    part("charts", "Both runs", "", &body)
}

fn chart(number: usize, f: &Finding, a: &Digest, b: &Digest) -> Chart {
    let line = |name: &str, look, digest: &Digest| Line {
        name: name.to_owned(),
        look,
        points: points(digest, &f.figure),
        hole: digest.window * 3 / 2,
    };
    let by = f.change.map_or_else(String::new, |x| words::change(f.figure.metric, x.change));
    Chart {
        id: format!("chart-{number}"),
        title: words::figure(&f.figure),
        note: format!("{}, {by} from a to b", words::tier(f)),
        unit: unit(f.figure.metric),
        lines: vec![line("a", Look::Series(0, 1), a), line("b", Look::Series(1, 0), b)],
        bars: None,
        bound: None,
        marks: Vec::new(),
        size: (560.0, 200.0),
    }
}

fn points(digest: &Digest, figure: &Figure) -> Points {
    let middle = |n: usize| Offset::ZERO + digest.window * n as u32 + digest.window / 2;
    let values = digest.values(figure).into_iter().enumerate();
    values.filter_map(|(n, value)| Some((middle(n), value?))).collect()
}

/// How a metric's axis is written.
pub(in crate::report) fn unit(metric: Metric) -> Unit {
    match metric {
        Metric::Mean | Metric::P50 | Metric::P95 | Metric::P99 => Unit::Latency,
        Metric::Throughput => Unit::PerSecond,
        Metric::ErrorRate => Unit::Share,
        Metric::Memory => Unit::Bytes,
        Metric::Cpu => Unit::Cpu,
        Metric::Descriptors | Metric::Threads => Unit::Count,
    }
}
