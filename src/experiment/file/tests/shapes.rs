//! The shapes of a load: what the file says, what it comes to, and what is wrong with it.

use std::time::Duration;

use serde_json::Value;

use super::fixture::read;
use super::schema::faults;
use crate::experiment::{Arrival, Experiment, Flow, schema};

/// A small experiment with such a load.
fn with(load: &str) -> Result<Experiment, String> {
    read(&text(load))
}

fn text(load: &str) -> String {
    format!(
        "version: 1\nname: s\ntarget: {{ process: {{ command: [x] }} }}\nload:\n{load}\n  scenarios: {{ a: {{ steps: [ http: {{ get: \"http://app.target:80/\" }} ] }} }}\n"
    )
}

#[test]
fn every_piece_comes_to_its_arrivals_and_its_time() {
    let load = with(
        "  warmup: 10s\n  arrival: poisson\n  profile:\n    - hold: { rate: 50/s, for: 1m }\n    - spike: { rate: 500/s, for: 10s, then: 20s }\n    - burst: { size: 200, every: 10s, for: 25s }\n    - pause: { for: 5s }\n    - spike: { rate: 100/s, for: 1s }",
    )
    .unwrap()
    .load;
    assert_eq!(load.arrival, Arrival::Poisson);
    let timeline = load.timeline();
    let pieces: Vec<_> =
        timeline.pieces.iter().map(|p| (p.start.as_secs(), p.lasts.as_secs(), p.flow)).collect();
    let burst = Flow::Bursts { size: 200, every: Duration::from_secs(10) };
    assert_eq!(
        pieces,
        [
            (0, 10, Flow::Linear { from: 0.0, to: 50.0 }),
            (10, 60, Flow::steady(50.0)),
            (70, 10, Flow::steady(500.0)),
            (80, 20, Flow::steady(50.0)),
            (100, 25, burst),
            (125, 5, Flow::steady(0.0)),
            (130, 1, Flow::steady(100.0)),
        ]
    );
    let asked = timeline.due_before(timeline.total) - timeline.due_before(timeline.warmup);
    assert!((asked - (3000.0 + 5000.0 + 1000.0 + 600.0 + 100.0)).abs() < 1e-9, "{asked}");
    assert_eq!(load.profile_length(), Duration::from_secs(121));
}

#[test]
fn schema_and_reader_refuse_the_same_shapes() {
    let schema = schema();
    let valid = |load: &str| {
        let value: Value = serde_saphyr::from_str(&text(load)).unwrap();
        faults(&value, &schema, &schema, "").is_empty()
    };
    for piece in ["burst: { size: 1, every: 100ms, for: 1s }", "spike: { rate: 5/s, for: 1s }"] {
        let load = format!("  profile: [ {piece} ]");
        assert!(valid(&load), "{piece}");
        with(&load).expect(piece);
    }
    for piece in [
        "burst: { every: 10s, for: 5m }",
        "burst: { size: 0, every: 10s, for: 5m }",
        "burst: { size: 200, for: 5m }",
        "spike: { for: 5m }",
        "spike: { rate: 5, for: 5m }",
        "spike: { rate: 5/s, for: 5m, than: 1m }",
    ] {
        let load = format!("  profile: [ {piece} ]");
        assert!(!valid(&load), "{piece}");
        with(&load).expect_err(piece);
    }
}

#[test]
fn what_a_shape_lacks_is_said_at_its_place() {
    let all = [
        "  profile: [ spike: { rate: 5/s, for: 1m, then: 1m } ]",
        "  profile: [ spike: { rate: 0/s, for: 1m } ]",
        "  profile: [ burst: { size: 5, every: 10ms, for: 1m } ]",
        "  arrival: even\n  profile: [ hold: { rate: 5/s, for: 1m } ]",
    ]
    .map(|load| with(load).unwrap_err())
    .join("\n");
    insta::assert_snapshot!(all, @r#"
    e.yaml:5:14: there is no rate before the spike to return to (begin the profile with a `hold`, or leave `then` out)
    e.yaml:5:3: the profile has no arrivals (give a piece a rate above 0/s)
    e.yaml:5:39: "10ms" is out of range (from 100ms to 1day)
    e.yaml:5:12: expected one of constant, poisson, found "even"
    "#);
}
