use std::path::Path;

use super::*;
use crate::record::{Counts, Gauge, Histogram, LeakResult, LeakVerdict, Reading, Subject};

fn live(clock: Clock) -> Live {
    live_with("hold: { rate: 1/s, for: 60s }", clock)
}

fn live_with(piece: &str, clock: Clock) -> Live {
    let text = format!(
        "version: 1\nname: captures\ntarget: {{ process: {{ command: [x] }} }}\n\
        load:\n  warmup: 10s\n  profile: [ {piece} ]\n  cooldown: 5s\n  \
        scenarios: {{ s: {{ steps: [ http: {{ get: \"http://app.target:80/\" }} ] }} }}\n\
        capture: {{ every: 25s }}\n"
    );
    let experiment = crate::experiment::parse(&text, Path::new("/tmp/e.yaml")).unwrap();
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

#[test]
fn of_arrivals_that_are_not_known_beforehand_those_that_fell_due_were_asked_for() {
    let second = |n: u64| Offset::from_micros(n * 1_000_000);
    for (piece, per_second) in
        [("users: { count: 3, for: 60s }", 7.0), ("hold: { rate: 2/s, for: 60s }", 2.0)]
    {
        let mut live = live_with(piece, Clock::start());
        let (mut asked, mut rows) = (Vec::new(), Vec::new());
        for n in 10..30 {
            live.handle(Input::Timer, second(n));
            let counts = Counts { scheduled: 7, ok: 7, ..Counts::default() };
            let slice = LoadSlice {
                from: second(n),
                to: second(n + 1),
                counts,
                in_flight: 0,
                waiting: 0,
                connections: 1,
                bytes_in: 0,
                bytes_out: 0,
                lateness: Histogram::new(),
                steps: Vec::new(),
                errors: Vec::new(),
            };
            for output in live.handle(Input::Slice(Box::new(slice)), second(n + 1)) {
                match output {
                    Output::Slice(_, _, rate) => asked.push(rate),
                    Output::Ledger(row) => rows.push(row.target_rate),
                    _ => {}
                }
            }
        }
        assert_eq!(asked, [per_second; 20], "{piece}");
        assert!(!rows.is_empty() && rows.iter().all(|r| (r - per_second).abs() < 1e-9), "{rows:?}");
    }
}

#[test]
fn a_load_that_never_ends_does_not_keep_the_run_from_ending() {
    let ends = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::End));
    let at = |seconds: u64| Offset::from_micros(seconds * 1_000_000);
    let mut in_time = live(Clock::start());
    asked(&mut in_time, 0..=80);
    assert!(ends(&in_time.handle(Input::LoadEnded(None), at(90))));
    let mut never = live(Clock::start());
    asked(&mut never, 0..=80);
    assert!(!ends(&never.handle(Input::Timer, at(75 + 3599))));
    assert_eq!(never.next_timer(), at(75 + 3600));
    let outputs = never.handle(Input::Timer, at(75 + 3600));
    assert!(ends(&outputs));
    assert!(outputs.iter().any(|output| matches!(
        output,
        Output::Event(Event { kind: EventKind::Stop { cause: StopCause::Internal, .. }, .. })
    )));
}

/// One second of load at 5/s, all of it answered.
fn answered_second(n: u64) -> LoadSlice {
    let at = |second: u64| Offset::from_micros(second * 1_000_000);
    LoadSlice {
        from: at(n),
        to: at(n + 1),
        counts: Counts { scheduled: 5, ok: 5, ..Counts::default() },
        in_flight: 0,
        waiting: 0,
        connections: 1,
        bytes_in: 0,
        bytes_out: 0,
        lateness: Histogram::new(),
        steps: Vec::new(),
        errors: Vec::new(),
    }
}

/// What two hours and a half of load look like, one reading every ten seconds, of a process that grows by so many MiB
/// an hour: the minute of each look, and what it suspects.
fn looks(mib_an_hour: u64) -> Vec<(u64, Vec<LeakResult>)> {
    let text = "version: 1\nname: leaks\ntarget: { process: { command: [x] } }\n\
        load:\n  profile: [ hold: { rate: 5/s, for: 3h } ]\n  \
        scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } }\n";
    let experiment = crate::experiment::parse(text, Path::new("/tmp/e.yaml")).unwrap();
    let mut live = Live::new(&Arc::new(experiment), &[], Clock::start(), Offset::ZERO);
    let mut looks = Vec::new();
    let mut take = |second: u64, outputs: Vec<Output>| {
        for output in outputs {
            if let Output::Look(look) = output {
                looks.push((second / 60, look.suspected()));
            }
        }
    };
    for n in 0..9000 {
        let now = Offset::from_micros((n + 1) * 1_000_000);
        take(n, live.handle(Input::Slice(Box::new(answered_second(n))), now));
        if n % 10 == 0 {
            let unrest = (n * 7919 % 101) << 12;
            let reading = Reading {
                anon: Some((200 << 20) + n * (mib_an_hour << 20) / 3600 + unrest),
                limit: Some(512 << 20),
                fds: Some(40),
                ..Reading::default()
            };
            let subject = Subject::Instance { service: "app".into(), ordinal: 1 };
            let sample = Sample { at: now, subject, epoch: 0, reading };
            take(n, live.handle(Input::Samples(vec![sample]), now));
        }
    }
    looks
}

#[test]
fn a_leak_is_suspected_from_the_second_hour_on_and_never_called_one_while_the_run_goes() {
    let looks = looks(40);
    // Twelve rows in three hours: one look with each from the second hour on.
    let minutes: Vec<u64> = looks.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(minutes, [60, 75, 90, 105, 120, 135]);
    for (minute, suspected) in &looks {
        let [leak] = suspected.as_slice() else { panic!("minute {minute}: {suspected:?}") };
        assert_eq!((leak.instance.service.as_str(), &leak.gauge), ("app", &Gauge::Memory));
        let slope = leak.finding.slope.unwrap().value / 1_048_576.0;
        assert!((slope - 40.0).abs() < 3.0, "minute {minute}: {slope}");
        assert_eq!(leak.finding.verdict, LeakVerdict::Suspected, "minute {minute}");
    }
}

#[test]
fn what_is_flat_is_looked_at_and_nobody_hears_of_it() {
    let looks = looks(0);
    assert_eq!(looks.len(), 6);
    assert!(looks.iter().all(|(_, suspected)| suspected.is_empty()), "{looks:?}");
}
