//! `memory_growth`: growth of a service's mean memory from the first to the last judged ledger row.

use super::super::case::Case;
use super::bound::windowed;
use super::memory::{enough, for_service};
use super::{Bound, Judged, name};
use crate::experiment::Limit;
use crate::record::{LedgerRow, ServiceRow, Side};
use crate::units::Bytes;

/// Judges one service, or each.
pub(super) fn results(case: &Case, limit: &Limit, service: Option<&str>) -> Vec<Judged> {
    let services = service.map_or_else(|| case.services(), |s| vec![s]);
    if services.is_empty() {
        return vec![Judged::never(&limit.kind, name(&limit.kind))];
    }
    services.into_iter().map(|service| one(case, limit, service)).collect()
}

fn one(case: &Case, limit: &Limit, service: &str) -> Judged {
    let kind = for_service(&limit.kind, service);
    let name = windowed(name(&kind), limit);
    let Some(judged) = case.judged else {
        return Judged::never(&kind, name);
    };
    let bound = Bound::of(&kind);
    let result = match enough(case, judged, service).and_then(|()| growth(case, service)) {
        Ok((share, note)) => bound.judge(name, share, None, Some(note)),
        Err(why) => bound.unknown(name, why),
    };
    Judged { result, side: Side::Longhaul }
}

fn growth(case: &Case, service: &str) -> Result<(f64, String), String> {
    let whole = case.ledger.first().map(|row| row.to.since(row.from)).unwrap_or_default();
    // A stub of a row at the end carries too little to be compared with a whole one.
    let rows: Vec<(&LedgerRow, &ServiceRow)> = case
        .ledger
        .iter()
        .filter(|row| row.to.since(row.from) * 2 >= whole)
        .filter_map(|row| Some((row, row.services.iter().find(|s| s.service == service)?)))
        .filter(|(_, s)| s.memory_mean.is_some())
        .collect();
    let (Some((first_row, first)), Some((last_row, last))) = (rows.first(), rows.last()) else {
        return Err(format!("{service}'s memory was never read"));
    };
    if first_row.number == last_row.number {
        return Err("one ledger row is no growth; a longer run has two".to_owned());
    }
    let (Some(a), Some(b)) = (first.memory_mean, last.memory_mean) else {
        return Err(format!("{service}'s memory was never read"));
    };
    if a == 0 {
        return Err(format!("{service} used no memory in the first row"));
    }
    let note = format!(
        "{} in row {}, {} in row {}",
        Bytes(a).human(),
        first_row.number,
        Bytes(b).human(),
        last_row.number
    );
    Ok((b as f64 / a as f64 - 1.0, note))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier};
    use crate::experiment::LimitKind;
    use crate::record::Tier;

    fn growth() -> LimitKind {
        LimitKind::MemoryGrowth {
            service: Some("api".into()),
            max: "10%".parse().unwrap(),
            warn: None,
        }
    }

    #[test]
    fn growth_breaches_and_steadiness_holds() {
        let leak = Synthetic::hold(600).memory(|k| (200 << 20) + k * (200 << 20) / 600);
        let result = limit_result(leak.limit(growth()));
        assert_eq!(result.tier, Tier::Fail);
        // From the middle of the first to the middle of the last of twelve rows.
        let expected = (1.0 + 23.0 / 24.0) / (1.0 + 1.0 / 24.0) - 1.0;
        assert!((result.measured_value.unwrap() - expected).abs() < 0.01, "{result:?}");
        assert_eq!(limit_tier(Synthetic::hold(600).limit(growth())), Tier::Pass);
        let shrinks = Synthetic::hold(600).memory(|k| (200 << 20) - k * 1000);
        let result = limit_result(shrinks.limit(growth()));
        assert!(result.tier == Tier::Pass && result.measured.starts_with('-'), "{result:?}");
    }

    #[test]
    fn a_single_row_has_no_growth() {
        assert_eq!(limit_tier(Synthetic::hold(600).stop_at(40).limit(growth())), Tier::Unknown);
    }
}
