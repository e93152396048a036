//! Charts of the load: rate, errors, latency.

use std::time::Duration;

use super::super::chart::{Bars, Chart, Frame, Line, Look, Points, Unit, nice_span};
use super::super::facts::Facts;
use super::super::figures::{count, latency};
use crate::record::{Phase, SliceRow};

const WIDE: f64 = 1120.0;
/// Slices come every second; a longer pause is a hole.
const HOLE: Duration = Duration::from_millis(2_500);

/// Rate, errors, latency.
pub(super) fn all(facts: &Facts<'_>, frame: &Frame) -> [Chart; 3] {
    [rates(facts, frame), errors(facts, frame), latencies(facts)]
}

fn rates(facts: &Facts<'_>, frame: &Frame) -> Chart {
    let slices = &facts.data.slices;
    let points = slices
        .iter()
        .filter_map(|s| {
            let seconds = s.to.since(s.from).as_secs_f64();
            // The stub of a second at the end would show as a spike.
            (seconds > 0.5)
                .then(|| (s.from, (s.counts.ended() - s.counts.not_sent) as f64 / seconds))
        })
        .collect();
    let t = &facts.verdict.totals;
    let note = format!(
        "{} arrivals fell due in the judged phase, {} were not sent",
        count(t.scheduled),
        count(t.not_sent)
    );
    chart(
        "rate",
        "Rate",
        note,
        Unit::PerSecond,
        230.0,
        vec![
            Line {
                name: "target".to_owned(),
                look: Look::Reference,
                points: target(facts, frame),
                hole: Duration::MAX,
            },
            Line { name: "achieved".to_owned(), look: Look::Series(0, 0), points, hole: HOLE },
        ],
    )
}

/// The rate asked for, as the corners of its course.
fn target(facts: &Facts<'_>, frame: &Frame) -> Points {
    let timeline = facts.data.run.experiment.load.timeline();
    let begin = match (facts.data.phase(Phase::Warming), facts.data.phase(Phase::Holding)) {
        (Some((warming, _)), _) if timeline.warmup > Duration::ZERO => warming,
        (_, Some((holding, _))) => holding - timeline.warmup,
        _ => frame.start,
    };
    let end = facts.data.slices.last().map_or(frame.end, |s| s.to);
    let fixed = timeline.pieces.iter().filter(|piece| piece.flow.is_fixed()).flat_map(|piece| {
        let (from, to) = piece.flow.rates();
        [(begin + piece.start, from), (begin + piece.start + piece.lasts, to)]
    });
    // A search for the limit is the profile's last piece.
    let tried = facts.capacity().map(|(levels, _)| levels).unwrap_or_default();
    let tried = tried.into_iter().flat_map(|level| {
        let rate = level.rate.get();
        [(level.from, 0.0), (level.from, rate), (level.to, rate), (level.to, 0.0)]
    });
    fixed.chain(tried).filter(|(at, _)| *at <= end + Duration::from_secs(1)).collect()
}

fn errors(facts: &Facts<'_>, frame: &Frame) -> Chart {
    let slices = &facts.data.slices;
    let bin = nice_span(frame.end.since(frame.start), 320);
    let sum = |figure: fn(&SliceRow) -> u64| -> Points {
        let mut bins: Points = Vec::new();
        for slice in slices {
            let number = slice.from.since(frame.start).as_micros() / bin.as_micros();
            let start = frame.start + bin * number as u32;
            match bins.last_mut() {
                Some(last) if last.0 == start => last.1 += figure(slice) as f64,
                _ => bins.push((start, figure(slice) as f64)),
            }
        }
        bins
    };
    let worst = slices.iter().max_by_key(|s| s.counts.errors()).filter(|s| s.counts.errors() > 0);
    let note = worst.map_or_else(
        || "none".to_owned(),
        |s| {
            format!(
                "per {}; worst second: {} at {}",
                span_words(bin),
                count(s.counts.errors()),
                s.from
            )
        },
    );
    Chart {
        bars: Some(Bars {
            bin,
            kinds: vec![
                ("failed", 1, sum(|s| s.counts.failed)),
                ("timed out", 3, sum(|s| s.counts.timed_out)),
                ("not sent", 7, sum(|s| s.counts.not_sent)),
            ],
        }),
        ..chart("errors", "Errors", note, Unit::Count, 170.0, Vec::new())
    }
}

fn latencies(facts: &Facts<'_>) -> Chart {
    let slices = &facts.data.slices;
    let line = |name: &str, color: usize, dash: usize, figure: fn(&SliceRow) -> u64| Line {
        name: name.to_owned(),
        look: Look::Series(color, dash),
        // A second without a good answer has no latency.
        points: slices
            .iter()
            .filter(|s| s.latency.count > 0)
            .map(|s| (s.from, figure(s) as f64))
            .collect(),
        hole: HOLE,
    };
    let worst = slices.iter().filter(|s| s.latency.count > 0).max_by_key(|s| s.latency.p99);
    let note = worst.map_or_else(
        || "no request ended well".to_owned(),
        |s| format!("of requests that ended well, from when they were due; worst second's p99: {} at {}", latency(s.latency.p99), s.from),
    );
    chart(
        "latency",
        "Latency",
        note,
        Unit::Latency,
        280.0,
        vec![
            line("p99", 1, 0, |s| s.latency.p99),
            line("p95", 3, 1, |s| s.latency.p95),
            line("p50", 0, 0, |s| s.latency.p50),
        ],
    )
}

fn chart(id: &str, title: &str, note: String, unit: Unit, height: f64, lines: Vec<Line>) -> Chart {
    Chart {
        id: format!("chart-{id}"),
        title: title.to_owned(),
        note,
        unit,
        lines,
        bars: None,
        bound: None,
        marks: Vec::new(),
        size: (WIDE, height),
    }
}

fn span_words(bin: Duration) -> String {
    match bin.as_secs() {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3600 => "hour".to_owned(),
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Offset;
    use crate::report::fixture;

    #[test]
    fn target_and_achieved_rate_meet() {
        let (data, verdict) = fixture::passed();
        let facts = Facts::of(&data, &verdict);
        let frame = Frame::of(&facts).unwrap();
        let chart = rates(&facts, &frame);
        let at = |line: &Line, at: Offset| line.points.iter().rfind(|p| p.0 <= at).unwrap().1;
        let middle = Offset::from_micros(60_000_000);
        assert!((at(&chart.lines[0], middle) - at(&chart.lines[1], middle)).abs() < 1.0);
    }
}
