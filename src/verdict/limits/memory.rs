//! `memory`: highest and mean anonymous memory of an instance.

use super::super::case::Case;
use super::super::part::{self, Part};
use super::readings::{self, Found, Point, enough};
use super::{Bound, Judged, name_for, services};
use crate::experiment::{Limit, Statistic};
use crate::record::Side;

/// Judges one service, or each; of each its worst instance.
pub(super) fn results(
    case: &Case,
    limit: &Limit,
    statistic: Statistic,
    service: Option<&str>,
) -> Vec<Judged> {
    let services = services(case, service);
    let Some(part) = case.part(&limit.scope).filter(|_| !services.is_empty()) else {
        return vec![Judged::never(limit)];
    };
    services.into_iter().map(|service| one(case, limit, &part, statistic, service)).collect()
}

fn one(case: &Case, limit: &Limit, part: &Part, statistic: Statistic, service: &str) -> Judged {
    let name = name_for(limit, service);
    let bound = Bound::of(&limit.bound);
    let result = if part.stretches().is_empty() {
        bound.unknown(name, part::why_empty(&limit.scope))
    } else {
        match enough(case, part, service) {
            Err(why) => bound.unknown(name, why),
            Ok(()) => worst(case, part, limit, statistic, service).map_or_else(
                || bound.unknown(name.clone(), format!("{service}'s memory was never read")),
                |(value, ordinal, span)| {
                    bound.judge(name.clone(), value, span, Some(format!("{service}#{ordinal}")))
                },
            ),
        }
    };
    Judged { result, side: Side::Longhaul }
}

fn worst(
    case: &Case,
    part: &Part,
    limit: &Limit,
    statistic: Statistic,
    service: &str,
) -> Option<Found<u32>> {
    readings::highest(readings::of(case, service).into_iter().filter_map(|(ordinal, points)| {
        let anon: Vec<Point> = points
            .iter()
            .filter(|(at, ..)| part.contains(*at))
            .filter_map(|(at, _, reading)| Some(Point::at(*at, reading.anon? as f64)))
            .collect();
        let (value, span) = readings::figure(&anon, statistic, limit.window)?;
        Some((value, ordinal, span))
    }))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use super::super::super::windows::Span;
    use super::*;
    use crate::record::Tier;

    #[test]
    fn memory_over_the_limit_breaches_and_under_it_holds() {
        let spike =
            || Synthetic::hold(200).memory(|k| if k == 150 { 600 << 20 } else { 200 << 20 });
        let result = limit_result(spike().limit("memory: { service: api, max: 512MiB }"));
        assert_eq!((result.tier, result.name.as_str()), (Tier::Fail, "memory api max"));
        assert_eq!(result.margin.unwrap(), "88.0 MiB outside");
        let tier = |run: Synthetic, limit: &str| limit_tier(run.limit(limit));
        assert_eq!(tier(spike(), "memory: { service: api, max: 1GiB }"), Tier::Pass);
        assert_eq!(tier(spike(), "memory: { service: api, max: 1GiB, warn: 512MiB }"), Tier::Warn);
        assert_eq!(tier(spike(), "memory: { service: api, mean: 256MiB }"), Tier::Pass);
        assert_eq!(tier(spike(), "memory: { service: api, mean: 128MiB }"), Tier::Fail);
        let hill = || {
            Synthetic::hold(200)
                .memory(|k| if (50..70).contains(&k) { 600 << 20 } else { 200 << 20 })
        };
        assert_eq!(tier(hill(), "memory: { service: api, mean: 256MiB }"), Tier::Pass);
        let windowed =
            limit_result(hill().limit("memory: { service: api, mean: 256MiB, window: 30s }"));
        assert_eq!(
            (windowed.tier, windowed.name.as_str()),
            (Tier::Fail, "memory api mean, worst 30s")
        );
        assert!(windowed.window.is_some());
    }

    #[test]
    fn a_scope_looks_at_its_part_alone() {
        let storm = || {
            Synthetic::hold(300)
                .fault("cut", 100, 20)
                .memory(|k| if (100..120).contains(&k) { 600 << 20 } else { 200 << 20 })
        };
        let tier = |scope: &str| {
            limit_tier(
                storm()
                    .limit(&format!("memory: {{ service: store, max: 512MiB, scope: {scope} }}")),
            )
        };
        let api = |scope: &str| {
            limit_tier(
                storm().limit(&format!("memory: {{ service: api, max: 512MiB, scope: {scope} }}")),
            )
        };
        assert_eq!((api("total"), tier("total")), (Tier::Fail, Tier::Pass));
        assert_eq!((api("during"), api("outside_faults")), (Tier::Fail, Tier::Pass));
        assert_eq!((api("{ during: cut }"), api("recovery")), (Tier::Fail, Tier::Pass));
        let none = limit_result(Synthetic::hold(300).limit("memory: { max: 1MiB, scope: during }"));
        assert_eq!(
            (none.tier, none.note.as_deref()),
            (Tier::Unknown, Some("no such fault was in force"))
        );
    }

    #[test]
    fn idle_is_before_the_load() {
        let run = || Synthetic::hold(100).settle(20).memory(|_| 900 << 20);
        let idle = |max| {
            limit_tier(run().limit(&format!("memory: {{ service: api, max: {max}, scope: idle }}")))
        };
        // Before the load, a synthetic instance needs a tenth of what it needs at its start.
        assert_eq!((idle("100MiB"), idle("80MiB")), (Tier::Pass, Tier::Fail));
        assert_eq!(limit_tier(run().limit("memory: { service: api, max: 512MiB }")), Tier::Fail);
    }

    #[test]
    fn each_service_is_judged_when_none_is_named() {
        let data = Synthetic::hold(100).limit("memory: { max: 1GiB }").build();
        let case = Case::new(&data);
        let names: Vec<String> =
            super::super::results(&case).into_iter().map(|j| j.result.name).collect();
        assert_eq!(names, ["memory api max", "memory store max"]);
    }

    #[test]
    fn missing_readings_leave_the_limit_unknown_but_downtime_does_not() {
        let holes = |run: Synthetic, hole: std::ops::Range<u64>| {
            let mut data = run.limit("memory: { service: api, max: 512MiB }").build();
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
