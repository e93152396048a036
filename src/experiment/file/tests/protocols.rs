//! Steps of protocols other than HTTP/1.1, and probes.

use std::time::Duration;

use super::fixture::{FULL, read};
use crate::experiment::{Experiment, Measure, PolledValue, ProbeFigure, Quantity, Step};

const SCENARIOS: &str = "  scenarios:
    open:
      steps: [ tcp: { connect: \"api.target:8443\", tls: { server_name: h }, send: \"PING\\r\\n\", expect: PONG } ]
    keys:
      steps:
        - redis: { url: \"redis://db.target:6379/2\", command: [INCR, n], capture: n, user: u, password: \"{{secret.token}}\" }
        - redis: { url: \"redis://db.target:6379/2\", command: [SET, \"k{{n}}\", 1], expect: OK }
    chat:
      steps: [ websocket: { url: \"ws://api.target:8080/ws\", messages: 20, hold: 10s } ]
    rows:
      steps:
        - postgres: { url: \"postgres://db.target:5432/shop\", query: \"SELECT $1\", params: [1], pool: 9 }
        - postgres:
            url: \"postgres://db.target:5432/shop\"
            transaction: [ { query: \"DELETE FROM t\" }, { query: \"INSERT INTO t VALUES ($1, $2)\", params: [a, b] } ]
    second:
      steps: [ http: { get: \"http://api.target:8080/x\", version: 2 } ]
probes:
  blocks: { http: \"http://api.target:8080/block\", json: \"$.height\", every: 2s }
  depth: { http: \"http://api.target:8080/metrics\", metric: queue_depth }
  health: { http: \"http://api.target:8080/health\" }
secrets: { token: { env: REDIS_PASSWORD } }
";
const LIMITS: &str = "limits:
  - progress: { probe: blocks, min_pace: 1 per 10s, warn: 9/min, window: 1min }
  - probe: { probe: depth, max: 1000, mean: 10 }
  - probe: { probe: health, latency: 100ms, warn: 50ms, scope: outside_faults }
";

/// The fixture with these scenarios and limits instead of its own.
fn file(scenarios: &str, limits: &str) -> Result<Experiment, String> {
    let lines: Vec<&str> = FULL.lines().collect();
    let at = |key: &str| lines.iter().position(|line| line.starts_with(key)).unwrap();
    let (from, to) = (at("  scenarios:"), at("faults:"));
    let rest = at("limits:");
    let after = rest + 1 + lines[rest + 1..].iter().position(|l| !l.starts_with(' ')).unwrap();
    let head = lines[..from].join("\n");
    // The steady state names steps that are gone.
    let middle: Vec<&str> = lines[to..rest]
        .iter()
        .copied()
        .take_while(|line| !line.starts_with("steady_state:"))
        .collect();
    read(&format!(
        "{head}\n{scenarios}{}\n{limits}{}\n",
        middle.join("\n"),
        lines[after..].join("\n")
    ))
}

#[test]
fn every_protocol_and_probe_is_read() {
    let e = file(SCENARIOS, LIMITS).unwrap();
    let names = e.load.step_names();
    let expected = [
        "open/tls api.target:8443",
        "keys/INCR",
        "keys/SET",
        "chat/websocket /ws",
        "rows/SELECT $1",
        "rows/DELETE FROM t",
        "second/GET /x",
    ];
    assert_eq!(names, expected);
    let step = |scenario: usize, step: usize| &e.load.scenarios[scenario].steps[step];
    let Step::Postgres(both) = step(3, 1) else { panic!() };
    assert!(both.transaction && both.statements[1].params.len() == 2);
    let Step::WebSocket(chat) = step(2, 0) else { panic!() };
    assert_eq!((chat.messages, chat.keep, chat.hold), (20, true, Some(Duration::from_secs(10))));
    assert!(matches!(step(4, 0), Step::Http2(_)) && !e.load.scenarios[4].is_http1());
    assert_eq!(step(1, 0).captures(), ["n"]);
    let Step::Redis(login) = step(1, 0) else { panic!() };
    assert_eq!(login.password.as_deref(), Some("{{secret.token}}"));
    assert_eq!(e.probes[0].reads, PolledValue::Json("/height".to_owned()));
    assert_eq!(e.probes[1].reads, PolledValue::Metric("queue_depth".to_owned()));
    assert_eq!(
        (&e.probes[2].reads, e.probes[2].every),
        (&PolledValue::Nothing, Duration::from_secs(1))
    );
    assert_eq!(e.limits.len(), 4);
    let pace = &e.limits[0];
    assert!(matches!(&pace.measure, Measure::Probe { figure: ProbeFigure::Pace, .. }));
    assert!(matches!(pace.bound.limit, Quantity::Rate(rate) if (rate.get() - 0.1).abs() < 1e-9));
    // What is stored reads back as the same experiment.
    let stored = serde_json::to_string(&e).unwrap();
    assert_eq!(serde_json::from_str::<Experiment>(&stored).unwrap(), e);
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    for (from, to, told) in [
        ("version: 2", "version: 3", "expected a whole number from 1 to 2"),
        ("api.target:8443", "api.target", "is not an address"),
        ("redis://db.target:6379/2", "redis://u:p@db.target:6379", "give `user` and `password`"),
        (
            "password: \"{{secret.token}}\"",
            "password_env: REDIS_PASSWORD",
            "name its source under `secrets`, and write password: \"{{secret.NAME}}\"",
        ),
        ("user: u, password: \"{{secret.token}}\"", "user: u", "give `password`"),
        ("{{secret.token}}", "{{secret.tokn}}", "did you mean `secret.token`"),
        ("password: \"{{secret.token}}\"", "password: \"\"", "the password is empty"),
        ("redis://db.target:6379/2", "http://db.target:6379", "is not a redis:// or rediss:// URL"),
        ("redis://db.target:6379/2", "redis://db.target:6379/x", "not a database's number"),
        ("redis://db.target:6379/2", "redis://dbb.target:6379/2", "\"dbb\" is not a service"),
        ("k{{n}}", "k{{m}}", "neither a variable nor captured"),
        ("messages: 20", "messages: 0", "from 1 to 1000000"),
        ("params: [1], ", "params: [1, 2], ", "the query has 1 parameters, `params` 2"),
        ("query: \"SELECT $1\", params: [1], ", "", "nothing is asked"),
        (
            "query: \"SELECT $1\"",
            "transaction: [ { query: x } ], query: \"SELECT $1\"",
            "not given together",
        ),
        (
            "        - redis: { url",
            "        - http: { get: \"http://h/\" }\n        - redis: { url",
            "HTTP/1.1 and another protocol",
        ),
        ("json: \"$.height\"", "json: height", "does not say where the number is"),
        ("metric: queue_depth", "metric: queue_depth, json: /a", "not given together"),
        ("probe: blocks", "probe: block", "did you mean `blocks`"),
        ("1 per 10s", "1 per day", "is not a pace"),
        ("warn: 9/min", "warn: 5/min", "more than `min`"),
        ("latency: 100ms, warn: 50ms", "latency: 100ms, warn: 50", "write a duration"),
        ("max: 1000, mean: 10", "scope: total", "the limit has no figure"),
    ] {
        let both = format!("{SCENARIOS}@{LIMITS}");
        assert!(both.contains(from), "{from}");
        let changed = both.replacen(from, to, 1);
        let (scenarios, limits) = changed.split_once('@').map_or((both.as_str(), ""), |pair| pair);
        // The `@` of a user's name comes first.
        let (scenarios, limits) = match scenarios.strip_suffix("u:p") {
            Some(_) => changed.rsplit_once('@').unwrap(),
            None => (scenarios, limits),
        };
        let problems = file(scenarios, limits).unwrap_err();
        assert!(problems.contains(told), "{to}: {problems}");
    }
}
