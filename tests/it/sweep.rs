//! A sweep over replicas, end to end with child processes: what each size carries, judged both ways, and found again.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::documented::missing;
use crate::engine::{ours, required};
use crate::program::{Done, Program};

/// Each replica takes 30 requests a second and refuses the rest of what is offered. Too short for a busy machine to put the
/// figures in doubt.
const EXPERIMENT: &str = r#"version: 1
name: small-sweep
seed: 3
target:
  process:
    services:
      store: { command: ["{{self}}", demo-target, store], env: { DATA_DIR: "{{dir}}" } }
      api:
        command: ["{{self}}", demo-target, api]
        env: { RATE_LIMIT_PER_S: "30" }
        links: { STORE_ADDR: store }
      gateway: { command: ["{{self}}", demo-target, gateway], links: { API_ADDRS: api } }
  ready: { http: "http://gateway.target:8080/health?deep=1", within: 1m }
sweep: { scale: { api: [2, 1] } }
load:
  profile: [ hold: { rate: 120/s, for: 3s } ]
  connections: 50
  timeout: 2s
  scenarios:
    read: { steps: [ http: { get: "http://gateway.target:8080/items/1", expect: { status: 200 } } ] }
limits: [ efficiency: { min: 80% } ]
sampling: { interval: 10s }
"#;

/// The document that ends a sweep.
fn swept(done: &Done) -> Value {
    let line = done.lines().into_iter().rfind(|line| line["type"] == "swept");
    line.unwrap_or_else(|| panic!("the sweep did not end: {done:#?}"))
}

fn run(program: &Program, text: &str) -> Done {
    program.run(&program.write("sweep.yaml", text))
}

#[test]
fn two_replicas_carry_twice_as_much_and_the_sweep_is_found_again() {
    let program = Program::new();
    let done = run(&program, EXPERIMENT).expect(0);
    let lines = done.lines();
    let undocumented: Vec<String> = lines.iter().flat_map(missing).collect();
    assert_eq!(undocumented, Vec::<String>::new());
    let told: Vec<(&Value, &Value, &Value)> = lines
        .iter()
        .filter(|line| line["type"] == "size")
        .map(|line| (&line["size"], &line["number"], &line["of"]))
        .collect();
    assert_eq!(told, [(&2.into(), &1.into(), &2.into()), (&1.into(), &2.into(), &2.into())]);

    let swept = swept(&done);
    let summary = &swept["summary"];
    assert_eq!(summary["verdict"]["outcome"], "passed", "{summary:#}");
    assert_eq!(summary["limits"][0]["name"], "efficiency api x 2");
    let runs = summary["runs"].as_array().expect("runs");
    assert_eq!((&runs[0]["size"], &runs[1]["size"]), (&2.into(), &1.into()));
    assert!(runs.iter().all(|run| run["measured_by"] == "throughput"), "{summary:#}");
    let rate = |run: &Value| run["rate_per_second"].as_f64().expect("a rate");
    // 30/s, and a second's worth in advance.
    assert!((30.0..45.0).contains(&rate(&runs[1])), "{summary:#}");
    let efficiency = runs[0]["efficiency"].as_f64().expect("an efficiency");
    assert!((efficiency - rate(&runs[0]) / (2.0 * rate(&runs[1]))).abs() < 1e-9, "{summary:#}");
    assert!(efficiency > 0.8, "{summary:#}");
    for file in swept["report"].as_array().expect("files") {
        let text = std::fs::read_to_string(file.as_str().expect("a path")).expect("a report");
        assert!(text.contains("api"), "{file}");
    }

    let id = swept["sweep"].as_str().expect("an id");
    let listed = program.done(["runs", "--json"]).expect(0).document();
    assert_eq!(missing(&listed), Vec::<String>::new());
    let part = &listed[0]["sweep"];
    assert_eq!((&part["id"], &part["size"]), (&id.into(), &1.into()), "the latest is the last");
    assert!(program.done(["runs"]).expect(0).stdout.contains("small-sweep, api x 2"));
    let shown = program.done(["runs", "show"]).expect(0);
    assert!(shown.stdout.contains(&format!("api x 1 of {id}")), "{}", shown.stdout);
    let out = program.path("again");
    let again = ["report", id, "--json", "--out", out.to_str().expect("text")];
    assert_eq!(&program.done(again).expect(0).document(), summary);
    assert!(out.join(id).join("index.html").is_file());
}

#[test]
fn containers_are_scaled_to_each_size_and_none_is_left() {
    if !required() {
        return;
    }
    let program = Program::new();
    let compose = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compose/demo/compose.yaml");
    let (from, to) = (EXPERIMENT.find("  process:"), EXPERIMENT.find("  ready:"));
    let processes = &EXPERIMENT[from.expect("processes")..to.expect("readiness")];
    let containers = format!(
        "  compose: {{ file: {}, project: lh-sweep, env: {{ RATE_LIMIT_PER_S: \"30\" }} }}\n",
        compose.display()
    );
    let done = run(&program, &EXPERIMENT.replace(processes, &containers)).expect(0);
    let summary = &swept(&done)["summary"];
    let runs = summary["runs"].as_array().expect("runs");
    assert_eq!((&runs[0]["size"], &runs[1]["size"]), (&2.into(), &1.into()), "{summary:#}");
    assert!(runs[0]["efficiency"].as_f64() > Some(0.8), "{summary:#}");
    for run in runs {
        assert_eq!(ours(run["run"].as_str().expect("an id")), Vec::<String>::new());
    }
}

#[test]
fn a_bottleneck_that_all_replicas_share_fails_it() {
    let program = Program::new();
    let shared = EXPERIMENT.replace(
        "demo-target, gateway],",
        "demo-target, gateway], env: { RATE_LIMIT_PER_S: \"40\" },",
    );
    let done = run(&program, &shared).expect(10);
    let summary = &swept(&done)["summary"];
    assert_eq!(summary["verdict"]["outcome"], "failed", "{summary:#}");
    assert_eq!(summary["limits"][0]["tier"], "fail", "{summary:#}");
    for run in summary["runs"].as_array().expect("runs") {
        assert_eq!(run["outcome"], "passed", "each run is well by itself: {summary:#}");
    }
}

#[test]
fn where_all_that_is_offered_is_carried_nothing_is_known_of_more() {
    let program = Program::new();
    let done = run(&program, &EXPERIMENT.replace("120/s", "20/s")).expect(11);
    let summary = &swept(&done)["summary"];
    assert_eq!(summary["limits"][0]["tier"], "unknown", "{summary:#}");
    assert_eq!(summary["runs"][0]["rate_is"], "at_least", "{summary:#}");
    let why = summary["runs"][0]["why_not"].as_str().expect("a reason");
    assert!(why.contains("offer more"), "{why}");
}

#[test]
fn ctrl_c_ends_the_run_and_the_sweep_with_what_was_measured() {
    let program = Program::new();
    let file = program.write("sweep.yaml", &EXPERIMENT.replace("for: 3s", "for: 10m"));
    let mut running = program.start(&file, &[]);
    running.wait_for(r#""phase":"holding""#, Duration::from_mins(1));
    running.signal(Signal::INT);
    let done = running.done().expect(130);
    let swept = swept(&done);
    assert_eq!(swept["exit_code"], 130);
    let summary = &swept["summary"];
    assert_eq!(summary["runs"][0]["outcome"], "aborted", "{summary:#}");
    assert_eq!(summary["runs"][1]["run"], Value::Null, "{summary:#}");
    assert!(summary["verdict"]["reasons"].to_string().contains("not run: api x 1"), "{summary:#}");
    assert!(swept["report"].as_array().is_some_and(|files| files.len() == 4));
}

#[test]
fn a_sweep_is_planned_and_what_makes_no_sense_with_it_is_refused() {
    let program = Program::new();
    let file = program.write("sweep.yaml", EXPERIMENT);
    let file = file.to_str().expect("text");
    let plan = program.done(["plan", file, "--json"]).expect(0).document();
    assert_eq!(missing(&plan), Vec::<String>::new());
    let sizes: Vec<&Value> =
        plan["sweep"]["runs"].as_array().expect("runs").iter().map(|run| &run["size"]).collect();
    assert_eq!((sizes, &plan["sweep"]["length"]), (vec![&2.into(), &1.into()], &"6s".into()));
    let valid = program.done(["validate", file]).expect(0);
    assert!(valid.stdout.contains("2 runs of 3s of load"), "{}", valid.stdout);
    assert!(valid.stderr.contains("offers its rate whatever the size"), "{}", valid.stderr);
    for option in [&["--keep-up"][..], &["--baseline", "x"]] {
        let told = program.done([&["run", file, "--json"][..], option].concat()).expect(2).error();
        assert!(told["error"].as_str().is_some_and(|e| e.contains("`sweep`")), "{told}");
    }
    assert!(!program.data().exists(), "nothing was started");
}
