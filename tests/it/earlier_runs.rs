//! What other runs have, and what earlier ones left: it hinders whom it can touch, and nobody else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::engine::{docker, import_program, required};
use crate::program::Program;

/// A target of child processes, and seconds of load.
const PROCESSES: &str = r#"
version: 1
name: elsewhere
target:
  process:
    services:
      api: { command: ["{{self}}", demo-target, api], env: { STORE_ADDR: "127.0.0.1:9" } }
  ready: { tcp: "api.target:8080", within: 60s }
load:
  profile: [ { hold: { rate: 5/s, for: 2s } } ]
  timeout: 1s
  scenarios: { s: { steps: [ { http: { get: "http://api.target:8080/health" } } ] } }
limits: [ { error_rate: { max: 100% } } ]
"#;

/// Containers of somebody else, each in a network of its own. Removed when dropped.
struct Others {
    name: String,
}

impl Others {
    fn new(parts: &[&str]) -> Self {
        let others = Self { name: format!("lh-earlier-{}", std::process::id()) };
        import_program(&others.name);
        for part in parts {
            let (name, network) = (others.full(part), others.network(part));
            docker(&["network", "create", &network]);
            let store = "STORE_ADDR=127.0.0.1:9";
            let image = others.name.as_str();
            docker(&[
                "run",
                "-d",
                "--name",
                &name,
                "--network",
                &network,
                "-e",
                store,
                image,
                "demo-target",
                "api",
            ]);
        }
        others
    }

    fn full(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    fn network(&self, part: &str) -> String {
        format!("{}-net-{part}", self.name)
    }

    /// An experiment on one of them that takes it off its network in the first second, for so long.
    fn experiment(&self, program: &Program, part: &str, lasts: &str) -> PathBuf {
        let text = format!(
            r#"
version: 1
name: on-{part}
target: {{ external: {{ containers: {{ api: [{}] }} }}, ready: {{ tcp: "api.target:8080", within: 60s }} }}
load:
  profile: [ {{ hold: {{ rate: 5/s, for: {lasts} }} }}, {{ hold: {{ rate: 5/s, for: 2s }} }} ]
  timeout: 1s
  scenarios: {{ s: {{ steps: [ {{ http: {{ get: "http://api.target:8080/health" }} }} ] }} }}
faults: [ {{ name: off, inject: {{ detach: {{ service: api }} }}, schedule: {{ at: 500ms }}, for: {lasts} }} ]
limits: [ {{ error_rate: {{ max: 100% }} }} ]
"#,
            self.full(part)
        );
        program.write(&format!("{part}-{lasts}.yaml"), &text)
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        let quiet = |args: &[&str]| drop(Command::new("docker").args(args).output());
        for part in ["one", "two"] {
            quiet(&["rm", "-fv", &self.full(part)]);
            quiet(&["network", "rm", &self.network(part)]);
        }
        quiet(&["rmi", &self.name]);
    }
}

const OFF: &str = r#""fault":"off-1","kind":"fault","stage":"active""#;

#[test]
fn a_container_has_one_run_at_a_time_and_the_second_is_told_whose() {
    if !required() {
        return;
    }
    let others = Others::new(&["one", "two"]);
    let (first, second) = (Program::new(), Program::new());
    let file = others.experiment(&first, "one", "1m");
    let mut running = first.start(&file, &[]);
    running.wait_for(OFF, Duration::from_mins(2));
    // The other has a data folder of its own: nothing but the container is in common.
    let busy = second.run(&file).expect(15).error();
    let text = busy["error"].as_str().expect("a text");
    assert!(text.contains(&format!("process {}", running.pid())), "{text}");
    assert!(busy["hint"].as_str().is_some_and(|h| h.contains("wait for that run")), "{busy}");
    assert!(!second.data().exists(), "nothing was started");
    // In the same folder a run waits for whatever is under way there.
    let busy = first.run(&first.write("processes.yaml", PROCESSES)).expect(15).error();
    let text = busy["error"].as_str().expect("a text");
    assert!(text.contains("another run is under way") && text.contains("on-one"), "{text}");

    let elsewhere = others.experiment(&second, "two", "1s");
    let done = second.run(&elsewhere);
    assert!(done.finished()["leftover"].as_array().is_some_and(Vec::is_empty), "{done:?}");
    running.signal(rustix::process::Signal::TERM);
    running.done().expect(143);
    let done = second.run(&others.experiment(&second, "one", "1s"));
    assert!(done.finished()["leftover"].as_array().is_some_and(Vec::is_empty), "{done:?}");
}

#[test]
fn an_earlier_run_that_is_stuck_hinders_whom_it_can_touch_and_nobody_else() {
    if !required() {
        return;
    }
    let others = Others::new(&["one", "two"]);
    let program = Program::new();
    let hurt = others.experiment(&program, "one", "1m");
    let mut running = program.start(&hurt, &[]);
    running.wait_for(OFF, Duration::from_mins(2));
    assert!(running.kill(), "the run lived until it was killed");
    // Nobody can put it back on a network that is gone.
    docker(&["network", "rm", &others.network("one")]);

    let passes = |file: &Path| {
        let done = program.run(file);
        let finished = done.finished();
        assert!(finished["leftover"].as_array().is_some_and(Vec::is_empty), "{done:?}");
        assert!(![Some(14), Some(15)].contains(&done.code), "{done:?}");
        assert!(
            done.stderr.contains("passed over because it can't touch this target")
                && done.stderr.contains("no longer exists"),
            "{}",
            done.stderr
        );
    };
    passes(&program.write("processes.yaml", PROCESSES));
    passes(&others.experiment(&program, "two", "1s"));

    let refused = program.run(&hurt).expect(15).error();
    let text = refused["error"].as_str().expect("a text");
    assert!(text.contains("may touch this target") && text.contains("api#1"), "{text}");
    let hint = refused["hint"].as_str().expect("a hint");
    let stuck = hint.split('`').nth(1).expect("a command").to_owned();
    let words: Vec<&str> = stuck.split(' ').skip(1).collect();
    assert_eq!(words[0], "cleanup", "{hint}");

    docker(&["network", "create", &others.network("one")]);
    let healed = program.done(&words).expect(0);
    assert!(healed.stdout.contains("healed off-1"), "{}", healed.stdout);
    let done = program.run(&others.experiment(&program, "one", "1s"));
    assert!(!done.stderr.contains("passed over"), "{}", done.stderr);
    assert!(done.finished()["leftover"].as_array().is_some_and(Vec::is_empty), "{done:?}");
}

#[test]
fn what_a_dead_run_left_of_a_container_hinders_no_processes_without_an_engine() {
    if !required() {
        return;
    }
    let others = Others::new(&["one"]);
    let program = Program::new();
    let file = others.experiment(&program, "one", "1m");
    let mut running = program.start(&file, &[]);
    running.wait_for(OFF, Duration::from_mins(2));
    assert!(running.kill(), "the run lived until it was killed");
    let elsewhere = program.write("processes.yaml", PROCESSES);
    let reports = program.path("reports");
    let mut command = program.command(["run".as_ref(), elsewhere.as_os_str()]);
    command.args(["--json", "--out"]).arg(reports).env("DOCKER_HOST", "unix:///nowhere.sock");
    let done = program.spawn(command).done();
    assert!(done.finished()["leftover"].as_array().is_some_and(Vec::is_empty), "{done:?}");
    assert!(done.stderr.contains("no Docker engine"), "{}", done.stderr);
    let healed = program.done(["cleanup"]).expect(0);
    assert!(healed.stdout.contains("healed off-1"), "{}", healed.stdout);
}
