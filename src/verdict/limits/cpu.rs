//! `cpu`: highest and mean CPU use of an instance, in percent of one core or of its own limit.

use std::time::Duration;

use super::super::case::Case;
use super::super::part::{self, Part};
use super::super::windows::Span;
use super::readings::{self, Found, Point};
use super::{Bound, Judged, name_for, services};
use crate::clock::Offset;
use crate::experiment::{CpuBase, Limit, Statistic};
use crate::record::{Reading, Side};

/// A use over less time than this says more of the clock's ticks than of the target.
const SHORTEST: Duration = Duration::from_millis(950);

/// Judges one service, or each; of each its worst instance.
pub(super) fn results(
    case: &Case,
    limit: &Limit,
    statistic: Statistic,
    base: CpuBase,
    service: Option<&str>,
) -> Vec<Judged> {
    let services = services(case, service);
    let Some(part) = case.part(&limit.scope).filter(|_| !services.is_empty()) else {
        return vec![Judged::never(limit)];
    };
    let one = |service: &str| {
        let name = name_for(limit, service);
        let bound = Bound::of(&limit.bound);
        let result = match worst(case, &part, limit, statistic, base, service) {
            Ok((value, ordinal, span)) => {
                bound.judge(name, value, span, Some(format!("{service}#{ordinal}")))
            }
            Err(_) if part.stretches().is_empty() => {
                bound.unknown(name, part::why_empty(&limit.scope))
            }
            Err(why) => bound.unknown(name, why),
        };
        Judged { result, side: Side::Longhaul }
    };
    services.into_iter().map(one).collect()
}

fn worst(
    case: &Case,
    part: &Part,
    limit: &Limit,
    statistic: Statistic,
    base: CpuBase,
    service: &str,
) -> Result<Found<u32>, String> {
    let mut found = Vec::new();
    for (ordinal, points) in readings::of(case, service) {
        let uses = uses(points, base)
            .ok_or_else(|| format!("{service}#{ordinal} has no CPU limit that could be read"))?;
        let uses: Vec<Point> = uses
            .into_iter()
            .filter(|u| part.contains(u.span.from) && part.holds(&u.span))
            .collect();
        let figure = readings::figure(&uses, statistic, limit.window);
        found.extend(figure.map(|(value, span)| (value, ordinal, span)));
    }
    readings::highest(found).ok_or_else(|| format!("{service}'s CPU time was never read"))
}

/// CPU use between readings of one life, over a second or more each. `None` when it is a share of a limit that an
/// instance does not have.
fn uses(points: &[(Offset, u32, Reading)], base: CpuBase) -> Option<Vec<Point>> {
    let mut uses = Vec::new();
    let mut last: Option<(Offset, u32, u64)> = None;
    for (at, epoch, reading) in points {
        let Some(used) = reading.cpu_us else { continue };
        let cores = match base {
            CpuBase::Core => 1.0,
            CpuBase::Limit => reading.cpu_limit_milli? as f64 / 1e3,
        };
        let (then, life, before) = *last.get_or_insert((*at, *epoch, used));
        if life != *epoch || used < before {
            last = Some((*at, *epoch, used));
            continue;
        }
        let time = at.since(then);
        if time >= SHORTEST {
            let seconds = time.as_secs_f64();
            let value = (used - before) as f64 / 1e6 / seconds / cores.max(1e-3);
            uses.push(Point { span: Span { from: then, to: *at }, value, weight: seconds });
            last = Some((*at, *epoch, used));
        }
    }
    Some(uses)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier};
    use crate::record::Tier;

    /// Two tenths of a core, but for ten seconds of nine tenths; half a core is the limit.
    fn busy() -> Synthetic {
        Synthetic::hold(300)
            .busy(|k| if (100..110).contains(&k) { 0.9 } else { 0.2 })
            .fault("cut", 100, 10)
    }

    fn tier(limit: &str) -> Tier {
        limit_tier(busy().limit(&format!("cpu: {{ service: store, {limit} }}")))
    }

    #[test]
    fn a_busy_spell_breaches_the_highest_and_not_the_mean() {
        assert_eq!((tier("max: 80%"), tier("max: 95%")), (Tier::Fail, Tier::Pass));
        assert_eq!((tier("mean: 50%"), tier("mean: 20%")), (Tier::Pass, Tier::Fail));
        assert_eq!(tier("mean: 50%, warn: 20%"), Tier::Warn);
        assert_eq!(tier("mean: 50%, window: 10s"), Tier::Fail);
        let result = limit_result(busy().limit("cpu: { service: store, max: 80% }"));
        assert_eq!(result.name, "cpu store max");
        assert!((result.measured_value.unwrap() - 0.9).abs() < 1e-6, "{result:?}");
    }

    #[test]
    fn a_scope_looks_at_its_part_alone() {
        assert_eq!(tier("max: 80%, scope: outside_faults"), Tier::Pass);
        assert_eq!(tier("mean: 50%, scope: during"), Tier::Fail);
    }

    #[test]
    fn a_share_of_the_limit_needs_one() {
        assert_eq!(
            (tier("mean: 50%, of: limit"), tier("mean: 40%, of: limit")),
            (Tier::Pass, Tier::Fail)
        );
        let none = limit_result(busy().limit("cpu: { service: api, mean: 50%, of: limit }"));
        assert_eq!(none.tier, Tier::Unknown);
        assert!(none.note.unwrap().contains("no CPU limit"));
    }
}
