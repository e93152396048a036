//! The phases of a run as a total function.

use crate::record::Phase;

/// What moves a run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Work begins.
    Begin,
    /// The target is ready, and there is a warm-up.
    Ready,
    /// The load profile begins.
    Hold,
    /// The load profile is over.
    ProfileOver,
    /// Nothing is left to wait for, or the run is being stopped.
    Stop,
    /// Every fault is healed or reported stuck.
    Healed,
    /// The verdict stands.
    Judged,
}

/// The phase after `step`. Steps that don't fit leave the phase as it is: a late timer can't undo a stop.
pub fn next(phase: Phase, step: Step) -> Phase {
    match (phase, step) {
        (Phase::Planned, Step::Begin) => Phase::Preparing,
        (Phase::Preparing, Step::Ready) => Phase::Warming,
        (Phase::Preparing | Phase::Warming, Step::Hold) => Phase::Holding,
        (Phase::Holding, Step::ProfileOver) => Phase::Cooling,
        (
            Phase::Planned | Phase::Preparing | Phase::Warming | Phase::Holding | Phase::Cooling,
            Step::Stop,
        ) => Phase::Healing,
        (Phase::Healing, Step::Healed) => Phase::Judging,
        (Phase::Judging, Step::Judged) => Phase::Finished,
        _ => phase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEPS: [Step; 7] = [
        Step::Begin,
        Step::Ready,
        Step::Hold,
        Step::ProfileOver,
        Step::Stop,
        Step::Healed,
        Step::Judged,
    ];

    #[test]
    fn the_ordinary_way_visits_every_phase() {
        let mut phase = Phase::Planned;
        let mut seen = vec![phase];
        for step in STEPS {
            phase = next(phase, step);
            seen.push(phase);
        }
        let mut sorted = seen.clone();
        sorted.dedup();
        assert_eq!(seen, sorted);
        assert_eq!(phase, Phase::Finished);
    }

    proptest! {
        /// For all sequences of steps: phases never go back, and judging is reached only through healing.
        #[test]
        fn phases_never_go_back_and_never_skip_healing(steps in prop::collection::vec(0..STEPS.len(), 0..40)) {
            let mut phase = Phase::Planned;
            for step in steps {
                let after = next(phase, STEPS[step]);
                prop_assert!(after >= phase);
                if after == Phase::Judging {
                    prop_assert!(phase >= Phase::Healing);
                }
                phase = after;
            }
        }
    }
}
