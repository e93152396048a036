//! `memory_growth`: growth of a service's mean memory from the first to the last judged ledger row, as a share, or
//! for every 1000 requests.

use super::super::case::Case;
use super::readings::enough;
use super::{Bound, Judged, name_for, services};
use crate::experiment::{Limit, Measure, Scope};
use crate::record::{LedgerRow, ServiceRow, Side};
use crate::units::Bytes;

/// Judges one service, or each.
pub(super) fn results(case: &Case, limit: &Limit, service: Option<&str>) -> Vec<Judged> {
    let services = services(case, service);
    let Some(part) = case.part(&Scope::Total).filter(|_| !services.is_empty()) else {
        return vec![Judged::never(limit)];
    };
    let one = |service: &str| {
        let name = name_for(limit, service);
        let bound = Bound::of(&limit.bound);
        let grown = enough(case, &part, service).and_then(|()| match limit.measure {
            Measure::MemoryPerRequests { .. } => per_requests(case, service),
            _ => growth(case, service),
        });
        let result = match grown {
            Ok((value, note)) => bound.judge(name, value, None, Some(note)),
            Err(why) => bound.unknown(name, why),
        };
        Judged { result, side: Side::Longhaul }
    };
    services.into_iter().map(one).collect()
}

type Row<'a> = (&'a LedgerRow, &'a ServiceRow);

/// The first and the last row to compare, and what stands in them.
fn ends<'a>(case: &'a Case, service: &str) -> Result<(Row<'a>, Row<'a>), String> {
    let whole = case.ledger.first().map(|row| row.to.since(row.from)).unwrap_or_default();
    // A stub of a row at the end carries too little to be compared with a whole one.
    let mut rows = case
        .ledger
        .iter()
        .filter(|row| row.to.since(row.from) * 2 >= whole)
        .filter_map(|row| Some((row, row.services.iter().find(|s| s.service == service)?)))
        .filter(|(_, s)| s.memory_mean.is_some());
    let Some(first) = rows.next() else {
        return Err(format!("{service}'s memory was never read"));
    };
    match rows.next_back() {
        Some(last) => Ok((first, last)),
        None => Err("one ledger row is no growth; a longer run has two".to_owned()),
    }
}

fn note((first_row, first): &Row, (last_row, last): &Row) -> String {
    let mean = |row: &ServiceRow| Bytes(row.memory_mean.unwrap_or(0)).human();
    format!(
        "{} in row {}, {} in row {}",
        mean(first),
        first_row.number,
        mean(last),
        last_row.number
    )
}

fn growth(case: &Case, service: &str) -> Result<(f64, String), String> {
    let (first, last) = ends(case, service)?;
    match (first.1.memory_mean, last.1.memory_mean) {
        (Some(a), Some(b)) if a > 0 => Ok((b as f64 / a as f64 - 1.0, note(&first, &last))),
        _ => Err(format!("{service} used no memory in the first row")),
    }
}

fn per_requests(case: &Case, service: &str) -> Result<(f64, String), String> {
    let (first, last) = ends(case, service)?;
    match last.1.bytes_per_request {
        Some(bytes) => Ok((bytes * 1e3, note(&first, &last))),
        None => Err("no requests were answered between the rows".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::judge;
    use super::super::super::testing::{Synthetic, limit_result, limit_tier, secs};
    use crate::record::{Subject, Tier};

    const GROWTH: &str = "memory_growth: { service: api, max: 10% }";

    #[test]
    fn growth_breaches_and_steadiness_holds() {
        let leak = || Synthetic::hold(600).memory(|k| (200 << 20) + k * (200 << 20) / 600);
        let result = limit_result(leak().limit(GROWTH));
        assert_eq!(result.tier, Tier::Fail);
        // From the middle of the first to the middle of the last of twelve rows.
        let expected = (1.0 + 23.0 / 24.0) / (1.0 + 1.0 / 24.0) - 1.0;
        assert!((result.measured_value.unwrap() - expected).abs() < 0.01, "{result:?}");
        assert_eq!(
            limit_tier(leak().limit("memory_growth: { service: api, max: 100%, warn: 80% }")),
            Tier::Warn
        );
        assert_eq!(limit_tier(Synthetic::hold(600).limit(GROWTH)), Tier::Pass);
        let shrinks = Synthetic::hold(600).memory(|k| (200 << 20) - k * 1000);
        let result = limit_result(shrinks.limit(GROWTH));
        assert!(result.tier == Tier::Pass && result.measured.starts_with('-'), "{result:?}");
    }

    #[test]
    fn a_replica_that_is_gone_gives_no_memory_back() {
        let grows = Synthetic::hold(600).memory(|k| (100 << 20) + k * (80 << 20) / 600);
        let mut data = grows.limit(GROWTH).build();
        let gone = Subject::Instance { service: "api".to_owned(), ordinal: 2 };
        let end = Synthetic::profile_start() + secs(548);
        let series = data.series.iter_mut().find(|s| s.subject == gone).unwrap();
        series.points.retain(|(at, ..)| *at < end);
        let verdict = judge(&data);
        assert_eq!(verdict.ledger[11].services[0].memory_mean, None, "a row without it");
        assert_eq!(verdict.limits[0].tier, Tier::Fail, "{:?}", verdict.limits);
    }

    #[test]
    fn growth_is_held_against_the_requests() {
        // Each of two instances grows by 1 kB a request: 2 kB for each of 50 a second.
        let leak = || Synthetic::hold(600).memory(|k| (200 << 20) + k * 50_000);
        let limit =
            |max: &str| format!("memory_growth: {{ service: api, per_1000_requests: {max} }}");
        let result = limit_result(leak().limit(&limit("1MB")));
        assert_eq!(
            (result.tier, result.name.as_str()),
            (Tier::Fail, "memory_growth api per 1000 requests")
        );
        assert!((result.measured_value.unwrap() / 2e6 - 1.0).abs() < 0.02, "{result:?}");
        assert_eq!(limit_tier(leak().limit(&limit("3MB"))), Tier::Pass);
        assert_eq!(limit_tier(leak().limit(&limit("3MB, warn: 1MB"))), Tier::Warn);
        let idle = leak().each(0..600, |s| s.counts.ok = 0);
        assert_eq!(limit_tier(idle.limit(&limit("1MB"))), Tier::Unknown);
    }

    #[test]
    fn a_single_row_has_no_growth() {
        assert_eq!(limit_tier(Synthetic::hold(600).stop_at(40).limit(GROWTH)), Tier::Unknown);
    }
}
