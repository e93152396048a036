//! `leak`: no gauge of a service's instances leaks.

use std::time::Duration;

use super::super::case::Case;
use super::super::words::duration;
use super::{Bound, Judged, name_for, services};
use crate::experiment::{Accepted, Limit};
use crate::record::{LeakResult, LeakVerdict, LimitResult, Side, Tier};

/// So many gauges are told of by name.
const TOLD: usize = 4;

/// Judges one service, or each. The figure is how many gauges of its instances breach the limit.
pub(super) fn results(
    case: &Case,
    limit: &Limit,
    service: Option<&str>,
    accepted: Accepted,
) -> Vec<Judged> {
    let services = services(case, service);
    if services.is_empty() {
        return vec![Judged::never(limit)];
    }
    services.into_iter().map(|service| result(case, limit, service, accepted)).collect()
}

fn result(case: &Case, limit: &Limit, service: &str, accepted: Accepted) -> Judged {
    let own = |l: &&LeakResult| l.instance.service == service && l.gauge.is_sampled();
    let leaks: Vec<&LeakResult> = case.leaks().iter().filter(own).collect();
    let having = |tier: Tier| -> Vec<&LeakResult> {
        leaks.iter().copied().filter(|l| self::tier(l, accepted) == tier).collect()
    };
    let (bound, warn) = match accepted {
        Accepted::NotLeaking => ("not leaking", Some("not suspected")),
        Accepted::Stable => ("stable or warming", None),
    };
    let nothing = Bound::of(&limit.bound).unknown(name_for(limit, service), String::new());
    let nothing = LimitResult {
        bound: bound.to_owned(),
        warn: warn.map(str::to_owned),
        note: Some(format!("no gauge of {service} could be read")),
        ..nothing
    };
    // The gravest that was found decides.
    let found = [Tier::Fail, Tier::Unknown, Tier::Warn, Tier::Pass].map(|t| (t, having(t)));
    let result = match found.into_iter().find(|(_, leaks)| !leaks.is_empty()) {
        Some((Tier::Unknown, untold)) => {
            LimitResult { note: Some(told(&untold, lacking)), ..nothing }
        }
        Some((tier, leaks)) => LimitResult {
            measured: measured(&leaks),
            tier,
            measured_value: Some(if tier == Tier::Fail { leaks.len() as f64 } else { 0.0 }),
            note: (tier != Tier::Pass).then(|| told(&leaks, growing)),
            ..nothing
        },
        None => nothing,
    };
    Judged { result, side: Side::Longhaul }
}

/// How one gauge stands to the limit.
fn tier(leak: &LeakResult, accepted: Accepted) -> Tier {
    match (leak.finding.verdict, accepted) {
        (LeakVerdict::Leaking, _) | (LeakVerdict::Suspected, Accepted::Stable) => Tier::Fail,
        (LeakVerdict::Suspected, Accepted::NotLeaking) => Tier::Warn,
        (LeakVerdict::Inconclusive, _) => Tier::Unknown,
        (LeakVerdict::Stable | LeakVerdict::Warming, _) => Tier::Pass,
    }
}

/// The verdict of the first gauge, memory before all others, with its slope where something grows: `leaking by 3.6 MiB/h`.
fn measured(leaks: &[&LeakResult]) -> String {
    let rank = |l: &&&LeakResult| match l.finding.verdict {
        LeakVerdict::Leaking => 0,
        LeakVerdict::Suspected => 1,
        LeakVerdict::Warming => 2,
        LeakVerdict::Stable | LeakVerdict::Inconclusive => 3,
    };
    let Some(worst) = leaks.iter().min_by_key(rank) else { return String::new() };
    let finding = &worst.finding;
    match (finding.verdict, finding.slope) {
        (LeakVerdict::Leaking | LeakVerdict::Suspected, Some(slope)) => {
            format!("{} by {}/h", finding.verdict, finding.unit.amount(slope.value))
        }
        _ => finding.verdict.to_string(),
    }
}

/// The first few, each by its own words.
fn told(leaks: &[&LeakResult], words: fn(&LeakResult) -> String) -> String {
    let one = |l: &&LeakResult| format!("{} {}: {}", l.instance, l.gauge, words(l));
    let mut texts: Vec<String> = leaks.iter().take(TOLD).map(one).collect();
    if leaks.len() > texts.len() {
        texts.push(format!("{} more", leaks.len() - texts.len()));
    }
    texts.join("; ")
}

/// `leaking, 3.6 MiB/h (3.4 MiB to 3.9 MiB), its limit in about 198 h (180 to 220)`.
fn growing(leak: &LeakResult) -> String {
    let finding = &leak.finding;
    let amount = |value: f64| finding.unit.amount(value);
    let mut text = finding.verdict.to_string();
    if let Some(slope) = finding.slope {
        let [value, low, high] = [slope.value, slope.low, slope.high].map(amount);
        text = format!("{text}, {value}/h ({low} to {high})");
    }
    match finding.to_limit {
        Some(to_limit) => format!("{text}, its limit {to_limit}"),
        None => text,
    }
}

/// Why it can't be told, and how much is missing.
fn lacking(leak: &LeakResult) -> String {
    let finding = &leak.finding;
    let more = finding.hours_needed.map(|hours| {
        let time = Duration::try_from_secs_f64(hours * 3600.0).unwrap_or(Duration::MAX);
        format!("; it takes about {} more of undisturbed record to tell", duration(time))
    });
    finding.reason.clone() + &more.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::super::judge::judge;
    use super::super::super::testing::{Synthetic, limit_result};
    use crate::record::{LimitResult, Tier, VerdictOutcome};

    const LONG: u64 = 7800;

    /// Each `api` instance has 200 MiB and grows by so many MiB an hour, unsteadily by a little.
    fn growing(seconds: u64, mib_an_hour: u64) -> Synthetic {
        let noise = |k: u64| (k / 10 * 7919 % 101) << 12;
        Synthetic::hold(seconds)
            .memory(move |k| (200 << 20) + k * (mib_an_hour << 20) / 3600 + noise(k))
    }

    fn judged(run: Synthetic, limit: &str) -> LimitResult {
        limit_result(run.limit(limit))
    }

    const NOT_LEAKING: &str = "leak: { service: api }";
    const STABLE: &str = "leak: { service: api, verdict: stable }";

    #[test]
    fn a_planted_leak_fails_the_run_and_says_how_fast() {
        let data = growing(LONG, 40).limit(NOT_LEAKING).build();
        let verdict = judge(&data);
        assert_eq!((verdict.outcome, verdict.exit_code), (VerdictOutcome::Failed, 10));
        assert!(verdict.headline.contains("leak api was leaking by"), "{}", verdict.headline);
        let result = &verdict.limits[0];
        assert_eq!((result.tier, result.bound.as_str()), (Tier::Fail, "not leaking"));
        // Both instances leak, and nothing but their memory does.
        assert_eq!(result.measured_value, Some(2.0));
        let note = result.note.as_deref().unwrap();
        assert!(note.contains("api#1 memory: leaking") && note.contains("api#2 memory"), "{note}");
        assert_eq!(judged(growing(LONG, 40), STABLE).tier, Tier::Fail);
    }

    #[test]
    fn a_flat_service_holds_beside_a_leaking_one() {
        let result = judged(growing(LONG, 40), "leak: { service: store, verdict: stable }");
        assert_eq!((result.tier, result.measured.as_str()), (Tier::Pass, "stable"));
        let flat = judged(growing(LONG, 0), NOT_LEAKING);
        assert_eq!((flat.tier, flat.note), (Tier::Pass, None));
    }

    #[test]
    fn a_warm_up_holds_either_way() {
        let filling = || {
            Synthetic::hold(LONG).memory(|k| {
                let level = 100.0 * (1.0 - (-(k as f64) / 4000.0).exp());
                (200 << 20) + (level * 1_048_576.0) as u64 + ((k / 10 * 7919 % 101) << 12)
            })
        };
        for limit in [NOT_LEAKING, STABLE] {
            let result = judged(filling(), limit);
            assert_eq!((result.tier, result.measured.as_str()), (Tier::Pass, "warming"));
        }
    }

    #[test]
    fn a_suspected_leak_warns_and_is_not_stable() {
        // An hour and a half is too short to call it a leak.
        let result = judged(growing(5400, 40), NOT_LEAKING);
        assert_eq!(result.tier, Tier::Warn, "{result:?}");
        assert!(result.measured.starts_with("suspected by "), "{result:?}");
        assert_eq!(judged(growing(5400, 40), STABLE).tier, Tier::Fail);
    }

    #[test]
    fn a_record_that_is_too_short_makes_the_run_inconclusive_and_says_how_much_is_missing() {
        let verdict = judge(&growing(180, 0).limit(NOT_LEAKING).build());
        assert_eq!((verdict.outcome, verdict.exit_code), (VerdictOutcome::Inconclusive, 11));
        assert_eq!(verdict.limits[0].tier, Tier::Unknown);
        assert!(
            verdict.headline.contains("leak api could not be measured"),
            "{}",
            verdict.headline
        );
        assert!(verdict.headline.contains("about 1h 57m more"), "{}", verdict.headline);
    }
}
