//! SIGKILL at seeded random moments of an experiment with every kind of fault: after the lease and
//! `longhaul cleanup`, the target is as it was.
//!
//! Five moments by default; `LONGHAUL_CRASH_POINTS=30 ./test.sh crash_points` tries thirty.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use longhaul::clock::monotonic;
use longhaul::helper::by_pid;
use longhaul::seed::Seed;
use rand::RngExt as _;

use crate::engine::{docker, ours, required};
use crate::program::Program;

const LEASE: Duration = Duration::from_secs(2);

/// Three containers in two networks that longhaul did not make: it may hurt them, never remove them.
struct Neighbours {
    name: String,
}

impl Neighbours {
    fn new() -> Self {
        let name = format!("lh-crash-{}", std::process::id());
        let new = Self { name };
        let program = env!("CARGO_BIN_EXE_longhaul");
        let import = format!(
            "cp {program} $T/longhaul && tar -C $T -c longhaul | docker import --change 'ENTRYPOINT [\"/longhaul\"]' - {}",
            new.name
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let done = Command::new("sh").arg("-ec").arg(import).env("T", folder.path()).output();
        assert!(done.is_ok_and(|d| d.status.success()), "the image was not made");
        for network in ["edge", "data"] {
            docker(&["network", "create", &new.full(network)]);
        }
        new.container("store", "data", &["-e", "DATA_DIR=/"], "store");
        let store = format!("STORE_ADDR={}:7000", new.full("store"));
        for api in ["api1", "api2"] {
            new.container(api, "edge", &["-e", &store, "--network-alias", "api"], "api");
            docker(&[
                "network",
                "connect",
                "--alias",
                "backend",
                &new.full("data"),
                &new.full(api),
            ]);
        }
        new
    }

    fn full(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    fn container(&self, name: &str, network: &str, more: &[&str], role: &str) {
        let (name, network) = (self.full(name), self.full(network));
        let mut args = vec!["run", "-d", "--name", &name, "--network", &network];
        args.extend(more);
        args.extend([self.name.as_str(), "demo-target", role]);
        docker(&args);
    }

    /// What must be the same afterwards: state, networks, addresses, aliases (less the id that Docker adds).
    fn state(&self) -> BTreeMap<String, String> {
        ["store", "api1", "api2"]
            .into_iter()
            .map(|part| {
                let text = docker(&["inspect", &self.full(part)]);
                let value: serde_json::Value =
                    serde_json::from_str(&text).expect("inspect is JSON");
                let state = &value[0]["State"];
                let id = value[0]["Id"].as_str().unwrap_or_default()[..12].to_owned();
                let networks: Vec<String> = value[0]["NetworkSettings"]["Networks"]
                    .as_object()
                    .expect("networks")
                    .iter()
                    .map(|(name, n)| {
                        let mut aliases: Vec<&str> = n["Aliases"]
                            .as_array()
                            .map(|a| {
                                a.iter().filter_map(|v| v.as_str()).filter(|a| *a != id).collect()
                            })
                            .unwrap_or_default();
                        aliases.sort_unstable();
                        format!("{name} {aliases:?}")
                    })
                    .collect();
                (
                    part.to_owned(),
                    format!("{} paused={} {networks:?}", state["Status"], state["Paused"]),
                )
            })
            .collect()
    }

    /// Tables of ours in any container's network namespace, and addresses still cut.
    fn rules(&self) -> (Vec<String>, usize) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (mut tables, mut armed) = (Vec::new(), 0);
        for part in ["store", "api1", "api2"] {
            let pid: u32 = docker(&["inspect", "-f", "{{.State.Pid}}", &self.full(part)])
                .parse()
                .expect("a pid");
            if pid == 0 {
                continue;
            }
            let namespace = by_pid(pid);
            for table in runtime.block_on(namespace.tables()).expect("the tables") {
                armed += runtime.block_on(namespace.state(&table)).expect("its state").armed.len();
                tables.push(format!("{part}: {table}"));
            }
        }
        (tables, armed)
    }

    fn experiment(&self) -> String {
        let [store, api1, api2] = ["store", "api1", "api2"].map(|part| self.full(part));
        format!(
            r#"
version: 1
name: crash-points
seed: 5
target:
  external: {{ containers: {{ store: [{store}], api: [{api1}, {api2}] }} }}
  ready: {{ http: "http://api.target:8080/health", within: 30s }}
load:
  warmup: 0s
  profile: [ {{ hold: {{ rate: 20/s, for: 14s }} }} ]
  cooldown: 0s
  timeout: 1s
  scenarios: {{ s: {{ steps: [ {{ http: {{ get: "http://api.target:8080/orders/count" }} }} ] }} }}
faults:
  - {{ name: kill, inject: {{ kill: {{ service: api, pick: one, restart_after: 1s }} }}, schedule: {{ at: [1s] }} }}
  - {{ name: stop, inject: {{ stop: {{ service: store, pick: one, grace: 1s }} }}, schedule: {{ at: [3s] }}, for: 1s }}
  - {{ name: restart, inject: {{ restart: {{ service: api, pick: all, grace: 1s }} }}, schedule: {{ at: [5s] }} }}
  - {{ name: pause, inject: {{ pause: {{ service: store, pick: one }} }}, schedule: {{ at: [6500ms] }}, for: 1500ms }}
  - {{ name: detach, inject: {{ detach: {{ service: api, pick: one }} }}, schedule: {{ at: [8500ms] }}, for: 1500ms }}
  - {{ name: split, inject: {{ partition: {{ between: [api], and: [store] }} }}, schedule: {{ at: [10500ms] }}, for: 3s }}
limits: [ {{ error_rate: {{ max: 100% }} }} ]
sampling: {{ interval: 1s }}
"#
        )
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        let quiet = |args: &[&str]| drop(Command::new("docker").args(args).output());
        for part in ["api1", "api2", "store"] {
            quiet(&["rm", "-fv", &self.full(part)]);
        }
        for network in ["edge", "data"] {
            quiet(&["network", "rm", &self.full(network)]);
        }
        quiet(&["rmi", &self.name]);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_nothing_that_cleanup_cannot_undo() {
    if !required() {
        return;
    }
    let moments: u32 =
        std::env::var("LONGHAUL_CRASH_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let neighbours = Neighbours::new();
    let before = neighbours.state();
    let program = Program::new();
    let file = program.write("experiment.yaml", &neighbours.experiment());
    let seed = std::env::var("LONGHAUL_CRASH_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut rng = Seed(seed).split("crash points").rng();
    let mut healed = 0;
    for moment in 0..moments {
        // Stratified over the experiment, so that few moments still meet different faults.
        let width = 14_500 / u64::from(moments);
        let after =
            Duration::from_millis(u64::from(moment) * width + rng.random_range(0..width.max(1)));
        let mut running = program.start(&file, &["--lease", "2s"]);
        running.wait_for(r#""phase":"holding""#, Duration::from_mins(1));
        let at = monotonic() + after;
        std::thread::sleep(at.saturating_duration_since(monotonic()));
        let lived = running.kill();
        let killed = monotonic();
        loop {
            let (_, armed) = neighbours.rules();
            if armed == 0 {
                break;
            }
            let waited = killed.elapsed();
            assert!(
                waited < LEASE + Duration::from_secs(2),
                "still cut {waited:?} after SIGKILL at {after:?}"
            );
        }
        let cleaned = program.done(["cleanup", "--json"]).expect(0);
        healed += cleaned.stdout.matches("healed").count();
        let context = format!(
            "SIGKILL {after:?} into the profile (alive: {lived}); cleanup: {}",
            cleaned.stdout
        );
        assert_eq!(neighbours.state(), before, "{context}");
        assert_eq!(neighbours.rules(), (vec![], 0), "{context}");
        let again = program.done(["cleanup", "--json"]).expect(0);
        let again: serde_json::Value = serde_json::from_str(&again.stdout).expect("a document");
        let found: Vec<&str> = again["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|line| line.as_str())
            // Somebody else on this engine may be using the same image.
            .filter(|line| !line.starts_with("kept image"))
            .collect();
        assert!(found.is_empty(), "a second cleanup found {found:?}; {context}");
    }
    assert!(healed > 0, "no moment met a fault in force: this shows nothing");
    let runs = program.done(["runs", "--json"]).expect(0);
    let runs: serde_json::Value = serde_json::from_str(&runs.stdout).expect("a document");
    for run in runs.as_array().expect("runs") {
        assert_ne!(run["status"], "running", "{run}");
        assert_eq!(ours(run["id"].as_str().expect("an id")), Vec::<String>::new());
    }
}
