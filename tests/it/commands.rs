//! The commands as a person types them: what they print, and how they end.

use crate::documented::missing;
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
    assert_eq!(missing(&plan), Vec::<String>::new());
    assert!(!program.data().exists(), "nothing was started");
}

#[test]
fn every_error_is_one_document_for_programs_and_one_line_with_a_hint_for_people() {
    let program = Program::new();
    let broken = program.write("broken.yaml", "version: 1\nnmae: x\n");
    let broken = broken.to_str().expect("text");
    for (args, code) in [
        (&["no-such-command"][..], 2),
        (&["run"], 2),
        (&["plan", "experiments/quickstart.yaml", "--seed", "x"], 2),
        (&["plan", "experiments/quickstart.yaml", "--set", "bse=x"], 2),
        (&["run", "no-such-file.yaml"], 3),
        (&["run", broken], 3),
        (&["runs", "show", "nope"], 2),
        (&["report"], 2),
        (&["cleanup", "nope"], 2),
    ] {
        let told = program.done([args, &["--json"]].concat()).expect(code).error();
        assert_eq!(missing(&told), Vec::<String>::new());
        let said = program.done(args).expect(code);
        assert!(said.stdout.is_empty(), "problems are not results: {said:?}");
        assert_eq!(said.stderr.matches("(os error").count(), 0, "{said:?}");
    }
    let told = program.done(["run", broken, "--json"]).error();
    assert_eq!(told["file"], broken);
    assert!(told["problems"].as_array().is_some_and(|p| p.len() >= 4), "{told}");
    assert!(!program.data().exists(), "nothing was started, and reading makes nothing");
    program.done(["runs"]).expect(0);
    program.done(["cleanup"]).expect(0);
    assert!(!program.data().exists(), "reading makes nothing");
}

#[test]
fn validate_tells_each_file_in_a_line_of_one_form() {
    let program = Program::new();
    let broken = program.write("broken.yaml", "version: 1\nnmae: x\n");
    let broken = broken.to_str().expect("text");
    let args = ["validate", "--json", "experiments/quickstart.yaml", broken, "no-such-file.yaml"];
    let lines = program.done(args).expect(3).lines();
    let files: Vec<_> = lines.iter().map(|l| l["file"].as_str().expect("a file")).collect();
    assert_eq!(files, args[2..]);
    let valid: Vec<_> = lines.iter().map(|l| l["valid"].as_bool().expect("a truth")).collect();
    assert_eq!(valid, [true, false, false]);
    let keys = |line: &serde_json::Value| -> Vec<String> {
        line.as_object().expect("an object").keys().cloned().collect()
    };
    assert!(lines.iter().all(|l| keys(l) == keys(&lines[0])), "{lines:#?}");
    assert!(lines.iter().all(|l| missing(l).is_empty()), "{lines:#?}");
    assert!(lines[2]["error"].as_str().is_some_and(|e| e.contains("no such file")));
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named_once_with_what_to_do() {
    let program = Program::new();
    program.write("data", "a file where a folder should be");
    for args in [
        &["run", "experiments/quickstart-process.yaml"][..],
        &["runs"],
        &["report", "latest"],
        &["runs", "show"],
    ] {
        let done = program.done(args).expect(2);
        assert_eq!(done.stderr.matches("os error").count(), 1, "{done:?}");
        assert!(done.stderr.contains("data") && done.stderr.contains("--data"), "{done:?}");
    }
}

/// Hidden parts are no commands: neither help nor completions offer them.
#[test]
fn what_longhaul_starts_itself_is_not_offered() {
    let program = Program::new();
    let bare = program.done([] as [&str; 0]).expect(2);
    assert!(bare.stderr.contains("validate"), "{bare:?}");
    let shells = ["bash", "zsh", "fish"].map(|shell| program.done(["completions", shell]).stdout);
    for text in shells.iter().chain([&bare.stderr, &program.done(["help"]).stdout]) {
        assert!(!text.contains("demo-target") && !text.contains("helper child"), "{text}");
    }
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
    assert_eq!(missing(&checks), Vec::<String>::new());
}

#[test]
fn without_an_engine_a_container_target_fails_before_anything_starts() {
    let program = Program::new();
    for file in ["experiments/quickstart.yaml", "experiments/half-hour.yaml"] {
        let run = |more: &[&str]| {
            let mut command = program.command([&["run", file], more].concat());
            command
                .env("DOCKER_HOST", "unix:///nonexistent.sock")
                .arg("--out")
                .arg(program.path("r"));
            program.spawn(command).done().expect(12)
        };
        let done = run(&[]);
        let lines: Vec<&str> = done.stderr.lines().collect();
        assert!(
            matches!(lines[..], [error, hint] if error.starts_with("error: failed to connect to the Docker engine at unix:///nonexistent.sock")
                && hint.starts_with("hint: ") && hint.contains("DOCKER_HOST")),
            "{done:?}"
        );
        assert!(run(&["--json"]).error()["hint"].is_string());
    }
    assert!(!program.data().exists() && !program.path("r").exists(), "nothing was started");
}
