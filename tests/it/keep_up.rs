//! A target that stays up on purpose: on record as kept, safe from the next run, gone after a cleanup.

use std::path::{Path, PathBuf};

use crate::engine::{ours, required};
use crate::program::{Done, Program};

/// Two seconds of little load on the demo system, which nothing hurts.
fn short(program: &Program) -> PathBuf {
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/demo/compose.yaml");
    program.write(
        "experiment.yaml",
        &format!(
            "version: 1
name: kept
target:
  compose: {{ file: {}, project: lh-keep-up }}
  ready: {{ http: \"http://gateway.target:8080/health\", within: 60s }}
load:
  profile: [ hold: {{ rate: 20/s, for: 2s }} ]
  scenarios: {{ s: {{ steps: [ http: {{ get: \"http://gateway.target:8080/items/1\" }} ] }} }}
",
            compose.display()
        ),
    )
}

fn run(program: &Program, file: &Path, more: &[&str]) -> Done {
    program.start(file, more).done()
}

#[test]
fn a_kept_target_stays_up_until_it_is_cleaned_up() {
    if !required() {
        return;
    }
    let program = Program::new();
    let file = short(&program);
    // What a busy machine makes of the verdict is not what is tested here.
    let finished = run(&program, &file, &["--keep-up"]).finished();
    assert_eq!(finished["kept"], true, "{finished:#}");
    let kept = finished["run"].as_str().expect("an id").to_owned();
    let up = ours(&kept);
    let containers = up.iter().filter(|thing| thing.starts_with("container ")).count();
    assert!(containers >= 4, "gateway, two apis and a store: {up:?}");
    let listed = program.done(["runs"]).expect(0).stdout;
    assert!(listed.contains("kept up"), "{listed}");
    let listed = program.done(["runs", "--json"]).expect(0).document();
    assert_eq!((&listed[0]["id"], &listed[0]["kept"]), (&finished["run"], &true.into()));

    // Neither this data folder's next run nor another's takes it for a leftover.
    let elsewhere = Program::new();
    for other in [&program, &elsewhere] {
        let error = run(other, &short(other), &[]).expect(15).error();
        let hint = error["hint"].as_str().expect("a hint");
        assert!(error["error"].as_str().is_some_and(|e| e.contains(&kept)), "{error}");
        assert!(hint.contains(&format!("longhaul cleanup {kept} --data ")), "{error}");
    }
    assert!(!elsewhere.data().exists(), "nothing was started");
    assert_eq!(ours(&kept), up, "it is as it was");

    let planned = program.done(["cleanup", &kept, "--dry-run"]).expect(0).stdout;
    assert!(planned.contains("would remove container"), "{planned}");
    assert_eq!(ours(&kept), up, "a dry run changes nothing");
    program.done(["cleanup"]).expect(0);
    assert_eq!(ours(&kept), Vec::<String>::new(), "nothing is left");
    let listed = program.done(["runs", "--json"]).expect(0).document();
    assert_eq!(listed[0]["kept"], false, "{listed}");

    let again = run(&program, &file, &[]).finished();
    assert_eq!(again["kept"], false, "{again:#}");
    assert_eq!(ours(again["run"].as_str().expect("an id")), Vec::<String>::new());
}

#[test]
fn child_processes_cannot_be_kept_up() {
    let program = Program::new();
    let file = "experiments/quickstart-process.yaml";
    let told = program.done(["run", file, "--keep-up", "--json"]).expect(2).error();
    assert!(told["error"].as_str().is_some_and(|e| e.contains("--keep-up")), "{told}");
    assert!(!program.data().exists(), "nothing was started");
}
