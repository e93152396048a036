//! The commands as a person types them: what they print, and how they end.

use crate::program::Program;

#[test]
fn usage_errors_and_invalid_files_start_nothing() {
    let program = Program::new();
    program.done(["no-such-command"]).expect(2);
    program.done(["run"]).expect(2);
    let done = program.done(["run", "no-such-file.yaml"]).expect(3);
    assert!(done.stderr.contains("no-such-file.yaml"), "{}", done.stderr);
    let done = program.done(["plan", "experiments/quickstart.yaml", "--set", "bse=x"]).expect(2);
    assert!(done.stderr.contains("did you mean `base`"), "{}", done.stderr);
    let file = program
        .write("broken.yaml", "version: 1\nnmae: x\nlimits: [ { error_rte: { max: 1 } } ]\n");
    let done = program.done(["validate".as_ref(), file.as_os_str()]).expect(3);
    for wanted in ["nmae", "name", "error_rte", "error_rate"] {
        assert!(done.stderr.contains(wanted), "{wanted}: {}", done.stderr);
    }
    assert!(done.stdout.is_empty(), "problems are not results: {}", done.stdout);
    assert!(!program.data().exists(), "nothing was started");
}

#[test]
fn plan_prints_the_same_faults_each_time_and_touches_nothing() {
    let program = Program::new();
    let args = ["plan", "experiments/quickstart.yaml"];
    let first = program.done(args).expect(0);
    assert_eq!(first.stdout, program.done(args).expect(0).stdout);
    assert!(first.stdout.contains("kill"), "{}", first.stdout);
    let other =
        program.done(["plan", "experiments/quickstart.yaml", "--seed", "99", "--json"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&other.stdout).expect("one document");
    assert_eq!(plan["experiment"]["seed"], 99);
    assert!(!program.data().exists(), "nothing was started");
}

#[test]
fn lists_and_schemas_are_documents() {
    let program = Program::new();
    let runs = program.done(["runs", "--json"]).expect(0);
    assert_eq!(runs.stdout.trim(), "[]");
    let schema = program.done(["schema"]).expect(0);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).expect("a schema");
    assert!(schema["$defs"].is_object(), "{schema}");
    let completions = program.done(["completions", "bash"]).expect(0);
    assert!(completions.stdout.contains("longhaul"));
    let doctor = program.done(["doctor", "--json"]);
    let checks: serde_json::Value = serde_json::from_str(&doctor.stdout).expect("checks");
    assert!(checks.as_array().is_some_and(|c| c.len() >= 6), "{checks}");
    program.done(["report", "latest"]).expect(1);
}
