//! `scraped`: highest and mean value of a gauge among the target's own metrics.

use std::collections::{BTreeMap, BTreeSet};

use super::super::case::Case;
use super::super::part::{self, Part};
use super::readings::{self, Found, Point, Wanted};
use super::{Bound, Judged, limit_name};
use crate::clock::Offset;
use crate::experiment::{Limit, Statistic};
use crate::record::{ScrapedKind, ScrapedSeries, Side, Subject};

/// Judges the worst series of the worst instance.
pub(super) fn result(
    case: &Case,
    limit: &Limit,
    statistic: Statistic,
    service: &str,
    metric: &str,
) -> Judged {
    let Some(part) = case.part(&limit.scope) else { return Judged::never(limit) };
    let bound = Bound::of(&limit.bound);
    let name = limit_name(limit);
    let result = match worst(case, &part, limit, statistic, service, metric) {
        Ok((value, of, span)) => bound.judge(name, value, span, Some(of)),
        Err(_) if part.stretches().is_empty() => bound.unknown(name, part::why_empty(&limit.scope)),
        Err(why) => bound.unknown(name, why),
    };
    Judged { result, side: Side::Longhaul }
}

fn worst(
    case: &Case,
    part: &Part,
    limit: &Limit,
    statistic: Statistic,
    service: &str,
    metric: &str,
) -> Result<Found<String>, String> {
    let named: Vec<(u32, &ScrapedSeries)> = case
        .data
        .scraped
        .iter()
        .filter(|s| s.name == metric || s.metric() == metric)
        .filter_map(|s| match &s.subject {
            Subject::Instance { service: of, ordinal } if of == service => Some((*ordinal, s)),
            _ => None,
        })
        .collect();
    let gauges: Vec<(u32, &ScrapedSeries)> =
        named.iter().copied().filter(|(_, s)| s.kind == ScrapedKind::Gauge).collect();
    if gauges.is_empty() {
        return Err(match named.first() {
            Some(_) => format!("{metric} of {service} is a counter, which has no level"),
            None => format!("no metric {metric} was scraped from {service}"),
        });
    }
    let mut read: BTreeMap<u32, BTreeSet<Offset>> = BTreeMap::new();
    for (ordinal, series) in &gauges {
        let at = series.points.iter().map(|(at, _)| *at);
        read.entry(*ordinal).or_default().extend(at);
    }
    let interval = case.experiment().sampling.scrape_interval();
    let wanted = Wanted { service, what: metric, interval };
    let read: Vec<(u32, Vec<Offset>)> =
        read.into_iter().map(|(n, at)| (n, at.into_iter().collect())).collect();
    readings::enough_of(case, part, &wanted, &read)?;
    let worst = readings::highest(gauges.into_iter().filter_map(|(ordinal, series)| {
        let points: Vec<Point> = series
            .points
            .iter()
            .filter(|(at, _)| part.contains(*at))
            .map(|(at, value)| Point::at(*at, *value))
            .collect();
        let (value, span) = readings::figure(&points, statistic, limit.window)?;
        Some((value, format!("{} of {service}#{ordinal}", series.name), span))
    }));
    worst.ok_or_else(|| format!("{metric} of {service} was never scraped"))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, secs};
    use super::*;
    use crate::record::{LimitResult, Tier};

    /// A queue of 10 entries, of 2000 for a minute in the middle; the pool's two series, and a counter.
    fn judged(limit: &str) -> LimitResult {
        judged_without(limit, 0..0)
    }

    fn judged_without(limit: &str, hole: std::ops::Range<u64>) -> LimitResult {
        let run = Synthetic::hold(600).fault("cut", 240, 60);
        let mut data = run.limit(&format!("scraped: {{ service: api, {limit} }}")).build();
        let mut add = |name: &str, kind, value: &dyn Fn(u64) -> f64| {
            let at = |k: u64| Synthetic::profile_start() + secs(k);
            let points = (0..600).step_by(10).filter(|k| !hole.contains(k));
            data.scraped.push(ScrapedSeries {
                subject: Subject::Instance { service: "api".into(), ordinal: 2 },
                name: name.to_owned(),
                kind,
                points: points.map(|k| (at(k), value(k))).collect(),
            });
        };
        let deep = |k: u64| if (240..300).contains(&k) { 2000.0 } else { 10.0 };
        add("queue_depth", ScrapedKind::Gauge, &deep);
        add("pool_size{pool=\"a\"}", ScrapedKind::Gauge, &|_| 5.0);
        add("pool_size{pool=\"b\"}", ScrapedKind::Gauge, &|_| 15.0);
        add("heap_bytes", ScrapedKind::Gauge, &|_| 64.0 * 1_048_576.0);
        add("requests_total", ScrapedKind::Counter, &|k| k as f64);
        let case = Case::new(&data);
        super::super::results(&case).remove(0).result
    }

    fn tier(limit: &str) -> Tier {
        judged(limit).tier
    }

    #[test]
    fn a_deep_queue_breaches_its_highest_and_not_its_mean() {
        let result = judged("metric: queue_depth, max: 1000");
        assert_eq!(
            (result.tier, result.name.as_str(), result.measured.as_str()),
            (Tier::Fail, "scraped api queue_depth max", "2000")
        );
        assert_eq!(result.note.as_deref(), Some("queue_depth of api#2"));
        assert_eq!(tier("metric: queue_depth, max: 2000, warn: 1000"), Tier::Warn);
        assert_eq!(tier("metric: queue_depth, mean: 300"), Tier::Pass);
        assert_eq!(tier("metric: queue_depth, mean: 300, window: 1m"), Tier::Fail);
        assert_eq!(tier("metric: queue_depth, max: 1000, scope: outside_faults"), Tier::Pass);
    }

    #[test]
    fn labels_choose_a_series_and_without_them_the_worst_counts() {
        assert_eq!(tier("metric: pool_size, max: 10"), Tier::Fail);
        assert_eq!(tier("metric: \"pool_size{pool=\\\"a\\\"}\", max: 10"), Tier::Pass);
        assert_eq!(tier("metric: heap_bytes, max: 63MiB"), Tier::Fail);
        assert_eq!(tier("metric: heap_bytes, max: 65MiB"), Tier::Pass);
    }

    #[test]
    fn what_was_not_scraped_is_unknown() {
        for (limit, why) in [
            ("metric: queue_dept, max: 1", "no metric queue_dept was scraped from api"),
            ("metric: requests_total, max: 1", "is a counter"),
        ] {
            let result = judged(limit);
            assert_eq!(result.tier, Tier::Unknown, "{limit}");
            assert!(result.note.as_deref().unwrap().contains(why), "{result:?}");
        }
        let holes = judged_without("metric: queue_depth, max: 9000", 100..300);
        assert_eq!(holes.tier, Tier::Unknown);
        assert!(holes.note.unwrap().contains("expected readings of queue_depth of api"));
    }
}
