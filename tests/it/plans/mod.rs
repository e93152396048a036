//! The experiments under `experiments/plans`: each is run in seconds and judged, and each is seen red on a target that
//! is at fault.

mod cases;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::program::Program;
use cases::{A, B, C, D, E};

/// Texts of a file, and what is written instead of them.
type Rewrites = &'static [(&'static str, &'static str)];

/// One of the files, and what is done to it.
struct Plan {
    /// Below `experiments/plans`.
    file: &'static str,
    /// What makes it short.
    short: Rewrites,
    /// Limits that seconds do not carry: they may stay unknown, or be breached by a target that is well.
    needs_hours: &'static [&'static str],
    /// What is planted, each in a run of its own, and the limits that it must breach.
    faults: &'static [(Rewrites, &'static [&'static str])],
    /// Kinds of limits that no switch of the demo system breaches in seconds, each with the test of the verdict that does.
    elsewhere: &'static [(&'static str, &'static str)],
}

/// A limit, judged.
struct Judged {
    name: String,
    tier: String,
    measured: String,
    note: String,
}

impl Plan {
    fn path(&self) -> PathBuf {
        folder().join(self.file)
    }

    /// The limits of a run of the file with all that is rewritten; of a sweep those of all its runs, and its own.
    fn run(&self, rewrites: &[Rewrites]) -> Vec<Judged> {
        let path = self.path();
        let mut text = std::fs::read_to_string(&path).expect("a readable plan");
        for (from, to) in rewrites.iter().copied().flatten() {
            assert!(text.contains(from), "{} has no {from:?} any more", self.file);
            text = text.replace(from, to);
        }
        let program = Program::new();
        // What it reads: in its place, or beside it as in the repository.
        let users = folder().with_file_name("users.csv").display().to_string();
        let text = text.replace("../../users.csv", &users);
        let certificates = path.with_file_name("certificates");
        if certificates.exists() {
            let beside = program.path("certificates");
            std::os::unix::fs::symlink(certificates, beside).expect("a writable folder");
        }
        let done = program.run(&program.write("plan.yaml", &text));
        assert!(matches!(done.code, Some(0 | 10 | 11)), "{}: {done:#?}", self.file);
        assert!(done.finished()["run"].is_string());
        let ended =
            done.lines().into_iter().filter(|l| l["type"] == "finished" || l["type"] == "swept");
        let limits: Vec<Value> = ended
            .flat_map(|line| line["summary"]["limits"].as_array().cloned().expect("limits"))
            .collect();
        let text = |limit: &Value, key: &str| limit[key].as_str().unwrap_or_default().to_owned();
        let judged = |limit: &Value| Judged {
            name: text(limit, "name"),
            tier: text(limit, "tier"),
            measured: text(limit, "measured"),
            note: text(limit, "note"),
        };
        limits.iter().map(judged).collect()
    }

    /// What is wrong with how a well target was judged. How fast it is, is the machine's affair.
    fn wrong_when_well(&self) -> Vec<String> {
        const MACHINE: [&str; 7] =
            ["achieved_rate", "throughput", "latency", "cpu", "apdex", "recovery", "drift"];
        let judged = self.run(&[self.short]);
        let excused =
            |limit: &&Judged| !self.needs_hours.iter().any(|name| limit.name.starts_with(name));
        let unexpected = |limit: &&Judged| match limit.tier.as_str() {
            "pass" | "warn" => false,
            "fail" => !MACHINE.iter().any(|kind| limit.name.starts_with(kind)),
            _ => true,
        };
        let told = |l: &Judged| {
            format!("{}, well: {} {} {} {}", self.file, l.name, l.tier, l.measured, l.note)
        };
        let mut wrong: Vec<String> =
            judged.iter().filter(excused).filter(unexpected).map(told).collect();
        // Whatever kind of limit the file has is seen to be breached by one of the faults.
        let kind = |name: &str| name.split([' ', ',']).next().unwrap_or_default().to_owned();
        let planted = self.faults.iter().flat_map(|(_, red)| *red);
        let red = planted.chain(self.elsewhere.iter().map(|(name, _)| name));
        let red: BTreeSet<String> = red.map(|name| kind(name)).collect();
        for limit in judged.iter().filter(|l| !red.contains(&kind(&l.name))) {
            wrong.push(format!("{}: no fault of this test breaches {}", self.file, limit.name));
        }
        wrong
    }

    /// The limits that a fault did not breach.
    fn wrong_when_ill(&self, (plant, red): (Rewrites, &[&str])) -> Vec<String> {
        let judged = self.run(&[self.short, plant]);
        let breached = |name: &str| judged.iter().any(|l| l.name == name && l.tier == "fail");
        let told = |name: &&str| {
            let all: Vec<String> =
                judged.iter().map(|l| format!("{} {} {}", l.name, l.tier, l.measured)).collect();
            format!("{}: {plant:?} does not breach {name}: {all:#?}", self.file)
        };
        red.iter().filter(|name| !breached(name)).map(told).collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/plans")
}

/// Runs at once: most of a run is waiting.
const BESIDE: usize = 3;

/// Runs files of one plan, as they are and with their faults.
fn judge(plan: &[Plan]) {
    let well = plan.iter().map(|plan| (plan, None));
    let ill = plan.iter().flat_map(|plan| plan.faults.iter().map(move |f| (plan, Some(*f))));
    let runs = Mutex::new(well.chain(ill).collect::<Vec<_>>());
    let next = || runs.lock().expect("nobody panics with it").pop();
    let work = || {
        let run = |(plan, fault): (&Plan, Option<_>)| match fault {
            None => plan.wrong_when_well(),
            Some(fault) => plan.wrong_when_ill(fault),
        };
        std::iter::from_fn(next).flat_map(run).collect::<Vec<String>>()
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..BESIDE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("runs that end")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_tried() {
    let mut there = BTreeSet::new();
    for plan in std::fs::read_dir(folder()).expect("a folder") {
        for file in std::fs::read_dir(plan.expect("an entry").path()).into_iter().flatten() {
            let path = file.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "yaml") {
                there.insert(path);
            }
        }
    }
    let tried: BTreeSet<PathBuf> =
        [A, B, C, D, E].iter().copied().flatten().map(Plan::path).collect();
    assert_eq!(there, tried);
}

#[test]
fn what_no_plan_breaches_a_test_of_the_verdict_does() {
    let verdict = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verdict");
    let sources = crate::architecture::sources().into_iter().map(|(_, path)| path);
    let text: String = sources
        .filter(|path| path.starts_with(&verdict))
        .map(|path| std::fs::read_to_string(path).expect("a readable file"))
        .collect();
    for plan in [A, B, C, D, E].iter().copied().flatten() {
        for (kind, test) in plan.elsewhere {
            assert!(text.contains(&format!("fn {test}()")), "{}: {kind}", plan.file);
        }
    }
}

#[test]
fn a_blockchain_platforms_api() {
    judge(A);
}

#[test]
fn b_long_running_node() {
    judge(B);
}

#[test]
fn c_peer_to_peer_coordinator() {
    judge(C);
}

#[test]
fn d_gateway_on_small_hardware() {
    judge(D);
}

#[test]
fn e_commerce_platform() {
    judge(E);
}

#[test]
fn the_page_about_a_first_scenario_shows_its_file() {
    let read = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(path).expect("a readable file")
    };
    let (page, file) = (read("docs/scenario.md"), read("experiments/scenario.yaml"));
    let (_, file) = file.split_once('\n').expect("a first line that says where it is explained");
    assert!(page.contains(&format!("```yaml\n{file}```")), "the page shows another: {file}");
}
