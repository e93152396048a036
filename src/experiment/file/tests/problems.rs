//! What is wrong with a file: all of it at once, each at its place, with what would be right.

use std::collections::BTreeSet;
use std::path::Path;

use super::fixture::{FULL, broken, folder, read};
use crate::experiment::{LoadError, load, parse};

#[test]
fn all_problems_are_told_at_once_each_at_its_place() {
    let text = FULL
        .replace("seed: 42", "sed: 42\nretention: { runs: 30 }")
        .replace("weight: 8", "weight: 0")
        .replace("rate: 50/s,", "rate: 50,")
        .replace("{{token}}", "{{tokn}}")
        .replace(
            "service: api, pick: one, signal: SIGKILL",
            "service: apii, pick: none, signal: SIGKIL",
        )
        .replace("and: db", "and: api")
        .replace("warn: 0.5%", "warn: 2%")
        .replace("fault: stop-db", "fault: stop-dv")
        .replace("- memory_growth: { max: 10% }", "- slowness: { max: 10% }");
    insta::assert_snapshot!(read(&text).unwrap_err(), @r#"
    e.yaml:5:1: unknown key "sed" (did you mean `seed`? allowed here: version, name, description, tags, seed, variables, secrets, target, sweep, load, faults, overlap, steady_state, probes, limits, sampling, capture)
    e.yaml:6:1: `retention` is not available in this version (available here: version, name, description, tags, seed, variables, secrets, target, sweep, load, faults, overlap, steady_state, probes, limits, sampling, capture)
    e.yaml:16:21: "50" is not a rate (0 to 1000000/s) (write for example "50/s" or "3000/m")
    e.yaml:24:15: expected a whole number from 1 to 1000000, found "0"
    e.yaml:37:80: `tokn` is neither a variable nor captured by an earlier step (did you mean `token`?)
    e.yaml:41:32: "apii" is not a service of the target (did you mean `api`?)
    e.yaml:41:44: expected one, all, a number or a percentage, found "none" (write one, all, 2 or 50%)
    e.yaml:41:58: expected a word such as SIGKILL, found "SIGKIL" (did you mean `SIGKILL`?)
    e.yaml:45:49: "api" is already in the partition (each service is in one group, once)
    e.yaml:58:34: `warn` must be less than the limit (`warn` is the stricter tier)
    e.yaml:63:5: unknown key "slowness" (allowed here: achieved_rate, throughput, error_rate, success_rate, availability, apdex, latency, error_budget, memory, memory_growth, memory_back, leak, longhaul, cpu, scraped, drift, restarts, probe, progress, recovery, efficiency, abort_when)
    e.yaml:65:24: "stop-dv" is not a fault of this file (did you mean `stop-db`?)
    "#);
}

#[test]
fn problems_are_drawn_into_the_file() {
    let dir = folder();
    std::fs::write(dir.path().join("e.yaml"), FULL.replace("timeout: 5s", "timeuot: 5s")).unwrap();
    let Err(LoadError::Invalid(problems)) = load(&dir.path().join("e.yaml")) else { panic!() };
    let drawn = problems.graphical(false).replace(&dir.path().display().to_string(), "");
    insta::assert_snapshot!(drawn, @r#"
     × unknown key "timeuot"
       ╭─[/e.yaml:19:3]
    18 │   connections: 200
    19 │   timeuot: 5s
       ·   ───────
    20 │   cooldown: 10m
       ╰────
     help: did you mean `timeout`? allowed here: settle, warmup, profile, arrival, pacing, priority,
           catch_up, workers, connections, timeout, cooldown, tls, data, scenarios
    "#);
    let json = serde_json::to_value(&*problems).unwrap();
    assert_eq!(json["problems"][0]["line"], 19);
    assert!(problems.graphical(true).contains('\u{1b}'));
}

#[test]
fn what_this_version_lacks_is_said() {
    for (from, to) in
        [("overlap: allow", "schedule: { cron: x }"), ("overlap: allow", "notify: []")]
    {
        let told = broken(from, to);
        assert!(told.contains("not available in this version"), "{to}: {told}");
    }
}

/// Ways to break the full file: a text of it, and what takes its place.
const BREAKS: &[(&str, &str)] = &[
    ("version: 1", "version: 2"),
    ("name: checkout-soak", "name: ../x"),
    ("compose: { file: compose/checkout.yaml,", "compose: { file: compose,"),
    ("compose: { file: compose/checkout.yaml,", "compose: { file: nope.yaml,"),
    ("scale: { api: 3 }", "scale: { apo: 3 }"),
    ("\"{{base}}/health\"", "\"{{bse}}/health\""),
    ("within: 3m", "within: 3"),
    ("for: 24h", "for: 169h"),
    ("for: 24h", "for: 0s"),
    ("connections: 200", "connections: 20000"),
    ("timeout: 5s", "timeout: 0s"),
    ("expect: { status: 200 }", "expect: { status: 99 }"),
    ("http://api.target:8080/health", "http://apx.target:8080/health"),
    ("http://api.target:8080/health", "ftp://api/health"),
    ("http://api.target:8080/health", "http://{{random_int(1, 2)}}/health"),
    ("http://api.target:8080/health", "http://api.target/health"),
    ("name: health, get", "get: \"http://x/\", post"),
    ("name: health, get: \"http://api.target:8080/health\"", "name: health"),
    ("name: health, get", "name: \"GET /items/{}\", head"),
    ("body: \"{{trace}}\"", "body: x, json: 1"),
    ("json:$.access_token", "$.access_token"),
    ("capture: { token:", "capture: { base:"),
    ("headers: { authorization:", "headers: { Content-Length:"),
    ("name: stop-db", "name: kill-one-api"),
    ("schedule: { at: [3h, 5h30m] }", "schedule: { at: [25h, 30s] }"),
    ("schedule: { at: [3h, 5h30m] }", "schedule: { at: 3h, every: 1h }"),
    ("schedule: { at: [3h, 5h30m] }", "schedule: { every: 5s }"),
    ("jitter: 10m", "jitter: 40m"),
    ("for: 45s", "recover_within: 1m"),
    ("recover_within: 2m", "for: 2m"),
    ("between: [api]", "between: []"),
    ("  for: 1m\n  require", "  for: 100h\n  require"),
    ("achieved_rate: { min: 90% }", "achieved_rate: { min: 90%, warn: 80% }"),
    ("achieved_rate: { min: 90% }", "achieved_rate: { min: 101% }"),
    ("p95: 500ms, warn: 300ms", "warn: 300ms"),
    ("p95: 500ms, warn: 300ms", "p95: 500ms, p99: 1s, warn: 300ms"),
    ("window: 1h", "window: 25h"),
    ("step: browse/health", "step: browse/helth"),
    ("max: 512MiB", "max: 512"),
    ("service: api, max: 512MiB, mean: 256MiB", "service: api"),
    ("unless: injected", "unless: expected"),
    ("{ error_rate: { max: 50%, window: 5m } }", "{ restarts: { max: 50 } }"),
    ("{ max: 50%, window: 5m }", "{ max: 50%, warn: 10%, scope: outside_faults }"),
    (
        "[ { error_rate: { max: 0.1% } },",
        "[ { error_rate: { max: 0.1%, scope: during, window: 1m, warn: 0.01% } },",
    ),
    ("scope: outside_faults }", "scope: outside_fault }"),
    ("scope: outside_faults }", "scope: idle }"),
    ("scope: outside_faults }", "scope: { outside_faults: x } }"),
    ("during: kill-one-api", "during: kill-one-apo"),
    ("scope: recovery", "scope: recovery, window: 5m"),
    ("settle: 30s", "settle: 0s"),
    ("cooldown: 10m", "cooldown: 0s"),
    ("service: api, max: 512MiB, mean: 256MiB", "max: 512MiB, window: 1h"),
    ("service: api, max: 512MiB, mean: 256MiB", "max: 512MiB, mean: 256MiB, window: 1h"),
    ("mean: 50%, of: limit", "mean: 50%, of: host"),
    ("max: 80%, mean: 50%", "of: core"),
    ("min: 0.9,", "min: 1.1,"),
    ("min: 0.9,", "min: 0.9, warn: 0.5,"),
    ("per_1000_requests: 10MB", "per_1000_requests: 10MB, warn: 5%"),
    ("{ within: 10%,", "{ within: 10MiB,"),
    ("{ within: 10%,", "{ window: 1h, within: 10%,"),
    ("spent: 100%, burn_rate: 14.4, window: 2h", "spent: 100%, window: 2h"),
    ("objective: 99.5%", "objective: 100%"),
    ("median: 30s, ", ""),
    ("leak: { service: api,", "leak: { service: apx,"),
    ("verdict: stable", "verdict: leaking"),
    ("verdict: stable", "max: 1"),
    ("p95: 15%, throughput: 5%", "p95: 15%, throughput: 5%, warn: 1%"),
    ("p95: 15%, throughput: 5%", "p90: 15%"),
    ("p95: 15%, throughput: 5%, step", "step"),
    (
        "scraped: { service: api, metric: queue_depth,",
        "scraped: { service: db, metric: queue_depth,",
    ),
    ("scraped: { service: api, metric: queue_depth,", "scraped: { metric: queue_depth,"),
    ("scraped: { service: api, metric: queue_depth,", "scraped: { service: api,"),
    ("max: 1000, warn: 900", "max: 1000, warn: 900MiB"),
    ("max: 1000, warn: 900", "max: many"),
    ("max: 1000, warn: 900", "max: 1000, window: 1h"),
    ("min: 40/s,", "min: 40,"),
    ("memory_growth: { max: 10% }", "memory_growth: { max: 10%, scope: during }"),
    ("unless: injected }", "unless: injected, scope: outside_faults }"),
    ("interval: 500ms", "interval: 10ms"),
    ("ledger: 1h", "ledger: 10ms"),
    ("base: \"http://127.0.0.1:8080\"", "base: \"http://127.0.0.1:8080\", uuid: x"),
    ("- achieved_rate: { min: 90% }", "- achieved_rate: { min: 90% }\n    error_rate: { max: 1% }"),
    ("overlap: allow", "overlap: allow\nname: twice"),
];

#[test]
fn every_rule_can_be_broken() {
    let told: Vec<String> = BREAKS.iter().map(|(from, to)| broken(from, to)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    e.yaml:1:10: this longhaul reads version 1 of the format, not "2" (write `version: 1`, or use a longhaul that knows this version)
    e.yaml:2:7: "../x" is not a name (1 to 100 of a-z, A-Z, 0-9, `-`, `_` and `.`, not beginning with `-` or `.`)
    e.yaml:7:20: "compose" is a folder, not a file (paths are relative to the experiment file)
    e.yaml:7:20: "nope.yaml" does not exist (paths are relative to the experiment file)
    e.yaml:7:65: "apo" is not a service of the target (did you mean `api`?)
    e.yaml:8:21: "bse" is not a variable (did you mean `base`?)
    e.yaml:8:45: "3" is not a duration (write for example "30s", "10m" or "1h30m")
    e.yaml:15:32: "169h" is out of range (from 1s to 7days)
    e.yaml:15:32: "0s" is out of range (from 1s to 7days)
    e.yaml:18:16: expected a whole number from 1 to 10000, found "20000"
    e.yaml:19:12: "0s" is out of range (from 1ms to 1h)
    e.yaml:25:88: expected a whole number from 100 to 599, found "99"
    e.yaml:27:38: "apx" is not a service of the target (did you mean `api`?)
    e.yaml:27:38: "ftp://api/health" is not an http:// or https:// URL (write it in full: http://host:port/path)
    e.yaml:27:38: the host of a URL can't be filled in later (write the host, or a variable for it, before `/`)
    e.yaml:27:38: "api.target" needs a port (write http://SERVICE.target:PORT/path)
    e.yaml:27:43: a second method (make it a step of its own)
    e.yaml:60:46: "browse/health" is not a step of a scenario (there are browse/GET /items/{}, browse/GET /items/{} (2), browse/GET /, buy/POST /auth/login, buy/POST /orders, buy/PUT /raw)
    e.yaml:27:11: the request has no method (give one of get, post, put, patch, delete, head, options)
    e.yaml:60:46: "browse/health" is not a step of a scenario (there are browse/GET /items/{} (2), browse/GET /items/{} (3), browse/GET /items/{}, buy/POST /auth/login, buy/POST /orders, buy/PUT /raw)
    e.yaml:37:46: `json` and `body` are not given together
    e.yaml:34:31: "$.access_token" does not say where the value is (write json:$.path.to[0].value, header:x-name or regex:...)
    e.yaml:34:24: `base` is already a variable
    e.yaml:36:80: `token` is neither a variable nor captured by an earlier step (known here: base, base, trace, uuid)
    e.yaml:36:55: longhaul sets `Content-Length` itself
    e.yaml:47:5: a second fault called `kill-one-api` (give each fault a name of its own)
    e.yaml:64:24: "stop-db" is not a fault of this file (there are kill-one-api, split-api-db, kill-one-api)
    e.yaml:49:22: it would end at 1day 1h 10s, after the profile (the profile takes 1day 6m)
    e.yaml:49:27: it would come before the steady state has been seen (the first 1m are watched)
    e.yaml:49:5: at, every are not given together (give one of `at`, `every` and `random`)
    e.yaml:49:5: it comes again before its 10s are over (`every` must be longer than the fault lasts)
    e.yaml:49:24: it would come before the steady state has been seen (the first 1m are watched)
    e.yaml:41:36: the jitter is too large (at most half of `every`, and at most `first_after`)
    e.yaml:43:5: `for` is missing: how long the partition lasts (for example for: 30s)
    e.yaml:42:10: `for` does not go with `kill` (`restart_after` says when it is started again)
    e.yaml:44:28: the list needs at least 1 item
    e.yaml:53:8: "100h" is out of range (from 1s to 1day)
    e.yaml:56:38: `warn` must be more than `min` (`warn` is the stricter tier)
    e.yaml:56:27: "101%" is out of range (from 0% to 100%)
    e.yaml:59:5: the latency limit has no figure (give one or several of p50, p90, p95, p99, p999, max, mean)
    e.yaml:59:43: `warn` of which figure? (give each figure an entry of its own)
    e.yaml:59:49: the window is longer than the profile (the profile takes 1day 6m)
    e.yaml:60:46: "browse/helth" is not a step of a scenario (did you mean `browse/health`?)
    e.yaml:61:34: "512" is not a size (write for example "512MiB" or "10MB")
    e.yaml:61:5: the limit has no figure (give one or several of max, mean)
    e.yaml:63:33: expected injected, found "expected" (did you mean `injected`?)
    e.yaml:79:19: unknown key "restarts" (allowed here: achieved_rate, throughput, error_rate, success_rate, availability, apdex, latency)
    e.yaml:79:43: `warn` makes no sense here (it ends the run or it does not)
    e.yaml:79:54: `scope` makes no sense here (what happens under faults counts as well: choose the bound with them in mind)
    e.yaml:54:41: `scope` makes no sense here (no fault has come yet)
    e.yaml:54:56: `window` makes no sense here (the steady state's `for` says it)
    e.yaml:54:64: a window makes no sense with this scope (it is judged as a whole: leave `window` out)
    e.yaml:54:68: `warn` makes no sense here (a steady state holds or it does not)
    e.yaml:58:37: expected one of total, outside_faults, during, recovery, idle, found "outside_fault" (did you mean `outside_faults`?)
    e.yaml:58:37: `idle` makes no sense here (a target that is idle has no load)
    e.yaml:58:39: unknown key "outside_faults" (allowed here: during, recovery)
    e.yaml:66:31: "kill-one-apo" is not a fault of this file (did you mean `kill-one-api`?)
    e.yaml:69:64: a window makes no sense with this scope (it is judged as a whole: leave `window` out)
    e.yaml:70:48: the target is never idle (give `load.settle`, a time without load before the warm-up)
    e.yaml:72:5: there is no cool-down (give `load.cooldown`, a time without load in which memory can come back)
    e.yaml:61:28: a window makes no sense with `max` (the worst of all windows is that of the whole: leave `window` out)
    e.yaml:61:42: `window` of which figure? (give each figure an entry of its own)
    e.yaml:73:37: expected one of core, limit, found "host"
    e.yaml:73:5: the limit has no figure (give one or several of max, mean)
    e.yaml:73:22: the key "of" is given twice (it is already given in line 73)
    e.yaml:69:34: expected a number from 0 to 1, found "1.1"
    e.yaml:69:45: `warn` must be more than `min` (`warn` is the stricter tier)
    e.yaml:71:53: `warn` is a percentage, the limit a size (give both in the same unit)
    e.yaml:72:41: `warn` is a percentage, the limit a size (give both in the same unit)
    e.yaml:72:20: unknown key "window" (allowed here: service, within, warn)
    e.yaml:68:60: a window makes no sense with `spent` (it goes with `burn_rate`)
    e.yaml:68:32: the objective is not below 100% (an objective of 100% leaves no budget: use `error_rate: { max: 0% }`)
    e.yaml:74:5: the limit has no figure (give one or several of max, median)
    e.yaml:75:22: "apx" is not a service of the target (did you mean `api`?)
    e.yaml:75:36: expected one of not_leaking, stable, found "leaking"
    e.yaml:75:27: unknown key "max" (allowed here: service, verdict)
    e.yaml:76:46: `warn` of which figure? (give each figure an entry of its own)
    e.yaml:76:5: the limit has no figure (give one or several of p50, p95, p99, mean, throughput)
    e.yaml:76:14: unknown key "p90" (did you mean `p50`? allowed here: p50, p95, p99, mean, throughput, warn, step)
    e.yaml:76:5: the limit has no figure (give one or several of p50, p95, p99, mean, throughput)
    e.yaml:77:25: the metrics of `db` are not scraped (say in `sampling.scrape` where they are)
    e.yaml:77:5: `service` is missing (Whose. The service is named in `sampling.scrape`.)
    e.yaml:77:5: `metric` is missing (The metric's name, `queue_depth`; with labels, `pool_size{pool="db"}`, only that series, else the worst of all that have the name.)
    e.yaml:77:68: `warn` is a size, the limit a number (give both in the same unit)
    e.yaml:77:56: "many" is not a size (write for example "512MiB" or "10MB")
    e.yaml:77:62: a window makes no sense with `max` (the worst of all windows is that of the whole: leave `window` out)
    e.yaml:65:24: "40" is not a rate (0 to 1000000/s) (write for example "50/s" or "3000/m")
    e.yaml:62:32: unknown key "scope" (allowed here: service, max, per_1000_requests, warn)
    e.yaml:63:43: unknown key "scope" (allowed here: service, max, warn, unless, window)
    e.yaml:80:23: "10ms" is out of range (from 100ms to 1m)
    e.yaml:80:38: "10ms" is out of range (from 1s to 1day)
    e.yaml:9:45: `uuid` has a meaning of its own in templates (a letter, then up to 63 letters, digits and `_`)
    e.yaml:57:5: a second kind beside `achieved_rate` (one entry has one kind: make it an entry of its own)
    e.yaml:52:1: the key "name" is given twice (it is already given in line 2)
    "#);
}

/// What is wrong with a text, without places and hints.
fn messages(text: &str, path: &Path) -> BTreeSet<String> {
    let problems = parse(text, path).expect_err("a broken file");
    problems.list().iter().map(|p| p.message.clone()).collect()
}

/// What is broken, and what can't be told of anything else until it is mended: which services an unreadable file
/// has, whether a time fits a profile of no known length.
const RESTS_ON: &[(&str, &str)] = &[
    ("compose: { file: compose/checkout.yaml,", "is not a service of the target"),
    ("for: 24h", "the profile"),
    ("name: health, get", "is not a step of a scenario"),
    ("  for: 1m\n  require", "before the steady state has been seen"),
];

/// For all pairs of breaks that lie apart: whoever makes both is told both, unless one rests on the other.
#[test]
fn no_problem_hides_another() {
    let dir = folder();
    let path = dir.path().join("e.yaml");
    let alone: Vec<_> =
        BREAKS.iter().map(|(from, to)| messages(&FULL.replace(from, to), &path)).collect();
    let places: Vec<_> = BREAKS.iter().map(|(from, _)| FULL.find(from).unwrap()).collect();
    let mut hidden = Vec::new();
    for (i, (from, to)) in BREAKS.iter().enumerate() {
        for (j, (other, instead)) in BREAKS.iter().enumerate().skip(i + 1) {
            let apart = places[i] + from.len() <= places[j] || places[j] + other.len() <= places[i];
            if !apart {
                continue;
            }
            let both = messages(&FULL.replace(from, to).replace(other, instead), &path);
            let rests = |message: &str| {
                RESTS_ON
                    .iter()
                    .any(|(broken, on)| [from, other].contains(&broken) && message.contains(on))
            };
            for message in alone[i].union(&alone[j]).filter(|m| !both.contains(*m) && !rests(m)) {
                hidden.push(format!("{to} and {instead}: {message}"));
            }
        }
    }
    assert_eq!(hidden, Vec::<String>::new());
}
