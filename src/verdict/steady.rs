//! The steady state: what must hold before the first fault.

use super::limits::LiveMeter;
use crate::clock::Offset;
use crate::experiment::{Load, SteadyState};
use crate::record::{LoadSlice, Tier};

/// Watches whether the target is in its steady state. Its memory does not depend on how long it watches.
#[derive(Clone, Debug)]
pub struct Steady {
    meters: Vec<LiveMeter>,
}

impl Steady {
    /// A watch over everything that the steady state requires. `begin` is the start of the load, warm-up included.
    pub fn new(state: &SteadyState, load: &Load, begin: Offset) -> Self {
        let meter = |condition| LiveMeter::whole(condition, load, begin);
        Self { meters: state.require.iter().map(meter).collect() }
    }

    /// Takes a slice: those of the profile's first [`SteadyState::lasts`], and no others.
    pub fn slice(&mut self, slice: &LoadSlice) {
        for meter in &mut self.meters {
            meter.slice(slice);
        }
    }

    /// Whether it held, and what was measured. What can't be measured (fewer than 30 arrivals) does not hold.
    pub fn finish(&self) -> (bool, String) {
        let mut held = true;
        let mut lines = Vec::new();
        for result in self.meters.iter().map(LiveMeter::finish) {
            held &= matches!(result.tier, Tier::Pass | Tier::Warn);
            let why = result.note.filter(|_| result.tier == Tier::Unknown);
            let why = why.map(|note| format!(": {note}")).unwrap_or_default();
            lines.push(format!("{} {} ({}){why}", result.name, result.measured, result.bound));
        }
        (held, lines.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, condition, secs};
    use super::*;

    #[test]
    fn a_sick_target_is_not_steady() {
        let state = SteadyState {
            lasts: secs(30),
            require: vec![
                condition("error_rate: { max: 0.1% }"),
                condition("latency: { p99: 100ms }"),
                condition("achieved_rate: { min: 95% }"),
            ],
        };
        let check = |run: Synthetic| {
            let load = run.build().run.experiment.load;
            let mut steady = Steady::new(&state, &load, Synthetic::begin());
            run.slices().skip(10).take(30).for_each(|slice| steady.slice(&slice));
            steady.finish()
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
        let (held, text) = Steady::new(&state, &load, Synthetic::begin()).finish();
        assert!(!held && text.contains("only 0"), "{text}");
    }
}
