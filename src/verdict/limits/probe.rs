//! `probe` and `progress`: what the target told of itself, and the pace at which it went on.

use std::time::Duration;

use super::super::case::Case;
use super::super::part;
use super::super::windows::Span;
use super::{Bound, Judged, limit_name};
use crate::clock::Offset;
use crate::experiment::{Limit, ProbeFigure};
use crate::record::{Side, Subject, probe_series};

type Points<'a> = &'a [(Offset, f64)];

/// Judges one figure of a probe.
pub(super) fn result(case: &Case, limit: &Limit, probe: &str, figure: ProbeFigure) -> Judged {
    let Some(part) = case.part(&limit.scope) else { return Judged::never(limit) };
    let (name, bound) = (limit_name(limit), Bound::of(&limit.bound));
    let stretches = part.stretches();
    let unknown = |why: String, side| Judged { result: bound.unknown(name.clone(), why), side };
    if stretches.is_empty() {
        return unknown(part::why_empty(&limit.scope), Side::Longhaul);
    }
    let of = |name| within(series(case, probe, name), &stretches);
    let (failed, took) = (of(probe_series::FAILED), of(probe_series::SECONDS));
    let read = if figure == ProbeFigure::Latency { took.clone() } else { of(probe_series::VALUE) };
    let found = worst(figure, &read, limit.window, &bound);
    let asked: usize = failed.iter().map(|points| points.len()).sum();
    let got = failed.iter().copied().flatten().filter(|(_, failed)| *failed == 0.0).count();
    let answered = format!("{got} of {asked} questions of the probe {probe} were answered");
    // Nobody had an answer within the bound where one was waited for past it, however few were answered.
    if let Some((value, span)) = found
        && figure == ProbeFigure::Latency
        && bound.worse(value, bound.value())
    {
        let result = bound.judge(name, value, span, (got < asked).then_some(answered));
        return Judged { result, side: Side::Longhaul };
    }
    if let Err(why) = enough(case, probe, &failed, &took, &stretches) {
        return unknown(why, Side::Longhaul);
    }
    if (got as f64) < 0.9 * asked as f64 {
        return unknown(answered, Side::Target);
    }
    match found {
        Some((value, span)) => {
            Judged { result: bound.judge(name, value, span, None), side: Side::Longhaul }
        }
        None => unknown(format!("too few readings of the probe {probe}"), Side::Longhaul),
    }
}

fn series<'a>(case: &Case<'a>, probe: &str, name: &str) -> Points<'a> {
    let of = |s: &&crate::record::ScrapedSeries| {
        matches!(&s.subject, Subject::Probe(own) if own == probe) && s.name == name
    };
    case.data.scraped.iter().find(of).map_or(&[], |series| &series.points)
}

/// The points of each stretch.
fn within<'a>(points: Points<'a>, stretches: &[Span]) -> Vec<Points<'a>> {
    let cut = |span: &Span| {
        let from = points.partition_point(|(at, _)| *at < span.from);
        let to = points.partition_point(|(at, _)| *at < span.to);
        &points[from..to]
    };
    stretches.iter().map(cut).collect()
}

/// Whether at least nine tenths of the questions were asked that should have been. One that took long stands for those
/// that it kept from being asked.
fn enough(
    case: &Case,
    probe: &str,
    asked: &[Points<'_>],
    took: &[Points<'_>],
    stretches: &[Span],
) -> Result<(), String> {
    let polled = case.experiment().probes.iter().find(|p| p.name == probe);
    let every = polled.map_or(1.0, |p| p.every.as_secs_f64()).max(0.01);
    let expected: f64 = stretches.iter().map(|s| s.length().as_secs_f64() / every).sum();
    let covered: f64 = took.iter().copied().flatten().map(|(_, took)| (took / every).floor()).sum();
    let asked: usize = asked.iter().map(|points| points.len()).sum();
    // The question at either end may have missed the stretch.
    if asked == 0 || covered + (asked + 2 * stretches.len()) as f64 <= 0.9 * expected {
        return Err(format!("the probe {probe} was asked {asked} of {expected:.0} times"));
    }
    Ok(())
}

/// The figure, and the time it is of if it is not of all.
fn worst(
    figure: ProbeFigure,
    read: &[Points<'_>],
    window: Option<Duration>,
    bound: &Bound,
) -> Option<(f64, Option<Span>)> {
    let all = || read.iter().copied().flatten();
    let moment = |(at, value): &(Offset, f64)| (*value, Some(Span { from: *at, to: *at }));
    match figure {
        ProbeFigure::Max | ProbeFigure::Latency => {
            all().max_by(|a, b| a.1.total_cmp(&b.1)).map(moment)
        }
        ProbeFigure::Min => all().min_by(|a, b| a.1.total_cmp(&b.1)).map(moment),
        ProbeFigure::Mean => {
            let (sum, count) = all().fold((0.0, 0), |(sum, n), (_, v)| (sum + v, n + 1));
            (count > 0).then(|| (sum / f64::from(count), None))
        }
        ProbeFigure::Age => {
            let ages = read.iter().filter_map(|points| longest_still(points));
            ages.max_by_key(Span::length).map(|span| (span.length().as_secs_f64(), Some(span)))
        }
        ProbeFigure::Pace => match window {
            None => pace(read).map(|pace| (pace, None)),
            Some(length) => {
                let paces = read.iter().flat_map(|points| windows(points, length));
                paces
                    .reduce(|a, b| if bound.worse(b.0, a.0) { b } else { a })
                    .map(|(pace, span)| (pace, Some(span)))
            }
        },
    }
}

/// What was added between two readings; a counter that begins anew begins at zero.
fn gained(pair: &[(Offset, f64)]) -> f64 {
    let (before, after) = (pair[0].1, pair[1].1);
    if after >= before { after - before } else { after.max(0.0) }
}

/// How fast the number grew over all stretches together, per second.
fn pace(read: &[Points<'_>]) -> Option<f64> {
    let pairs = || read.iter().flat_map(|points| points.windows(2));
    let time: f64 = pairs().map(|p| p[1].0.since(p[0].0).as_secs_f64()).sum();
    (time > 0.0).then(|| pairs().map(gained).sum::<f64>() / time)
}

/// The pace of every window of this length within a stretch; a window longer than it is one window.
fn windows(points: Points<'_>, length: Duration) -> Vec<(f64, Span)> {
    let Some(end) = points.last().map(|(at, _)| *at) else { return Vec::new() };
    let mut sums = vec![0.0];
    for pair in points.windows(2) {
        sums.push(sums[sums.len() - 1] + gained(pair));
    }
    let mut all = Vec::new();
    for (i, (from, _)) in points.iter().enumerate() {
        let last = points.partition_point(|(at, _)| *at <= *from + length) - 1;
        let (to, whole) = (points[last].0, *from + length <= end);
        if last > i && (whole || i == 0) {
            let pace = (sums[last] - sums[i]) / to.since(*from).as_secs_f64();
            all.push((pace, Span { from: *from, to }));
        }
    }
    all
}

/// The longest time within a stretch without a higher number.
fn longest_still(points: Points<'_>) -> Option<Span> {
    let mut since = points.first()?.0;
    let mut longest = Span { from: since, to: since };
    let mut highest = points[0].1;
    for (at, value) in points {
        let still = Span { from: since, to: *at };
        if still.length() > longest.length() {
            longest = still;
        }
        // Also when it begins anew.
        if value.total_cmp(&highest).is_ne() {
            (since, highest) = (*at, *value);
        }
    }
    Some(longest)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use super::*;
    use crate::record::Tier;

    /// A block every ten seconds, none from 300 to 360.
    fn blocks(second: u64) -> f64 {
        ((second.min(300) + second.saturating_sub(360)) / 10) as f64
    }

    fn run(value: fn(u64) -> Option<f64>) -> Synthetic {
        Synthetic::hold(600).probe(value)
    }

    #[test]
    fn the_pace_is_that_of_the_slowest_window() {
        let tier = |limit: &str| {
            limit_tier(
                run(|second| Some(blocks(second)))
                    .limit(&format!("progress: {{ probe: p, {limit} }}")),
            )
        };
        assert_eq!(tier("min_pace: 1 per 12s"), Tier::Pass);
        assert_eq!(tier("min_pace: 1 per 10s"), Tier::Fail);
        assert_eq!(tier("min_pace: 1 per 20s, warn: 1 per 10s"), Tier::Warn);
        assert_eq!(tier("min_pace: 1 per 12s, window: 2min"), Tier::Fail);
        assert_eq!(tier("min_pace: 1 per 24s, window: 2min"), Tier::Pass);
        let steady = |second| Some((second / 10) as f64);
        let held = run(steady).limit("progress: { probe: p, min_pace: 5/min, window: 1min }");
        assert_eq!(limit_tier(held), Tier::Pass);
        let reborn = |second: u64| Some((second % 300 / 10) as f64);
        let held = run(reborn).limit("progress: { probe: p, min_pace: 5.5/min }");
        assert_eq!(limit_tier(held), Tier::Pass, "a counter may begin anew");
    }

    #[test]
    fn numbers_and_their_age_are_held_to_their_bounds() {
        let tier = |limit: &str| {
            limit_tier(
                run(|second| Some(blocks(second)))
                    .limit(&format!("probe: {{ probe: p, {limit} }}")),
            )
        };
        assert_eq!((tier("max: 52"), tier("max: 53")), (Tier::Fail, Tier::Pass));
        assert_eq!((tier("min: 0"), tier("min: 1")), (Tier::Pass, Tier::Fail));
        assert_eq!((tier("mean: 20"), tier("mean: 40")), (Tier::Fail, Tier::Pass));
        assert_eq!((tier("age: 60s"), tier("age: 75s")), (Tier::Fail, Tier::Pass));
        assert_eq!((tier("latency: 20ms"), tier("latency: 19ms")), (Tier::Pass, Tier::Fail));
        assert_eq!(tier("max: 60, warn: 50"), Tier::Warn);
    }

    /// Frozen for 2.5 s of ten: a question waits for so long, or in vain, and keeps two from being asked.
    fn frozen(limit: &str, answered: bool) -> (Tier, Option<String>) {
        let run = Synthetic::hold(10).probe(|_| Some(1.0));
        let mut data = run.limit(&format!("probe: {{ probe: p, {limit} }}")).build();
        let at = |second: u64| Synthetic::profile_start() + secs(second);
        for series in &mut data.scraped {
            series.points.retain(|(moment, _)| ![at(5), at(6)].contains(moment));
            let hung = series.points.iter_mut().find(|point| point.0 == at(4)).unwrap();
            match series.name.as_str() {
                probe_series::SECONDS => hung.1 = 2.5,
                probe_series::FAILED if !answered => hung.1 = 1.0,
                _ => {}
            }
        }
        let result = super::super::results(&Case::new(&data)).remove(0).result;
        (result.tier, result.note)
    }

    #[test]
    fn a_frozen_target_is_slow_and_not_unknown() {
        assert_eq!(frozen("latency: 2s", true).0, Tier::Fail);
        assert_eq!(frozen("latency: 3s", true).0, Tier::Pass);
        let (tier, note) = frozen("latency: 2s", false);
        assert_eq!(tier, Tier::Fail);
        assert!(note.unwrap().contains("7 of 8 questions"));
        assert_eq!(frozen("latency: 3s", false).0, Tier::Unknown, "it may have taken longer");
    }

    #[test]
    fn too_few_answers_are_no_figure() {
        let deaf = |second| (second % 5 > 0).then_some(1.0);
        let result = limit_result(run(deaf).limit("probe: { probe: p, max: 10 }"));
        assert_eq!(result.tier, Tier::Unknown);
        assert!(result.note.unwrap().contains("480 of 600 questions"));
        let unasked = Synthetic::hold(600).limit("probe: { probe: p, max: 10 }");
        assert_eq!(limit_tier(unasked), Tier::Unknown);
    }
}
