//! The main job without Docker: child processes, SIGKILL, a cut link; and its report in a real browser.

use std::time::Duration;

use rustix::process::Signal;

use crate::browser;
use crate::documented::missing;
use crate::program::Program;

pub(crate) const EXPERIMENT: &str = include_str!("../fixtures/short-process.yaml");

#[test]
fn processes_are_hurt_healed_judged_and_the_report_can_be_read() {
    let program = Program::new();
    let file = program.write("experiment.yaml", EXPERIMENT);
    let done = program.run(&file).expect(0);
    let finished = done.finished();
    let verdict = &finished["verdict"];
    assert_eq!(verdict["outcome"], "passed", "{verdict:#}");
    for fault in verdict["faults"].as_array().expect("faults") {
        assert_eq!(fault["verified"], true, "{fault:#}");
    }
    assert!(
        verdict["totals"]["ok"].as_u64() < verdict["totals"]["scheduled"].as_u64(),
        "the cut link must hurt somebody: {verdict:#}"
    );
    let undocumented: Vec<String> = done.lines().iter().flat_map(missing).collect();
    assert_eq!(undocumented, Vec::<String>::new());
    let runs = program.done(["runs", "--json"]).expect(0).document();
    assert_eq!((runs[0]["id"].clone(), missing(&runs)), (finished["run"].clone(), vec![]));
    let shown = program.done(["runs", "show", "--json"]).expect(0).document();
    assert_eq!(shown, finished["summary"]);
    let unknown = program.done(["report", "nope"]).expect(2);
    let run = finished["run"].as_str().expect("an id");
    assert!(unknown.stderr.contains(run), "the runs there are: {unknown:?}");

    let report = program.path("reports").join(finished["run"].as_str().expect("an id"));
    let limits = verdict["limits"].as_array().expect("limits").len();
    browser::looks_right(&report.join("index.html"), limits);
}

#[test]
fn children_die_with_longhaul_however_it_ends() {
    let program = Program::new();
    let file = program.write("experiment.yaml", EXPERIMENT);
    let mut running = program.start(&file, &[]);
    running.wait_for(r#""phase":"holding""#, Duration::from_mins(1));
    let children = children_of(running.pid());
    assert!(children.len() >= 4, "{children:?}");
    running.kill();
    let deadline = longhaul::clock::monotonic() + Duration::from_secs(10);
    while children.iter().any(|pid| std::path::Path::new(&format!("/proc/{pid}/exe")).exists()) {
        assert!(
            longhaul::clock::monotonic() < deadline,
            "children outlived longhaul: {children:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    program.done(["cleanup"]).expect(0);
    let runs = program.done(["runs"]).expect(0);
    assert!(runs.stdout.contains("interrupted"), "{}", runs.stdout);
    let judged = program.done(["report", "--out", program.path("late").to_str().expect("text")]);
    assert!(judged.stdout.contains("Arrivals"), "a killed run can still be judged: {judged:?}");

    let mut running = program.start(&file, &[]);
    running.wait_for(r#""phase":"holding""#, Duration::from_mins(1));
    let busy = program.run(&file).expect(15);
    assert!(busy.error()["error"].as_str().is_some_and(|e| e.contains("another run")), "{busy:?}");
    // The second signal shortens the waits; it neither skips the end nor changes the exit code.
    running.signal(Signal::TERM);
    running.wait_for_complaint("stopping:", Duration::from_secs(10));
    running.signal(Signal::INT);
    let done = running.done().expect(143);
    assert!(done.finished()["report"].as_array().is_some_and(|files| !files.is_empty()));
}

#[test]
fn without_its_steady_state_nothing_is_hurt() {
    let program = Program::new();
    let text = EXPERIMENT
        .replace("error_rate: { max: 5% }", "latency: { p99: 1ms }")
        .replace("replicas: 2, links", "replicas: 2, env: { ADD_LATENCY_MS: \"20\" }, links");
    let file = program.write("experiment.yaml", &text);
    let done = program.run(&file).expect(13);
    assert!(!done.stdout.contains(r#""stage":"injected""#), "{}", done.stdout);
    let reasons = done.finished()["verdict"]["reasons"].to_string();
    assert!(reasons.contains("steady state"), "{reasons}");
}

#[test]
fn too_many_errors_end_a_run_early_and_heal_what_is_in_force() {
    let program = Program::new();
    let text = EXPERIMENT
        .replace("for: 24s", "for: 10m")
        .replace("{ at: [7s] }", "{ at: [9m] }")
        .replace("[15s]", "[5s]")
        .replace("for: 3s", "for: 5m")
        .replace(
            "  - achieved_rate: { min: 80% }\n",
            "  - achieved_rate: { min: 80% }\n  - abort_when: { error_rate: { max: 10%, window: 3s } }\n",
        );
    let file = program.write("experiment.yaml", &text);
    let done = program.run(&file);
    let finished = done.finished();
    let verdict = &finished["verdict"];
    // 11 where the machine was too busy for a verdict; why the run ended is among the reasons all the same.
    assert!([Some(10), Some(11)].contains(&done.code), "{verdict:#}");
    let why = "over the last 3 s, the bound is <= 10%";
    let reasons = verdict["reasons"].to_string();
    assert!(reasons.contains("abort_when: error_rate was") && reasons.contains(why), "{reasons}");
    if done.code == Some(10) {
        let headline = verdict["headline"].as_str().expect("a headline");
        assert!(headline.contains("stopped after") && headline.contains(why), "{headline}");
        assert_eq!((&verdict["outcome"], &verdict["side"]), (&"failed".into(), &"target".into()));
    }
    assert!(done.stdout.contains(r#""cause":"abort_when""#), "{}", done.stdout);
    let healed = r#""fault":"split-1","kind":"fault","stage":"healed""#;
    assert!(done.stdout.contains(healed), "{}", done.stdout);
    assert_eq!(finished["leftover"], serde_json::json!([]));
    let scheduled = verdict["totals"]["scheduled"].as_u64().expect("a count");
    assert!(scheduled < 40 * 300, "ended long before its ten minutes: {scheduled}");
    let report = program.path("reports").join(finished["run"].as_str().expect("an id"));
    for name in ["report.md", "summary.json", "index.html"] {
        let text = std::fs::read_to_string(report.join(name)).expect(name);
        assert!(text.contains("over the last 3 s"), "{name} says why");
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    std::fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>())
        .collect()
}
