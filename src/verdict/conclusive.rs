//! What makes a run inconclusive: reasons to doubt its figures, each with the side it lies on and the evidence.

use std::collections::BTreeMap;
use std::time::Duration;

use super::case::Case;
use super::engine_gone;
use super::faults;
use super::limits::Judged;
use super::windows::Span;
use super::words::{duration, many, percent};
use crate::clock::Offset;
use crate::record::{
    EventKind, GapSource, PlannedFault, Quantiles, Reading, Side, StopCause, Subject, TargetAction,
    Tier,
};

/// One reason to doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) side: Side,
    pub(super) text: String,
}

impl Doubt {
    fn new(side: Side, text: impl Into<String>) -> Self {
        Self { side, text: text.into() }
    }
}

/// Every reason, most important first. `breached`: whether a limit of the experiment is.
pub(super) fn doubts(case: &Case, limits: &[Judged], breached: bool) -> Vec<Doubt> {
    let Some(judged) = case.judged else { return Vec::new() };
    let mut all: Vec<Doubt> = unstored(case, judged);
    all.extend(
        [
            cut_short(case, judged),
            sick_before_faults(case),
            lateness(case, judged),
            shortfall(case),
            host_cpu(case, judged),
            host_memory(case, judged),
            missing_load(case, judged),
        ]
        .into_iter()
        .flatten(),
    );
    all.extend(lost_records(case, judged));
    let gone = engine_gone::excuse(case, judged, limits);
    all.extend(gone.map(|text| Doubt::new(Side::Environment, text)));
    all.extend(unsure_faults(case));
    // A breach is found, whatever else could not be measured.
    let found = breached || case.stop().is_some_and(|(_, cause, _)| cause == StopCause::AbortWhen);
    let unknown = limits.iter().filter(|l| l.result.tier == Tier::Unknown && !found);
    all.extend(unknown.map(|l| Doubt {
        side: l.side,
        text: format!(
            "{} could not be measured: {}",
            l.result.name,
            l.result.note.as_deref().unwrap_or("too few samples")
        ),
    }));
    all
}

/// An arrival is late when the generator was later than this with it.
const LATE_US: u64 = 5_000;
/// Stray late seconds that prove nothing in a short run.
const STRAY_SECONDS: usize = 3;

/// The generator's own lateness: in no ledger interval may more than 1 % of the arrivals be late, that is, its p99
/// of lateness may not be over 5 ms. Estimated from each second's figures. A second alone says little: at 50/s its
/// p99 is its slowest arrival.
fn lateness(case: &Case, judged: Span) -> Option<Doubt> {
    let busy: Vec<_> = case.seconds.iter().filter(|s| s.lateness.count > 0).collect();
    let late: Vec<_> = busy.iter().filter(|s| s.lateness.p99 > LATE_US).collect();
    let experiment = &case.data.run.experiment;
    let interval = experiment.sampling.ledger_interval(experiment.load.profile_length());
    let mut intervals: BTreeMap<u128, (f64, f64)> = BTreeMap::new();
    for second in &busy {
        let number = second.from.since(judged.from).as_micros() / interval.as_micros().max(1);
        let (behind, all) = intervals.entry(number).or_default();
        *behind += late_about(&second.lateness);
        *all += second.lateness.count as f64;
    }
    if late.len() <= STRAY_SECONDS
        || intervals.values().all(|(behind, all)| behind <= &(0.01 * all))
    {
        return None;
    }
    let worst = late.iter().map(|s| s.lateness.p99).max().unwrap_or(0);
    let text = format!(
        "the load generator was late: p99 over 5 ms in {} of {} seconds, at worst {}",
        late.len(),
        busy.len(),
        duration(Duration::from_micros(worst))
    );
    // A generator that is late because the host is full is not to blame.
    let usage = cpu_usage(case, judged).unwrap_or_default();
    let full: Vec<_> = usage.iter().filter(|(_, busy)| *busy >= 0.9).collect();
    let starved =
        late.iter().filter(|s| full.iter().any(|(span, _)| span.contains(s.middle()))).count();
    if starved * 2 > late.len() {
        let text = format!("{text}; the host's CPU was over 90 % busy in {starved} of them");
        Some(Doubt::new(Side::Environment, text))
    } else {
        Some(Doubt::new(Side::Longhaul, text))
    }
}

/// How many arrivals of a second were late: between two of its stored quantiles interpolated on the logarithm of
/// the lateness.
fn late_about(figures: &Quantiles) -> f64 {
    let known = [
        (0.0, 1),
        (0.5, figures.p50),
        (0.95, figures.p95),
        (0.99, figures.p99),
        (1.0, figures.max),
    ];
    let above = known.iter().position(|(_, us)| *us > LATE_US);
    let share = match above {
        None | Some(0) => 0.0,
        Some(i) => {
            let ((low_q, low), (high_q, high)) = (known[i - 1], known[i]);
            let (low, high) = (low.max(1) as f64, high as f64);
            let part = (LATE_US as f64 / low).ln() / (high / low).ln();
            1.0 - (low_q + (high_q - low_q) * part)
        }
    };
    share * figures.count as f64
}

/// Arrivals that the generator never even scheduled: more than 1 %, and more than a second's worth, because the
/// profile's ends may cut a second in two.
fn shortfall(case: &Case) -> Option<Doubt> {
    let (asked, scheduled) = (case.asked(), case.totals().scheduled);
    let missing = asked - scheduled as f64;
    let second = asked / case.judged?.length().as_secs_f64().max(1.0);
    (missing > 0.01 * asked && missing > second.max(2.0)).then(|| Doubt {
        side: Side::Longhaul,
        text: format!("only {scheduled} of {asked:.0} arrivals were scheduled"),
    })
}

/// CPU use of the host, 0 to 1, in stretches of about a second or more; `None` when it can't be known.
fn cpu_usage(case: &Case, judged: Span) -> Option<Vec<(Span, f64)>> {
    let cores = cores(&case.data.run.provenance.cpu)?;
    let mut usage = Vec::new();
    let mut last: Option<(Offset, u32, u64)> = None;
    for (at, epoch, reading) in host(case, judged) {
        let Some(used) = reading.cpu_us else { continue };
        match last {
            Some((then, life, before)) if life == *epoch => {
                let time = at.since(then);
                if time < Duration::from_millis(900) {
                    continue;
                }
                let busy = used.saturating_sub(before) as f64 / 1e6 / time.as_secs_f64() / cores;
                usage.push((Span { from: then, to: *at }, busy));
            }
            _ => {}
        }
        last = Some((*at, *epoch, used));
    }
    (!usage.is_empty()).then_some(usage)
}

fn host<'a>(case: &Case<'a>, judged: Span) -> impl Iterator<Item = &'a (Offset, u32, Reading)> {
    case.data
        .series
        .iter()
        .filter(|s| s.subject == Subject::Host)
        .flat_map(|s| &s.points)
        .filter(move |(at, ..)| judged.contains(*at))
}

/// The count that leads the provenance's description of the CPU.
fn cores(cpu: &str) -> Option<f64> {
    let digits: String = cpu.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|n| *n > 0.0)
}

fn host_cpu(case: &Case, judged: Span) -> Option<Doubt> {
    let usage = cpu_usage(case, judged)?;
    let total: Duration = usage.iter().map(|(span, _)| span.length()).sum();
    let full: Duration =
        usage.iter().filter(|(_, busy)| *busy >= 0.95).map(|(span, _)| span.length()).sum();
    let share = full.as_secs_f64() / total.as_secs_f64();
    (share > 0.05).then(|| Doubt {
        side: Side::Environment,
        text: format!(
            "the host ran out of CPU: at least 95 % busy for {} of the time ({})",
            percent(share),
            duration(full)
        ),
    })
}

fn host_memory(case: &Case, judged: Span) -> Option<Doubt> {
    let shares: Vec<f64> = host(case, judged)
        .filter_map(|(_, _, r)| Some(r.anon? as f64 / r.limit.filter(|l| *l > 0)? as f64))
        .collect();
    let full = shares.iter().filter(|s| **s >= 0.95).count();
    (full * 20 > shares.len()).then(|| Doubt {
        side: Side::Environment,
        text: format!(
            "the host ran out of memory: at least 95 % used in {full} of {} readings",
            shares.len()
        ),
    })
}

/// Unverified faults, and in a run that reached its end those that never came.
fn unsure_faults(case: &Case) -> Vec<Doubt> {
    let stopped = case.stop().map(|(at, ..)| at).or(case.judged.map(|j| j.to));
    let due = |fault: &PlannedFault| {
        let start = case.judged.map(|j| j.from + fault.at + Duration::from_secs(5));
        start.is_some_and(|start| stopped.is_none_or(|end| start < end))
    };
    let planned = &case.data.run.faults;
    planned
        .iter()
        .zip(&case.lives)
        .filter_map(|(fault, life)| {
            let what = || format!("fault {} ({})", fault.id, faults::what(fault));
            if let Some(reason) = &life.not_applied {
                Some(Doubt::new(Side::Environment, format!("{} was not applied: {reason}", what())))
            } else if let Some(reason) = &life.unverified {
                Some(Doubt::new(
                    Side::Environment,
                    format!("{} could not be seen in force: {reason}", what()),
                ))
            } else if life.injected.is_none() && due(fault) {
                Some(Doubt::new(Side::Longhaul, format!("{} was never injected", what())))
            } else if life.injected.is_some() && !life.active && life.healed.is_some() {
                Some(Doubt::new(Side::Environment, format!("{} was never seen in force", what())))
            } else {
                None
            }
        })
        .collect()
}

/// Records that the disk did not take. First of all doubts: what else is missing may be missing for that.
fn unstored(case: &Case, judged: Span) -> Vec<Doubt> {
    gaps(case, judged, GapSource::Store)
        .map(|text| Doubt::new(Side::Environment, format!("records {text}")))
        .collect()
}

/// Records of load that were lost in the judged phase. A hole in the engine's event stream is none: what it held is
/// asked for again. A hole in the samples shows where a limit needs them.
fn lost_records(case: &Case, judged: Span) -> Vec<Doubt> {
    let mut all: Vec<Doubt> = gaps(case, judged, GapSource::Load)
        .map(|text| Doubt::new(Side::Longhaul, format!("load slices {text}")))
        .collect();
    if case.unreadable > 0 {
        let text = format!("{} can't be read", many(case.unreadable, "stored histogram"));
        all.push(Doubt::new(Side::Longhaul, text));
    }
    all
}

/// The gaps of a source in the judged phase, in words.
fn gaps<'a>(
    case: &'a Case,
    judged: Span,
    wanted: GapSource,
) -> impl Iterator<Item = String> + use<'a> {
    case.data.events.iter().filter_map(move |e| {
        let EventKind::Gap { source, from, reason } = &e.kind else { return None };
        let gap = Span { from: *from, to: e.at + Duration::from_micros(1) };
        (*source == wanted && gap.overlap(&judged) > Duration::ZERO)
            .then(|| format!("were lost for {}: {reason}", duration(gap.length())))
    })
}

/// Seconds of the profile without a load slice: two of them are too many.
fn missing_load(case: &Case, judged: Span) -> Option<Doubt> {
    let covered: Duration =
        case.seconds.iter().map(|s| judged.overlap(&Span { from: s.from, to: s.to })).sum();
    let missing = judged.length().saturating_sub(covered);
    (missing >= Duration::from_secs(2)).then(|| Doubt {
        side: Side::Longhaul,
        text: format!(
            "{} of the profile's {} are without load records",
            duration(missing),
            duration(judged.length())
        ),
    })
}

/// A profile that ended early without anybody having asked for it.
fn cut_short(case: &Case, judged: Span) -> Option<Doubt> {
    let planned = case.experiment().load.profile_length();
    let missing = planned.saturating_sub(judged.length());
    let over = case.stop().is_some() || case.capacity().is_some();
    (!over && missing > Duration::from_secs(2)).then(|| Doubt {
        side: Side::Longhaul,
        text: format!(
            "the records end after {} of {}: longhaul was killed, could not go on, or still runs",
            duration(judged.length()),
            duration(planned)
        ),
    })
}

/// The steady state did not hold, or an instance was unhealthy when the first fault came.
fn sick_before_faults(case: &Case) -> Option<Doubt> {
    let failed = case.data.events.iter().find_map(|e| match &e.kind {
        EventKind::Steady { held: false, detail } => Some(detail),
        _ => None,
    });
    if let Some(detail) = failed {
        let text = "the target was not in its steady state before the first fault";
        return Some(Doubt::new(Side::Target, format!("{text}: {detail}")));
    }
    let first = case.windows.first()?.force.from;
    let mut sick = Vec::new();
    for event in case.data.events.iter().filter(|e| e.at < first) {
        let EventKind::Target { victim, action, .. } = &event.kind else { continue };
        match action {
            TargetAction::Unhealthy if !sick.contains(&victim) => sick.push(victim),
            TargetAction::Healthy | TargetAction::Start => sick.retain(|v| *v != victim),
            _ => {}
        }
    }
    let who = sick.first()?;
    Some(Doubt::new(Side::Target, format!("{who} was unhealthy before the first fault")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, secs, target_event};
    use super::*;
    use crate::record::{Counts, Event, FaultStage, RunData};

    fn seen(data: &RunData) -> Vec<Doubt> {
        let case = Case::new(data);
        doubts(&case, &super::super::limits::results(&case), false)
    }

    fn one(data: &RunData, side: Side, words: &str) {
        let doubts = seen(data);
        assert_eq!(doubts.len(), 1, "{doubts:?}");
        assert_eq!(doubts[0].side, side, "{doubts:?}");
        assert!(doubts[0].text.contains(words), "{doubts:?}");
    }

    fn at(s: u64) -> Offset {
        Synthetic::profile_start() + secs(s)
    }

    #[test]
    fn a_sound_run_leaves_no_doubt() {
        let data =
            Synthetic::hold(300).fault("kill", 100, 10).limit("error_rate: { max: 1% }").build();
        assert_eq!(seen(&data), []);
    }

    #[test]
    fn a_late_generator_is_longhauls_unless_the_host_was_full() {
        let late =
            |n: u64| Synthetic::hold(300).each(100..100 + n, |s| s.late = Duration::from_millis(8));
        assert_eq!(seen(&late(3).build()), []);
        one(&late(4).build(), Side::Longhaul, "in 4 of 300 seconds");
        let starved = late(10).host_cpu(|k| if (99..112).contains(&k) { 0.93 } else { 0.3 });
        one(&starved.build(), Side::Environment, "over 90 % busy");
    }

    #[test]
    fn an_exhausted_host_is_the_environments() {
        let full = |n| Synthetic::hold(300).host_cpu(move |k| if k < n { 0.97 } else { 0.5 });
        assert_eq!(seen(&full(13).build()), []);
        one(&full(20).build(), Side::Environment, "ran out of CPU");
        let memory = |used| {
            let mut data = Synthetic::hold(300).build();
            for series in data.series.iter_mut().filter(|s| s.subject == Subject::Host) {
                series.points.iter_mut().for_each(|(.., r)| r.anon = Some(used));
            }
            data
        };
        one(&memory(97), Side::Environment, "ran out of memory");
        assert_eq!(seen(&memory(90)), []);
    }

    #[test]
    fn a_fault_that_was_not_seen_proves_nothing() {
        let stage = |replace: fn(FaultStage) -> Option<FaultStage>| {
            let mut data = Synthetic::hold(300).fault("kill", 100, 10).build();
            data.events = std::mem::take(&mut data.events)
                .into_iter()
                .filter_map(|e| match e.kind {
                    EventKind::Fault { fault, stage } => {
                        let stage = replace(stage)?;
                        Some(Event { at: e.at, kind: EventKind::Fault { fault, stage } })
                    }
                    _ => Some(e),
                })
                .collect();
            data
        };
        let unseen = stage(|s| match s {
            FaultStage::Active { .. } => {
                Some(FaultStage::Unverified { reason: "still answers".into() })
            }
            s => Some(s),
        });
        one(&unseen, Side::Environment, "still answers");
        one(&stage(|_| None), Side::Longhaul, "never injected");
        let refused = stage(|s| {
            matches!(s, FaultStage::Injected)
                .then(|| FaultStage::NotApplied { reason: "no such container".into() })
        });
        one(&refused, Side::Environment, "no such container");
    }

    #[test]
    fn lost_records_are_longhauls() {
        let gap = |source| {
            let mut data = Synthetic::hold(300).build();
            let kind = EventKind::Gap { source, from: at(100), reason: "disk full".into() };
            data.events.push(Event { at: at(105), kind });
            data
        };
        one(&gap(GapSource::Store), Side::Environment, "disk full");
        one(&gap(GapSource::Load), Side::Longhaul, "disk full");
        assert_eq!(seen(&gap(GapSource::Events)), []);
        let mut holes = Synthetic::hold(300).build();
        holes.slices.retain(|s| !(at(50)..at(51)).contains(&s.from));
        assert_eq!(seen(&holes), []);
        holes.slices.retain(|s| !(at(50)..at(60)).contains(&s.from));
        let doubts = seen(&holes);
        assert!(doubts.iter().any(|d| d.text.contains("without load records")), "{doubts:?}");
        let mut torn = Synthetic::hold(300).build();
        torn.histograms[50].ok.truncate(5);
        one(&torn, Side::Longhaul, "can't be read");
    }

    #[test]
    fn a_generator_that_schedules_too_little_is_seen() {
        let lazy =
            Synthetic::hold(300).each(100..110, |s| (s.counts.ok, s.counts.scheduled) = (5, 5));
        one(&lazy.build(), Side::Longhaul, "were scheduled");
    }

    #[test]
    fn a_killed_run_is_inconclusive() {
        let mut data = Synthetic::hold(300).build();
        data.slices.retain(|s| s.to <= at(100));
        data.histograms.retain(|h| h.to <= at(100));
        data.events.retain(|e| e.at <= at(100));
        one(&data, Side::Longhaul, "the records end after 1m 40s of 5m 00s");
    }

    #[test]
    fn a_sick_target_is_the_targets() {
        let mut data = Synthetic::hold(300).fault("kill", 100, 10).build();
        data.events.insert(0, target_event("store", 1, 5, TargetAction::Unhealthy));
        one(&data, Side::Target, "store#1 was unhealthy");
        data.events.insert(1, target_event("store", 1, 6, TargetAction::Healthy));
        assert_eq!(seen(&data), []);
        let kind = EventKind::Steady { held: false, detail: "error_rate 3 %".into() };
        data.events.push(Event { at: at(30), kind });
        one(&data, Side::Target, "error_rate 3 %");
    }

    #[test]
    fn an_unmeasured_limit_is_a_doubt() {
        let idle = Synthetic::hold(100).rate(0.0).each(0..100, |s| s.counts = Counts::default());
        one(&idle.limit("error_rate: { max: 1% }").build(), Side::Longhaul, "only 0 arrivals");
    }
}
