//! longhaul's own gauges, judged for growth like those of its targets: it must never be the thing that leaks.

use super::leak::{Question, judge_trace};
use super::leaks::{GAUGES, Weather, trace};
use crate::experiment::Experiment;
use crate::record::{Gauge, OwnGauge, Phase, RunData, Subject};
use crate::units::Percent;

/// Growth of longhaul's own memory that is no leak, bytes an hour: what the allocator and the pages of the record's
/// database may take.
const MEMORY_PER_HOUR: f64 = 1_048_576.0;

/// Judges every gauge of longhaul itself over the profile: what it takes while warming up is not growth.
pub(super) fn results(data: &RunData) -> Vec<OwnGauge> {
    let Some(span) = data.phase(Phase::Holding) else { return Vec::new() };
    let Some(series) = data.series.iter().find(|s| s.subject == Subject::Longhaul) else {
        return Vec::new();
    };
    // The target's faults are longhaul's daily work: they excuse nothing.
    let weather = Weather::of(data, &[]);
    let mut results = Vec::new();
    for gauge in GAUGES {
        let trace = trace(series, &gauge, span, &weather, 1);
        if trace.readings() > 0 {
            let finding = judge_trace(&trace, &question(&data.run.experiment, &gauge));
            results.push(OwnGauge { gauge, finding });
        }
    }
    results
}

fn question(experiment: &Experiment, gauge: &Gauge) -> Question {
    let planned = experiment.load.profile_length();
    let none = Percent::of(0.0);
    match gauge {
        Gauge::Memory => Question {
            floor: MEMORY_PER_HOUR * planned.as_secs_f64() / 3600.0,
            ..Question::memory(planned, none, None)
        },
        _ => Question::count(planned, none, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, limit_result, secs};
    use super::*;
    use crate::record::{LeakVerdict, LimitResult, Tier};

    const MIB: f64 = 1_048_576.0;

    /// An hour in which longhaul's own memory and descriptors grow by so much.
    fn hour(mib: f64, descriptors: u64) -> Synthetic {
        let ripple = |k: u64| (k * 7919 % 13) * 4096;
        Synthetic::hold(3600).own(move |k| {
            let share = k as f64 / 3600.0;
            let memory = 20.0 * MIB + mib * MIB * share;
            (memory as u64 + ripple(k), 40 + (descriptors as f64 * share) as u64)
        })
    }

    fn verdicts(run: &Synthetic) -> Vec<(Gauge, LeakVerdict)> {
        results(&run.build()).into_iter().map(|own| (own.gauge, own.finding.verdict)).collect()
    }

    #[test]
    fn its_own_growth_is_told() {
        let flat =
            [(Gauge::Memory, LeakVerdict::Stable), (Gauge::Descriptors, LeakVerdict::Stable)];
        assert_eq!(verdicts(&hour(0.1, 0)), flat);
        // An hour is too short for more.
        let grown =
            [(Gauge::Memory, LeakVerdict::Suspected), (Gauge::Descriptors, LeakVerdict::Suspected)];
        assert_eq!(verdicts(&hour(12.0, 200)), grown);
        assert_eq!(verdicts(&Synthetic::hold(3600)), [], "nothing was read");
    }

    #[test]
    fn a_limit_holds_longhaul_itself() {
        let judged = |run: Synthetic, limit: &str| -> LimitResult {
            limit_result(run.limit(&format!("longhaul: {{ {limit} }}")))
        };
        let memory = judged(hour(0.1, 0), "memory_per_hour: 1MiB");
        assert_eq!((memory.tier, memory.name.as_str()), (Tier::Pass, "longhaul memory per hour"));
        let grown = judged(hour(12.0, 0), "memory_per_hour: 1MiB");
        assert_eq!(grown.tier, Tier::Fail, "{grown:?}");
        assert!(grown.measured_value.is_some_and(|v| (v / MIB - 12.0).abs() < 1.0), "{grown:?}");
        let descriptors = "descriptors_per_hour: 5";
        assert_eq!(judged(hour(0.0, 0), descriptors).tier, Tier::Pass);
        assert_eq!(judged(hour(0.0, 200), descriptors).tier, Tier::Fail);
        let short = judged(Synthetic::hold(100).own(|_| (20 << 20, 40)), descriptors);
        assert_eq!(short.tier, Tier::Unknown, "{short:?}");
        let unread = judged(Synthetic::hold(3600), descriptors);
        assert_eq!(unread.note.as_deref(), Some("no reading of longhaul's own descriptors"));
    }

    #[test]
    fn what_the_profile_does_not_hold_does_not_count() {
        // Grows through the warm-up alone.
        let warmed = Synthetic::hold(3600).own(|_| (20 << 20, 40));
        let mut data = warmed.build();
        let series = data.series.iter_mut().find(|s| s.subject == Subject::Longhaul).unwrap();
        let before = (
            Synthetic::begin(),
            0,
            crate::record::Reading { anon: Some(1 << 20), ..series.points[0].2 },
        );
        series.points.insert(0, before);
        let own = results(&data);
        assert_eq!(own[0].finding.verdict, LeakVerdict::Stable, "{:?}", own[0].finding.reason);
        assert!(own[0].finding.basis.span <= secs(3600));
    }
}
