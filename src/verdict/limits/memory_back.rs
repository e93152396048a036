//! `memory_back`: a service's memory at the end of the cool-down, against before the load.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::case::Case;
use super::super::memory::{self, Account};
use super::super::windows::Span;
use super::readings;
use super::{Bound, Judged, name_for, services};
use crate::experiment::{Limit, Quantity};
use crate::record::{Phase, Side};
use crate::units::Bytes;

/// What is looked at before the load, unless the target was given time to settle, and at the end of the cool-down.
const LOOK: Duration = Duration::from_secs(10);
/// Fewer readings than this say nothing.
const FEWEST: usize = 3;

/// Judges one service, or each.
pub(super) fn results(case: &Case, limit: &Limit, service: Option<&str>) -> Vec<Judged> {
    let services = services(case, service);
    if services.is_empty() {
        return vec![Judged::never(limit)];
    }
    let one = |service: &str| {
        let name = name_for(limit, service);
        let bound = Bound::of(&limit.bound);
        let result = match ends(case, service) {
            Ok((before, after)) => {
                let more = after as f64 - before as f64;
                let note = format!(
                    "{} before the load, {} at the end of the cool-down",
                    Bytes(before).human(),
                    Bytes(after).human()
                );
                let value = match limit.bound.limit {
                    Quantity::Share(_) => more / (before as f64).max(1.0),
                    _ => more,
                };
                bound.judge(name, value, None, Some(note))
            }
            Err(why) => bound.unknown(name, why),
        };
        Judged { result, side: Side::Longhaul }
    };
    services.into_iter().map(one).collect()
}

fn ends(case: &Case, service: &str) -> Result<(u64, u64), String> {
    let Some((from, to)) = case.data.phase(Phase::Cooling) else {
        return Err("the run ended before its cool-down".to_owned());
    };
    let cooldown = case.experiment().load.cooldown;
    if to.since(from) + Duration::from_secs(1) < cooldown {
        return Err("the cool-down was cut short".to_owned());
    }
    let first =
        readings::of(case, service).iter().filter_map(|(_, p)| p.first()).map(|p| p.0).min();
    let Some(first) = first else {
        return Err(format!("{service}'s memory was never read"));
    };
    let before = match case.idle {
        Some(idle) => idle,
        None => Span { from: first, to: first + LOOK },
    };
    let after = Span { from: (to - LOOK.max(cooldown / 10)).max(from), to };
    let mean = |span, when: &str| {
        mean(case, service, span)
            .ok_or_else(|| format!("too few memory readings of {service} {when}"))
    };
    Ok((mean(before, "before the load")?, mean(after, "at the end of the cool-down")?))
}

/// Mean memory of all instances together.
fn mean(case: &Case, service: &str, span: Span) -> Option<u64> {
    let interval = case.experiment().sampling.interval.max(Duration::from_millis(1));
    let mut accounts: BTreeMap<u32, Account> = BTreeMap::new();
    let mut fewest = usize::MAX;
    for (ordinal, points) in readings::of(case, service) {
        let mine = points.iter().filter(|(at, _, r)| span.contains(*at) && r.anon.is_some());
        let account = accounts.entry(ordinal).or_default();
        let mut count = 0;
        for (at, _, reading) in mine {
            let tick = at.since(span.from).as_micros() / interval.as_micros();
            account.reading(tick as u64, reading);
            count += 1;
        }
        fewest = fewest.min(count);
    }
    let least =
        FEWEST.min((span.length().as_micros() / interval.as_micros().max(1)) as usize).max(1);
    let (_, mean, _) = memory::figures(&accounts).memory.filter(|_| fewest >= least)?;
    Some(mean)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, limit_result, limit_tier};
    use crate::record::Tier;

    /// 400 MiB under load, and from the third second of the cool-down on so much.
    fn cooled(mib: u64) -> Synthetic {
        Synthetic::hold(100)
            .settle(20)
            .cooldown(60)
            .memory(move |k| if k < 103 { 400 << 20 } else { mib << 20 })
    }

    #[test]
    fn memory_that_stays_breaches_and_memory_that_comes_back_holds() {
        // Before the load the two instances need 80 MiB together.
        let stays = limit_result(cooled(46).limit("memory_back: { service: api, within: 10MiB }"));
        assert_eq!((stays.tier, stays.name.as_str()), (Tier::Fail, "memory_back api"));
        assert_eq!(stays.measured, "12.0 MiB");
        let tier = |mib, within: &str| {
            limit_tier(
                cooled(mib).limit(&format!("memory_back: {{ service: api, within: {within} }}")),
            )
        };
        assert_eq!(tier(44, "10MiB"), Tier::Pass);
        assert_eq!(tier(44, "10MiB, warn: 5MiB"), Tier::Warn);
        assert_eq!((tier(46, "20%"), tier(46, "10%")), (Tier::Pass, Tier::Fail));
        assert_eq!(tier(30, "0%"), Tier::Pass);
    }

    #[test]
    fn without_a_whole_cool_down_there_is_nothing_to_tell() {
        let mut data = cooled(40).limit("memory_back: { service: api, within: 10MiB }").build();
        let result = |data: &crate::record::RunData| {
            let case = super::super::super::case::Case::new(data);
            super::super::results(&case).remove(0).result
        };
        assert_eq!(result(&data).tier, Tier::Pass);
        let end = Synthetic::profile_start() + std::time::Duration::from_mins(2);
        for event in &mut data.events {
            event.at = event.at.min(end);
        }
        assert_eq!(result(&data).note.unwrap(), "the cool-down was cut short");
    }
}
