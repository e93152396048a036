//! Ways out of a run that nobody plans: a defect in longhaul, a full disk. Each heals, takes down, and says so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhaul::experiment;
use longhaul::fault::{self, Transport};
use longhaul::load::{Generator, Job, LoadError, Running};
use longhaul::record::{EventKind, FaultStage, LoadSlice, TargetAction};
use longhaul::run::{self, Deps, Finished, Plan, Stopper, Update, Watchers};
use longhaul::store::Store;
use tokio::sync::mpsc;

use crate::process_job::EXPERIMENT;
use crate::program::Program;

/// A generator with a defect.
struct Defective;

impl Generator for Defective {
    fn start(&self, _: Job) -> Result<Running, LoadError> {
        panic!("a planted defect");
    }
}

#[test]
fn a_panic_takes_the_target_down_and_is_reported() {
    let program = Program::new();
    let file = program.write("experiment.yaml", EXPERIMENT);
    let finished =
        runtime().block_on(run_with(&program, &file, Arc::new(Defective), Watchers::default()));
    assert_eq!(finished.verdict.exit_code, 1, "{:?}", finished.verdict);
    assert!(finished.verdict.headline.contains("planted defect"), "{}", finished.verdict.headline);
    assert!(finished.leftover.is_empty(), "{:?}", finished.leftover);
    assert!(!finished.report.is_empty());
    let dir = program.data().join("runs").join(finished.id.as_str());
    assert!(!longhaul::fault::alive(&dir), "the run's folder is let go");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// A run in this process, with a generator of the test's.
async fn run_with(
    program: &Program,
    file: &Path,
    generator: Arc<dyn Generator>,
    watchers: Watchers,
) -> Finished {
    crate::program::longhaul();
    let experiment = experiment::load(file).expect("a valid file");
    let (_stopper, stops) = Stopper::new();
    Box::pin(run::run(Deps {
        plan: Plan::resolve(experiment).await.expect("a plan"),
        secrets: Arc::default(),
        experiment_sha256: String::new(),
        generator,
        store: Store::open(&program.data()).expect("a store"),
        reports: program.path("reports"),
        watchers,
        stops,
        against: None,
        sweep: None,
        keep_up: false,
        lease: Duration::from_secs(2),
        transport: Transport::Auto,
    }))
    .await
    .expect("a verdict")
}

/// One process is down and due to be started in a minute, another frozen, a link cut: all for longer than the run has.
const HURT: &str = r#"
version: 1
name: hurt
overlap: allow
target:
  process:
    services:
      store: { command: ["{{self}}", demo-target, store], env: { DATA_DIR: "{{dir}}" } }
      api: { command: ["{{self}}", demo-target, api], links: { STORE_ADDR: store } }
      other: { command: ["{{self}}", demo-target, api], env: { STORE_ADDR: "127.0.0.1:9" } }
      third: { command: ["{{self}}", demo-target, api], env: { STORE_ADDR: "127.0.0.1:9" } }
  ready: { tcp: ["api.target:8080", "store.target:7000", "other.target:8080", "third.target:8080"], within: 60s }
load:
  profile: [ { hold: { rate: 5/s, for: 2m } } ]
  timeout: 1s
  scenarios: { s: { steps: [ { http: { get: "http://api.target:8080/health" } } ] } }
faults:
  - { name: kill, inject: { kill: { service: other, pick: one, restart_after: 1m } }, schedule: { at: 100ms } }
  - { name: freeze, inject: { pause: { service: third, pick: one } }, schedule: { at: 200ms }, for: 1m }
  - { name: split, inject: { partition: { between: api, and: store } }, schedule: { at: 300ms }, for: 1m }
limits: [ { error_rate: { max: 100% } } ]
"#;

/// A generator that sends nothing; where the run's loop asks what became of the load, it meets a defect.
#[derive(Default)]
struct Waiting(Mutex<Option<mpsc::Sender<LoadSlice>>>);

impl Waiting {
    /// The load is over, and the loop asks.
    fn break_off(&self) {
        drop(self.0.lock().expect("nobody panics holding it").take());
    }
}

impl Generator for Waiting {
    fn start(&self, _: Job) -> Result<Running, LoadError> {
        let (sender, slices) = mpsc::channel(1);
        *self.0.lock().expect("nobody panics holding it") = Some(sender);
        let done = Box::pin(async { panic!("a planted defect") });
        Ok(Running { slices, events: None, retried: Arc::new(AtomicU64::new(0)), done })
    }
}

#[test]
fn a_panic_of_the_loop_in_three_faults_heals_them_and_is_reported() {
    let program = Program::new();
    let file = program.write("experiment.yaml", HURT);
    let generator = Arc::new(Waiting::default());
    let watchers = Watchers::default();
    let mut updates = watchers.subscribe();
    let finished = runtime().block_on(async {
        let in_force = async {
            let mut seen = BTreeSet::new();
            while seen.len() < 3 {
                let update = updates.recv().await.expect("the run goes on");
                let Update::Event(event) = update else { continue };
                let EventKind::Fault { fault, stage } = event.kind else { continue };
                match stage {
                    FaultStage::Active { .. } | FaultStage::Unverified { .. } => {
                        seen.insert(fault);
                    }
                    FaultStage::Healed { .. } => panic!("healed too early"),
                    _ => {}
                }
            }
            generator.break_off();
        };
        let run = run_with(&program, &file, Arc::clone(&generator) as _, watchers.clone());
        tokio::join!(run, in_force).0
    });
    assert_eq!(finished.verdict.exit_code, 1, "{:?}", finished.verdict);
    assert!(finished.verdict.headline.contains("planted defect"), "{}", finished.verdict.headline);
    assert_eq!(finished.leftover, Vec::<String>::new());
    assert!(!finished.report.is_empty());

    let store = Store::open(&program.data()).expect("a store");
    let data = store.load(&finished.id).expect("its records");
    let healed = |e: &&longhaul::record::Event| {
        matches!(&e.kind, EventKind::Fault { stage: FaultStage::Healed { .. }, .. })
    };
    assert_eq!(data.events.iter().filter(healed).count(), 3, "{:#?}", data.events);
    let acts = |wanted: TargetAction, service: &str| {
        data.events.iter().any(|e| {
            matches!(&e.kind, EventKind::Target { victim, action, .. }
                if victim.service == service && *action == wanted)
        })
    };
    assert!(acts(TargetAction::Unpause, "third"), "{:#?}", data.events);
    let starts = data
        .events
        .iter()
        .filter(|e| {
            matches!(&e.kind, EventKind::Target { victim, action: TargetAction::Start, .. }
                if victim.service == "other")
        })
        .count();
    assert_eq!(starts, 2, "the killed one was started again: {:#?}", data.events);
    assert_eq!(data.run.verdict.as_ref().map(|v| v.exit_code), Some(1));
    let dir = store.run_dir(&finished.id);
    assert!(!fault::alive(&dir), "the run's folder is let go");
    // Of this run alone: images belong to whoever else is at work on this engine.
    let cleaned = program.done(["cleanup", finished.id.as_str(), "--json"]).expect(0).document();
    assert_eq!(cleaned["lines"], serde_json::json!([]), "nothing was left to be done");
}

/// A file system of four megabytes, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        std::fs::create_dir_all(at).expect("a writable folder");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(at).output();
        assert!(done.is_ok_and(|d| d.status.success()), "mounting a tmpfs needs root");
        Self(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

/// Leaves no byte free where the records are.
fn fill(program: &Program) {
    let filler = std::fs::File::create(program.data().join("filler")).expect("a file");
    let mut rest = &filler;
    for block in [&[0; 4096][..], &[0; 1]] {
        while std::io::Write::write_all(&mut rest, block).is_ok() {}
    }
}

#[test]
fn a_full_disk_in_a_fault_does_not_keep_it_from_healing() {
    let program = Program::new();
    let disk = SmallDisk::mount(&program.data());
    let text = EXPERIMENT.replace("for: 3s", "for: 6s");
    let file = program.write("experiment.yaml", &text);
    let mut running = program.start(&file, &[]);
    running
        .wait_for(r#""fault":"split-1","kind":"fault","stage":"active""#, Duration::from_mins(2));
    fill(&program);
    let done = running.done();
    assert!(
        done.stdout.contains(r#""fault":"split-1","kind":"fault","stage":"healed""#),
        "{}\n{}",
        done.stdout,
        done.stderr
    );
    assert_ne!(done.code, Some(0), "records were lost: that is no pass");
    assert_ne!(done.code, Some(14), "{}", done.stderr);
    std::fs::remove_file(program.data().join("filler")).expect("the file is there");
    let cleaned = program.done(["cleanup", "--json"]).expect(0);
    assert!(cleaned.stdout.contains(r#""stuck": []"#), "{}", cleaned.stdout);
    drop(disk);
}

#[test]
fn a_full_disk_keeps_no_killed_process_down_and_is_the_environments() {
    let program = Program::new();
    let disk = SmallDisk::mount(&program.data());
    let text = EXPERIMENT.replace("restart_after: 2s", "restart_after: 4s");
    let file = program.write("experiment.yaml", &text);
    let mut running = program.start(&file, &[]);
    let killed = r#""fault":"kill-api-1","kind":"fault","stage":"active""#;
    running.wait_for(killed, Duration::from_mins(2));
    fill(&program);
    let done = running.done().expect(11);
    let events: Vec<_> = done.lines().into_iter().filter_map(|l| l.get("event").cloned()).collect();
    let healed = events
        .iter()
        .find(|e| e["fault"] == "kill-api-1" && e["stage"] == "healed")
        .unwrap_or_else(|| panic!("it was not started again: {done:?}"));
    assert!(healed["evidence"].as_str().is_some_and(|e| e.contains("is running")), "{healed}");
    let finished = done.finished();
    let verdict = &finished["verdict"];
    assert_eq!(verdict["side"], "environment", "{verdict:#}");
    let headline = verdict["headline"].as_str().expect("a headline");
    assert!(headline.contains("records were lost") && headline.contains("full"), "{headline}");
    let faults = verdict["faults"].as_array().expect("faults");
    let kill = faults.iter().find(|f| f["id"] == "kill-api-1").expect("the kill");
    assert!(kill["healed_at_seconds"].is_number(), "{kill:#}");
    assert_eq!(finished["leftover"], serde_json::json!([]));
    assert!(finished["report"].as_array().is_some_and(|files| !files.is_empty()));
    std::fs::remove_file(program.data().join("filler")).expect("the file is there");
    let cleaned = program.done(["cleanup", "--json"]).expect(0).document();
    assert_eq!(cleaned["stuck"], serde_json::json!([]));
    assert_ne!(program.done(["runs", "--json"]).expect(0).document()[0]["status"], "running");
    drop(disk);
}
