//! The steady state: what must hold before the first fault.

use std::time::Duration;

use super::gauge::Gauge;
use super::limits;
use crate::clock::Offset;
use crate::experiment::{Load, SteadyState};
use crate::record::{LoadSlice, Tier};

/// Whether the target was in its steady state over `slices`: those of the profile's first `state.lasts`. `begin` is
/// the start of the load, warm-up included. What can't be measured (fewer than 30 arrivals) does not hold.
/// With it comes what was measured.
pub fn steady(
    state: &SteadyState,
    slices: &[LoadSlice],
    load: &Load,
    begin: Offset,
) -> (bool, String) {
    let mut held = true;
    let mut lines = Vec::new();
    for kind in &state.require {
        let mut gauge = Gauge::new(kind, load, Duration::from_hours(24 * 365)).begin(begin);
        for slice in slices {
            gauge.slice(slice);
        }
        let Some(result) = gauge.finish() else {
            held = false;
            lines.push(format!("{} can't be asked of a steady state", limits::name(kind)));
            continue;
        };
        held &= matches!(result.tier, Tier::Pass | Tier::Warn);
        let why = result.note.filter(|_| result.tier == Tier::Unknown);
        let why = why.map(|note| format!(": {note}")).unwrap_or_default();
        lines.push(format!("{} {} ({}){why}", result.name, result.measured, result.bound));
    }
    (held, lines.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, error_rate, latency_p99, secs};
    use super::*;
    use crate::experiment::LimitKind;
    use crate::units::Percent;

    #[test]
    fn a_sick_target_is_not_steady() {
        let state = SteadyState {
            lasts: secs(30),
            require: vec![
                error_rate("0.1%"),
                latency_p99("100ms"),
                LimitKind::AchievedRate { min: Percent::of(95.0), warn: None },
            ],
        };
        let check = |run: Synthetic| {
            let load = run.build().run.experiment.load;
            let slices: Vec<LoadSlice> = run.slices().skip(10).take(30).collect();
            steady(&state, &slices, &load, Synthetic::begin())
        };
        let (held, text) = check(Synthetic::hold(60));
        assert!(held, "{text}");
        insta::assert_snapshot!(text, @"error_rate 0 % (<= 0.1%), latency p99 11 ms (<= 100ms), achieved_rate 100 % (>= 95%)");
        assert!(
            !check(Synthetic::hold(60).each(5..7, |s| (s.counts.ok, s.counts.failed) = (48, 2))).0
        );
        assert!(!check(Synthetic::hold(60).each(0..60, |s| s.latency = secs(1))).0);
        assert!(!check(Synthetic::hold(60).each(0..60, |s| s.counts.ok = 20)).0);
        let load = Synthetic::hold(60).build().run.experiment.load;
        let (held, text) = steady(&state, &[], &load, Synthetic::begin());
        assert!(!held && text.contains("only 0"), "{text}");
    }
}
