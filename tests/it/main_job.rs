//! The main job end to end, on real containers: up, load, kill, partition, heal, verdict, report, down.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::engine::{ours, required};
use crate::program::Program;

/// The short experiment with a Compose project of its own.
fn short(program: &Program, project: &str, change: impl Fn(String) -> String) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("../fixtures/short.yaml")
        .replace("PROJECT", project)
        .replace("../../compose", &root.join("compose").display().to_string());
    program.write("experiment.yaml", &change(text))
}

#[test]
fn a_run_is_hurt_healed_judged_and_reported() {
    if !required() {
        return;
    }
    let program = Program::new();
    let file = short(&program, "lh-main-job", |text| text);
    let done = program.run(&file).expect(0);
    let finished = done.finished();
    let verdict = &finished["verdict"];
    assert_eq!(verdict["outcome"], "passed", "{verdict:#}");
    let totals = &verdict["totals"];
    let count = |key: &str| totals[key].as_u64().expect("a count");
    assert_eq!(
        count("scheduled"),
        count("ok") + count("failed") + count("timed_out") + count("not_sent"),
        "{totals}"
    );
    assert_eq!(count("scheduled"), 40 * 24);
    assert!(count("failed") + count("timed_out") > 0, "a cut store must hurt somebody: {totals}");
    for fault in verdict["faults"].as_array().expect("faults") {
        assert_eq!(fault["verified"], true, "{fault:#}");
    }
    let report = program.path("reports").join(finished["run"].as_str().expect("an id"));
    for name in ["index.html", "report.md", "summary.json", "junit.xml"] {
        assert!(report.join(name).is_file(), "{name}");
    }
    let run = finished["run"].as_str().expect("an id").to_owned();
    assert_eq!(ours(&run), Vec::<String>::new(), "nothing is left");

    let again = program.done(["report", "latest", "--json", "--out", "/dev/null/nowhere"]);
    assert_eq!(again.code, Some(1), "a report that can't be written is an error: {again:?}");
    let out = program.path("again");
    let again = program
        .done(["report", "latest", "--json", "--out", out.to_str().expect("text")])
        .expect(0);
    let second: serde_json::Value = serde_json::from_str(&again.stdout).expect("a summary");
    assert_eq!(second, finished["summary"], "judged again, the same");
}

#[test]
fn ctrl_c_in_a_fault_heals_reports_and_takes_down() {
    if !required() {
        return;
    }
    let program = Program::new();
    let file = short(&program, "lh-ctrl-c", |text| {
        text.replace("for: 3s", "for: 8s").replace("[15s]", "[12s]")
    });
    // The other way into a network namespace is taken along: a helper container instead of this host.
    let mut running = program.start(&file, &["--transport", "container"]);
    running
        .wait_for(r#""fault":"split-1","kind":"fault","stage":"active""#, Duration::from_mins(2));
    running.signal(Signal::INT);
    let done = running.done().expect(130);
    let finished = done.finished();
    assert_eq!(finished["verdict"]["outcome"], "aborted", "{finished:#}");
    assert!(
        done.stdout.contains(r#""fault":"split-1","kind":"fault","stage":"healed""#),
        "{}",
        done.stdout
    );
    assert!(finished["report"].as_array().is_some_and(|r| !r.is_empty()));
    assert_eq!(ours(finished["run"].as_str().expect("an id")), Vec::<String>::new());
}

#[test]
fn a_breached_limit_fails_and_a_target_that_is_not_ready_is_said_so() {
    if !required() {
        return;
    }
    let program = Program::new();
    let file = short(&program, "lh-breach", |text| {
        text.replace("for: 24s", "for: 12s")
            .replace("[15s]", "[8s]")
            .replace("[7s]", "[5s]")
            .replace("memory: { max: 64MiB }", "memory: { max: 1KiB }")
    });
    let done = program.run(&file).expect(10);
    let verdict = &done.finished()["verdict"];
    assert_eq!(verdict["outcome"], "failed");
    assert_eq!(verdict["side"], "target");
    let memory =
        verdict["limits"].as_array().expect("limits").iter().find(|l| {
            l["name"].as_str().is_some_and(|n| n.contains("memory")) && l["tier"] == "fail"
        });
    assert!(memory.is_some(), "{verdict:#}");

    let file = short(&program, "lh-not-ready", |text| {
        text.replace("/health?deep=1\", within: 60s", "/nowhere\", within: 5s")
    });
    let done = program.run(&file).expect(12);
    assert!(done.stdout.contains("gateway"), "the unready service is named: {}", done.stdout);
    assert_eq!(ours(done.finished()["run"].as_str().expect("an id")), Vec::<String>::new());
}
