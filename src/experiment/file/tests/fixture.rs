//! A file that uses the whole format, and ways to read and to break it.

use crate::experiment::{Experiment, parse};

pub(super) const FULL: &str = r#"version: 1
name: checkout-soak
description: One night of checkout traffic with a killed replica every hour.
tags: { team: payments, year: 2026 }
seed: 42
target:
  compose: { file: compose/checkout.yaml, build: true, scale: { api: 3 } }
  ready: { http: "{{base}}/health", within: 3m }
variables: { base: "http://127.0.0.1:8080" }
load:
  settle: 30s
  warmup: 10m
  profile:
    - ramp: { from: 0/s, to: 50/s, over: 5m }
    - hold: { rate: 50/s, for: 24h }
    - pause: { for: 1m }
  arrival: constant
  connections: 200
  timeout: 5s
  cooldown: 10m
  scenarios:
    browse:
      weight: 8
      steps:
        - http: { get: "{{base}}/items/{{random_int(1, 1000)}}?x=1", expect: { status: 200 } }
        - http: { get: "{{base}}/items/{{uuid}}" }
        - http: { name: health, get: "http://api.target:8080/health", timeout: 1s }
    buy:
      weight: 2
      session:
        - http:
            post: "{{base}}/auth/login"
            json: { user: "u{{random_int(1, 50)}}", password: "pw", n: 3 }
            capture: { token: "json:$.access_token", trace: "header:X-Trace" }
      steps:
        - http: { post: "{{base}}/orders", headers: { authorization: "Bearer {{token}}" }, json: { sku: a1 }, expect: { status: [200, 201], body_contains: ok } }
        - http: { put: "{{base}}/raw", body: "{{trace}}" }
faults:
  - name: kill-one-api
    inject: { kill: { service: api, pick: one, signal: SIGKILL } }
    schedule: { every: 1h, jitter: 10m, first_after: 30m }
    recover_within: 2m
  - name: split-api-db
    inject: { partition: { between: [api], and: db, direction: both } }
    schedule: { random: { mean: 2h, min_gap: 30m } }
    for: 45s
  - name: stop-db
    inject: { stop: { service: db, pick: 50%, grace: 1s } }
    schedule: { at: [3h, 5h30m] }
    for: 10s
overlap: allow
steady_state:
  for: 1m
  require: [ { error_rate: { max: 0.1% } }, { latency: { p99: 300ms, mean: 20ms } } ]
limits:
  - achieved_rate: { min: 90% }
  - error_rate: { max: 1%, warn: 0.5% }
  - error_rate: { max: 0.1%, scope: outside_faults }
  - latency: { p95: 500ms, warn: 300ms, window: 1h }
  - latency: { p50: 100ms, p99: 900ms, step: browse/health }
  - memory: { service: api, max: 512MiB, mean: 256MiB }
  - memory_growth: { max: 10% }
  - restarts: { max: 0, unless: injected }
  - recovery: { fault: stop-db, max: 60s }
  - throughput: { min: 40/s, warn: 45/s, step: buy/POST /orders, window: 10m }
  - success_rate: { min: 99%, scope: { during: kill-one-api } }
  - availability: { min: 99.9%, warn: 99.95% }
  - error_budget: { objective: 99.5%, spent: 100%, burn_rate: 14.4, window: 2h }
  - apdex: { target: 200ms, min: 0.9, scope: recovery }
  - memory: { service: db, mean: 64MiB, scope: idle }
  - memory_growth: { per_1000_requests: 10MB }
  - memory_back: { within: 10%, warn: 5% }
  - cpu: { max: 80%, mean: 50%, of: limit }
  - recovery: { median: 30s, from: start }
  - leak: { service: api, verdict: stable }
  - drift: { p95: 15%, throughput: 5%, step: buy/PUT /raw }
  - scraped: { service: api, metric: queue_depth, max: 1000, warn: 900 }
  - scraped: { service: api, metric: "heap_bytes{area=\"x\"}", mean: 1GiB, window: 20m }
  - abort_when: { error_rate: { max: 50%, window: 5m } }
sampling: { interval: 500ms, ledger: 1h, scrape: { api: "http://api.target:8080/metrics" } }
capture:
  heap:
    api: [ "http://api.target:8080/debug/pprof/heap", { command: [dump, "{{pid}}", "{{container}}"] } ]
    db: "{{base}}/heap"
  every: 30m
"#;

/// A folder in which the compose file of [`FULL`] exists.
pub(super) fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("compose")).unwrap();
    let compose = "services:\n  api: {image: a}\n  db: {image: b}\n";
    std::fs::write(dir.path().join("compose/checkout.yaml"), compose).unwrap();
    dir
}

pub(super) fn read(text: &str) -> Result<Experiment, String> {
    let dir = folder();
    parse(text, &dir.path().join("e.yaml")).map_err(|problems| {
        let prefix = format!("{}/", dir.path().display());
        problems.to_string().replace(&prefix, "")
    })
}

/// [`FULL`] with one text replaced; its problems.
pub(super) fn broken(from: &str, to: &str) -> String {
    assert_eq!(FULL.matches(from).count(), 1, "{from}");
    read(&FULL.replace(from, to)).expect_err(to)
}

/// A small process target, its services and faults given.
pub(super) fn process(services: &str, faults: &str) -> Result<Experiment, String> {
    read(&format!(
        "version: 1\nname: p\ntarget:\n  process:\n    services:\n{services}load:\n  profile: [ hold: {{ rate: 1/s, for: 1m }} ]\n  scenarios: {{ s: {{ steps: [ http: {{ get: \"http://a.target:80/\" }} ] }} }}\n{faults}"
    ))
}
