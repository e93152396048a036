use std::path::Path;

use super::*;

fn live(clock: Clock) -> Live {
    let text = "version: 1\nname: captures\ntarget: { process: { command: [x] } }\n\
        load:\n  warmup: 10s\n  profile: [ hold: { rate: 1/s, for: 60s } ]\n  cooldown: 5s\n  \
        scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } }\n\
        capture: { every: 25s }\n";
    let experiment = crate::experiment::parse(text, Path::new("/tmp/e.yaml")).unwrap();
    Live::new(&Arc::new(experiment), &[], clock, Offset::ZERO)
}

/// What is asked for, second by second.
fn asked(live: &mut Live, seconds: std::ops::RangeInclusive<u64>) -> Vec<(u64, CaptureMoment)> {
    let mut asked = Vec::new();
    for second in seconds {
        let outputs = live.handle(Input::Timer, Offset::from_micros(second * 1_000_000));
        asked.extend(outputs.iter().filter_map(|output| match output {
            Output::Capture(moment) => Some((second, *moment)),
            _ => None,
        }));
    }
    asked
}

#[test]
fn evidence_is_asked_for_after_the_warm_up_at_intervals_and_at_the_end() {
    let mut live = live(Clock::start());
    assert_eq!(
        asked(&mut live, 0..=80),
        [
            (10, CaptureMoment::WarmupEnd),
            (35, CaptureMoment::Interval),
            (60, CaptureMoment::Interval),
            (70, CaptureMoment::LoadEnd),
        ]
    );
    assert!(
        live.advance(Step::Stop, Offset::from_micros(80_000_000))
            .iter()
            .all(|output| { !matches!(output, Output::Capture(_)) })
    );
}

#[test]
fn a_load_that_is_stopped_early_has_its_last_evidence_and_one_that_never_began_has_none() {
    let capture = |outputs: Vec<Output>| {
        outputs.iter().filter(|output| matches!(output, Output::Capture(_))).count()
    };
    let mut holding = live(Clock::start());
    assert_eq!(asked(&mut holding, 0..=20).len(), 1);
    assert_eq!(capture(holding.advance(Step::Stop, Offset::from_micros(21_000_000))), 1);
    let mut never = live(Clock::start());
    assert_eq!(capture(never.advance(Step::Stop, Offset::ZERO)), 0);
}

#[test]
fn a_loop_that_was_held_up_asks_once_and_keeps_to_the_plan() {
    let mut live = live(Clock::start());
    asked(&mut live, 0..=10);
    assert_eq!(asked(&mut live, 62..=69), [(62, CaptureMoment::Interval)]);
}
