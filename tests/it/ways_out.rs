//! Ways out of a run that nobody plans: a defect in longhaul, a full disk. Each heals, takes down, and says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use longhaul::experiment;
use longhaul::fault::Transport;
use longhaul::load::{Generator, Job, LoadError, Running};
use longhaul::run::{self, Deps, Plan, Stopper, Watchers};
use longhaul::store::Store;

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
    crate::program::longhaul();
    let program = Program::new();
    let file = program.write("experiment.yaml", EXPERIMENT);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let finished = runtime.block_on(async {
        let experiment = experiment::load(&file).expect("a valid file");
        let (_stopper, stops) = Stopper::new();
        Box::pin(run::run(Deps {
            plan: Plan::resolve(experiment).await.expect("a plan"),
            experiment_sha256: String::new(),
            generator: Arc::new(Defective),
            store: Store::open(&program.data()).expect("a store"),
            reports: program.path("reports"),
            watchers: Watchers::default(),
            stops,
            against: None,
            keep_up: false,
            lease: Duration::from_secs(2),
            transport: Transport::Auto,
        }))
        .await
        .expect("a verdict")
    });
    assert_eq!(finished.verdict.exit_code, 1, "{:?}", finished.verdict);
    assert!(finished.verdict.headline.contains("planted defect"), "{}", finished.verdict.headline);
    assert!(finished.leftover.is_empty(), "{:?}", finished.leftover);
    assert!(!finished.report.is_empty());
    let dir = program.data().join("runs").join(finished.id.as_str());
    assert!(!longhaul::fault::alive(&dir), "the run's folder is let go");
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

#[test]
fn a_full_disk_in_a_fault_does_not_keep_it_from_healing() {
    let program = Program::new();
    let disk = SmallDisk::mount(&program.data());
    let text = EXPERIMENT.replace("for: 3s", "for: 6s");
    let file = program.write("experiment.yaml", &text);
    let mut running = program.start(&file, &[]);
    running
        .wait_for(r#""fault":"split-1","kind":"fault","stage":"active""#, Duration::from_mins(2));
    let filler = std::fs::File::create(program.data().join("filler")).expect("a file");
    let mut rest = &filler;
    while std::io::Write::write_all(&mut rest, &[0; 4096]).is_ok() {}
    drop(filler);
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
