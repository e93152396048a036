//! `memory`: highest and mean anonymous memory of an instance.

use std::time::Duration;

use super::super::case::Case;
use super::super::starts;
use super::super::windows::Span;
use super::bound::windowed;
use super::{Bound, Judged, name};
use crate::clock::Offset;
use crate::experiment::{Injection, Limit, LimitKind};
use crate::record::{Reading, Side, Subject, Victim};

/// Which figure of an instance's memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    Max,
    Mean,
}

/// Judges one service, or each; of each its worst instance.
pub(super) fn results(
    case: &Case,
    limit: &Limit,
    service: Option<&str>,
    figure: Figure,
) -> Vec<Judged> {
    let services = service.map_or_else(|| case.services(), |s| vec![s]);
    if services.is_empty() {
        return vec![Judged::never(&limit.kind, name(&limit.kind))];
    }
    services.into_iter().map(|service| one(case, limit, service, figure)).collect()
}

fn one(case: &Case, limit: &Limit, service: &str, figure: Figure) -> Judged {
    let kind = for_service(&limit.kind, service);
    let name = windowed(name(&kind), limit);
    let Some(judged) = case.judged else {
        return Judged::never(&kind, name);
    };
    let bound = Bound::of(&kind);
    let result = match enough(case, judged, service) {
        Err(why) => bound.unknown(name, why),
        Ok(()) => worst(case, judged, service, limit.window, figure).map_or_else(
            || bound.unknown(name.clone(), format!("{service}'s memory was never read")),
            |(value, ordinal, span)| {
                bound.judge(name.clone(), value, span, Some(format!("{service}#{ordinal}")))
            },
        ),
    };
    Judged { result, side: Side::Longhaul }
}

/// The limit with its service filled in.
pub(super) fn for_service(kind: &LimitKind, name: &str) -> LimitKind {
    let mut kind = kind.clone();
    if let LimitKind::MemoryMax { service, .. }
    | LimitKind::MemoryMean { service, .. }
    | LimitKind::MemoryGrowth { service, .. } = &mut kind
    {
        *service = Some(name.to_owned());
    }
    kind
}

fn points<'a>(
    case: &Case<'a>,
    service: &'a str,
) -> impl Iterator<Item = (u32, &'a [(Offset, u32, Reading)])> {
    case.data.series.iter().filter_map(move |s| match &s.subject {
        Subject::Instance { service: name, ordinal } if name == service => {
            Some((*ordinal, s.points.as_slice()))
        }
        _ => None,
    })
}

fn worst(
    case: &Case,
    judged: Span,
    service: &str,
    window: Option<Duration>,
    figure: Figure,
) -> Option<(f64, u32, Option<Span>)> {
    let mut worst: Option<(f64, u32, Option<Span>)> = None;
    for (ordinal, points) in points(case, service) {
        let anon: Vec<(Offset, f64)> = points
            .iter()
            .filter(|(at, ..)| judged.contains(*at))
            .filter_map(|(at, _, reading)| Some((*at, reading.anon? as f64)))
            .collect();
        let value = match (figure, window) {
            (Figure::Max, _) => {
                anon.iter().map(|(_, v)| *v).max_by(f64::total_cmp).map(|v| (v, None))
            }
            (Figure::Mean, Some(window)) if window < judged.length() => {
                worst_mean(&anon, window).map(|(v, span)| (v, Some(span)))
            }
            (Figure::Mean, _) => {
                let sum: f64 = anon.iter().map(|(_, v)| v).sum();
                (!anon.is_empty()).then(|| (sum / anon.len() as f64, None))
            }
        };
        if let Some((value, span)) = value
            && worst.is_none_or(|(w, ..)| value > w)
        {
            worst = Some((value, ordinal, span));
        }
    }
    worst
}

/// The highest mean of any window that the readings reach across.
fn worst_mean(readings: &[(Offset, f64)], window: Duration) -> Option<(f64, Span)> {
    let end = readings.last()?.0;
    let (mut sum, mut next) = (0.0, 0);
    let mut worst: Option<(f64, Span)> = None;
    for (i, (from, value)) in readings.iter().enumerate() {
        let span = Span { from: *from, to: *from + window };
        while let Some((at, value)) = readings.get(next)
            && *at < span.to
        {
            sum += value;
            next += 1;
        }
        let mean = sum / (next - i) as f64;
        sum -= value;
        let reached = i == 0 || end + Duration::from_secs(1) >= span.to;
        if reached && worst.is_none_or(|(w, _)| mean > w) {
            worst = Some((mean, span));
        }
    }
    worst
}

/// Whether at least nine tenths of the readings are there that a service's instances should have given while they
/// were running: time in which one was down, or in which a fault of ours had it down, asks for none.
pub(super) fn enough(case: &Case, judged: Span, service: &str) -> Result<(), String> {
    let interval = case.experiment().sampling.interval.as_secs_f64().max(1e-3);
    let downtimes = starts::downtimes(&case.data.events, judged.to);
    let (mut expected, mut got) = (0.0, 0);
    for (ordinal, points) in points(case, service) {
        let who = Victim { service: service.to_owned(), ordinal };
        let mut down: Vec<Span> = downtimes.get(&who).cloned().unwrap_or_default();
        down.extend(case.windows.iter().filter_map(|w| {
            let fault = &case.data.run.faults[w.fault];
            let stops = matches!(
                fault.inject,
                Injection::Kill { .. } | Injection::Stop { .. } | Injection::Restart { .. }
            );
            (stops && fault.victims.contains(&who)).then_some(w.force)
        }));
        let down = spread(down, judged);
        let up = judged.length().saturating_sub(down.iter().map(Span::length).sum());
        expected += up.as_secs_f64() / interval;
        got += points
            .iter()
            .filter(|(at, _, reading)| reading.anon.is_some() && judged.contains(*at))
            .filter(|(at, ..)| !down.iter().any(|d| d.contains(*at)))
            .count();
    }
    // The interval at either end may have missed the profile.
    if (got as f64 + 2.0) < 0.9 * expected || got == 0 {
        Err(format!("only {got} of {expected:.0} expected memory readings of {service}"))
    } else {
        Ok(())
    }
}

/// The spans, each widened by two seconds, cut to the profile and merged.
fn spread(mut spans: Vec<Span>, judged: Span) -> Vec<Span> {
    let slack = Duration::from_secs(2);
    for span in &mut spans {
        *span = Span {
            from: (span.from - slack).clamp(judged.from, judged.to),
            to: (span.to + slack).clamp(judged.from, judged.to),
        };
    }
    spans.sort_by_key(|s| s.from);
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use super::*;
    use crate::record::Tier;

    fn max(text: &str) -> LimitKind {
        let max = text.parse().unwrap();
        LimitKind::MemoryMax { service: Some("api".into()), max, warn: None }
    }

    fn mean(text: &str) -> LimitKind {
        let max = text.parse().unwrap();
        LimitKind::MemoryMean { service: Some("api".into()), max, warn: None }
    }

    #[test]
    fn memory_over_the_limit_breaches_and_under_it_holds() {
        let spike =
            || Synthetic::hold(200).memory(|k| if k == 150 { 600 << 20 } else { 200 << 20 });
        let result = limit_result(spike().limit(max("512MiB")));
        assert_eq!((result.tier, result.name.as_str()), (Tier::Fail, "memory api max"));
        assert_eq!(result.margin.unwrap(), "88.0 MiB outside");
        assert_eq!(limit_tier(spike().limit(max("1GiB"))), Tier::Pass);
        assert_eq!(limit_tier(spike().limit(mean("256MiB"))), Tier::Pass);
        assert_eq!(limit_tier(spike().limit(mean("128MiB"))), Tier::Fail);
        let hill = || {
            Synthetic::hold(200)
                .memory(|k| if (50..70).contains(&k) { 600 << 20 } else { 200 << 20 })
        };
        assert_eq!(limit_tier(hill().limit(mean("256MiB"))), Tier::Pass);
        assert_eq!(limit_tier(hill().limit_in(mean("256MiB"), secs(30))), Tier::Fail);
    }

    #[test]
    fn each_service_is_judged_when_none_is_named() {
        let kind = LimitKind::MemoryMax { service: None, max: "1GiB".parse().unwrap(), warn: None };
        let data = Synthetic::hold(100).limit(kind).build();
        let case = Case::new(&data);
        let names: Vec<String> =
            super::super::results(&case).into_iter().map(|j| j.result.name).collect();
        assert_eq!(names, ["memory api max", "memory store max"]);
    }

    #[test]
    fn missing_readings_leave_the_limit_unknown_but_downtime_does_not() {
        let holes = |run: Synthetic, hole: std::ops::Range<u64>| {
            let mut data = run.limit(max("512MiB")).build();
            let start = Synthetic::profile_start();
            let hole = Span { from: start + secs(hole.start), to: start + secs(hole.end) };
            for series in &mut data.series {
                series.points.retain(|(at, ..)| !hole.contains(*at));
            }
            super::super::results(&Case::new(&data))[0].result.tier
        };
        assert_eq!(holes(Synthetic::hold(200), 50..55), Tier::Pass);
        assert_eq!(holes(Synthetic::hold(200), 50..90), Tier::Unknown);
        assert_eq!(holes(Synthetic::hold(200).both_down(50, 40), 50..90), Tier::Pass);
    }
}
