//! A run with WebSocket messages and HTTP/1.1 side by side, and probes that watch a chain.

use serde_json::Value;

use crate::documented::missing;
use crate::program::Program;

const EXPERIMENT: &str = r#"
version: 1
name: chain
target:
  process:
    services:
      store: { command: ["{{self}}", demo-target, store], env: { DATA_DIR: "{{dir}}" } }
      api: { command: ["{{self}}", demo-target, api], env: { BLOCK_INTERVAL_MS: "200" }, links: { STORE_ADDR: store } }
  ready: { http: "http://api.target:8080/health?deep=1", within: 60s }
load:
  profile: [ { hold: { rate: 20/s, for: 6s } } ]
  timeout: 5s
  scenarios:
    chat: { steps: [ websocket: { url: "ws://api.target:8080/ws", messages: 5 } ] }
    send:
      session:
        - http: { post: "http://api.target:8080/auth/login", json: { user: u1, password: pw }, capture: { token: "json:$.access_token" } }
      steps:
        - http: { post: "http://api.target:8080/transactions", headers: { authorization: "Bearer {{token}}" }, json: { method: mint, arguments: [a, b, c] }, expect: { status: 201 } }
probes:
  blocks: { http: "http://api.target:8080/block", json: $.height, every: 500ms }
  requests: { http: "http://api.target:8080/metrics", metric: http_requests_total, every: 500ms }
limits:
  - success_rate: { min: 99% }
  - throughput: { min: 30/s, step: chat/websocket /ws }
  - progress: { probe: blocks, min_pace: 2/s }
  - probe: { probe: blocks, latency: 5s }
  - probe: { probe: requests, max: 1000000 }
"#;

fn tiers(finished: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let limits = finished["verdict"]["limits"].as_array().expect("limits");
    limits.iter().map(|limit| (text(&limit["name"]), text(&limit["tier"]))).collect()
}

#[test]
fn a_chain_is_watched_while_messages_are_echoed() {
    let program = Program::new();
    let file = program.write("experiment.yaml", EXPERIMENT);
    let done = program.run(&file);
    let finished = done.finished();
    let names = [
        "success_rate",
        "throughput chat/websocket /ws",
        "progress blocks",
        "probe blocks latency",
        "probe requests max",
    ];
    let good = names.map(|name| (name.to_owned(), "pass".to_owned()));
    assert_eq!(tiers(&finished), good, "{finished:#}");
    let totals = &finished["verdict"]["totals"];
    assert_eq!(totals["scheduled"], 120);
    let undocumented: Vec<String> = done.lines().iter().flat_map(missing).collect();
    assert_eq!(undocumented, Vec::<String>::new());
    let report = program.path("reports").join(finished["run"].as_str().expect("an id"));
    let page = std::fs::read_to_string(report.join("index.html")).expect("a page");
    assert!(page.contains("chart-probe-0") && page.contains("what the target told of itself"));
}

#[test]
fn a_chain_that_is_too_slow_fails_the_run() {
    let program = Program::new();
    let text = EXPERIMENT.replace("BLOCK_INTERVAL_MS: \"200\"", "BLOCK_INTERVAL_MS: \"60000\"");
    let file = program.write("experiment.yaml", &text);
    let finished = program.run(&file).finished();
    let slow = ("progress blocks".to_owned(), "fail".to_owned());
    assert!(tiers(&finished).contains(&slow), "{finished:#}");
    assert_ne!(finished["verdict"]["outcome"], "passed");
}
