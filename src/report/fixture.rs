//! Synthetic runs for this room's tests: plausible figures, no randomness but a fixed hash.

use std::time::Duration;

use super::synthetic::{Shape, at, make, noise};
use crate::record::{Counts, Event, EventKind, FaultStage, RunData, Subject, Verdict};

/// Five minutes with a kill and a partition, all limits held.
pub(super) fn passed() -> (RunData, Verdict) {
    make(&short())
}

/// The same, a limit breached and a fault stuck.
pub(super) fn failed() -> (RunData, Verdict) {
    let (mut data, mut verdict) = make(&short());
    verdict.outcome = crate::record::VerdictOutcome::Failed;
    verdict.exit_code = 14;
    verdict.side = Some(crate::record::Side::Target);
    verdict.headline =
        "Failed: memory of api reached 131.2 MiB, 3.2 MiB over its limit of 128 MiB.".to_owned();
    verdict.reasons = vec![
        "memory api max: measured 131.2 MiB, bound <= 128MiB".to_owned(),
        "the partition split-api-store-1 could not be undone".to_owned(),
    ];
    let limit = &mut verdict.limits[3];
    limit.tier = crate::record::Tier::Fail;
    limit.measured = "131.2 MiB".to_owned();
    limit.measured_value = Some(131.2 * 1_048_576.0);
    limit.margin = Some("-3.2 MiB".to_owned());
    verdict.faults[1].recovery =
        crate::record::Recovery::NotRecovered { watched: Duration::from_mins(1) };
    let reason =
        "the engine did not answer within 30 s; left behind: table longhaul_1f in api#1".to_owned();
    data.events.push(Event {
        at: at(395),
        kind: EventKind::Fault {
            fault: data.run.faults[1].id.clone(),
            stage: FaultStage::Stuck { reason },
        },
    });
    (data, verdict)
}

/// The same, with figures that carry no verdict.
pub(super) fn inconclusive() -> (RunData, Verdict) {
    let (mut data, mut verdict) = make(&short());
    // The sampler and the load were blind for a while.
    data.slices.retain(|s| !(at(250)..at(275)).contains(&s.from));
    for series in &mut data.series {
        series.points.retain(|p| !(at(245)..at(285)).contains(&p.0));
    }
    verdict.outcome = crate::record::VerdictOutcome::Inconclusive;
    verdict.exit_code = 11;
    verdict.side = Some(crate::record::Side::Longhaul);
    verdict.headline =
        "Inconclusive: the load generator missed its own schedule for 25 s.".to_owned();
    verdict.reasons = vec!["no load slices between 00:04:10 and 00:04:35".to_owned()];
    let limit = &mut verdict.limits[2];
    limit.tier = crate::record::Tier::Unknown;
    limit.measured = "not measured".to_owned();
    (limit.measured_value, limit.margin) = (None, None);
    limit.note = Some("too few samples".to_owned());
    verdict.faults[1].verified = false;
    verdict.faults[1].ending = "injected, not seen in force".to_owned();
    verdict.faults[1].recovery = crate::record::Recovery::NoBaseline {
        reason: "only 12 s undisturbed before it".to_owned(),
    };
    (data, verdict)
}

/// A run whose every text tries to break out.
pub(super) fn hostile() -> (RunData, Verdict) {
    let evil = "<script>alert('x')</script>|`\"&]]>\u{1b}[31m".to_owned();
    let (mut data, mut verdict) = make(&short());
    data.run.experiment.name.clone_from(&evil);
    data.run.experiment.description = Some(evil.clone());
    data.run.provenance.images.insert(evil.clone(), evil.clone());
    for slice in &mut data.slices {
        for error in &mut slice.errors {
            error.text.clone_from(&evil);
        }
    }
    data.events.push(Event { at: at(399), kind: EventKind::Note { text: evil.clone() } });
    if let Subject::Instance { service, .. } = &mut data.series[0].subject {
        service.clone_from(&evil);
    }
    verdict.headline.clone_from(&evil);
    verdict.reasons.push(evil.clone());
    verdict.limits[0].name.clone_from(&evil);
    verdict.limits[0].note = Some(evil.clone());
    verdict.faults[0].what.clone_from(&evil);
    verdict.ledger[0].services[0].service = evil;
    (data, verdict)
}

/// A run that never came to its load.
pub(super) fn unstarted() -> (RunData, Verdict) {
    let (mut data, mut verdict) = make(&short());
    data.slices.clear();
    data.histograms.clear();
    data.series.clear();
    data.events.truncate(2);
    verdict.outcome = crate::record::VerdictOutcome::Errored;
    verdict.exit_code = 12;
    verdict.headline = "The target did not become ready within 3m.".to_owned();
    verdict.limits.clear();
    verdict.ledger.clear();
    verdict.totals = Counts::default();
    verdict.availability = crate::record::Availability::default();
    for fault in &mut verdict.faults {
        (fault.planned_at, fault.injected_at, fault.healed_at) = (None, None, None);
        fault.verified = false;
        fault.ending = "never due".to_owned();
        fault.impact = Counts::default();
        fault.recovery =
            crate::record::Recovery::NoBaseline { reason: "the load never started".to_owned() };
    }
    (data, verdict)
}

/// A night: 24 h, 33 faults.
pub(super) fn night() -> (RunData, Verdict) {
    let faults = (0..33)
        .map(|n| {
            (
                1800 + n * 2520 + noise(n, 3) % 600,
                if n % 3 == 0 { 45 } else { 12 },
                noise(n, 5) % 40,
                n % 3 != 0,
            )
        })
        .collect();
    make(&Shape { prepare: 40, warmup: 600, profile: 86_400, cooldown: 600, faults, ledger: 3600 })
}

fn short() -> Shape {
    Shape {
        prepare: 8,
        warmup: 30,
        profile: 300,
        cooldown: 40,
        faults: vec![(80, 10, 6, true), (190, 30, 9, false)],
        ledger: 60,
    }
}
