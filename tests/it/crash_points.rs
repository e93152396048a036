//! SIGKILL at seeded random moments of an experiment with every kind of fault: after the lease and
//! `longhaul cleanup`, the target is as it was.
//!
//! Five moments by default; `LONGHAUL_CRASH_POINTS=30 ./test.sh crash_points` tries thirty.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use longhaul::clock::monotonic;
use longhaul::helper::by_pid;
use longhaul::seed::Seed;
use rand::RngExt as _;

use crate::engine::{docker, import_program, ours, required};
use crate::program::Program;

const LEASE: Duration = Duration::from_secs(2);

/// Three containers in two networks that longhaul did not make: it may hurt them, never remove them.
///
/// On `data` everybody has an address of its own choice, which only a network with a subnet of its own
/// choice allows: there addresses must come back too.
struct Neighbours {
    name: String,
}

impl Neighbours {
    fn new() -> Self {
        let name = format!("lh-crash-{}", std::process::id());
        let new = Self { name };
        import_program(&new.name);
        docker(&["network", "create", &new.full("edge")]);
        let subnet = new.subnetwork("data");
        let address = |host: u8| format!("{subnet}.{host}");
        new.container("store", "data", &["-e", "DATA_DIR=/", "--ip", &address(10)], "store");
        let store = format!("STORE_ADDR={}:7000", new.full("store"));
        for (api, host) in [("api1", 11), ("api2", 12)] {
            new.container(api, "edge", &["-e", &store, "--network-alias", "api"], "api");
            docker(&[
                "network",
                "connect",
                "--alias",
                "backend",
                "--ip",
                &address(host),
                &new.full("data"),
                &new.full(api),
            ]);
        }
        new
    }

    /// A network with the first free subnet of those set aside for measuring (RFC 2544): its first 24 bits.
    fn subnetwork(&self, name: &str) -> String {
        (0..=255)
            .map(|n| format!("198.19.{n}"))
            .find(|subnet| {
                let mut create = Command::new("docker");
                create.args(["network", "create", "--subnet", &format!("{subnet}.0/24")]);
                create.arg(self.full(name)).output().is_ok_and(|done| done.status.success())
            })
            .expect("a free subnet")
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

    /// What must be the same afterwards: state, networks, aliases (less the id that Docker adds), and the
    /// addresses that were chosen: the engine hands out others as it likes.
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
                        let chosen = &n["IPAMConfig"]["IPv4Address"];
                        let address = if chosen.is_null() { chosen } else { &n["IPAddress"] };
                        format!("{name} {aliases:?} {address}")
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
            for (table, sources) in self.rules_at(part, &runtime) {
                armed += sources;
                tables.push(format!("{part}: {table}"));
            }
        }
        (tables, armed)
    }

    /// A container's tables, with the number of addresses that each still drops.
    fn rules_at(&self, part: &str, runtime: &tokio::runtime::Runtime) -> Vec<(String, usize)> {
        let pid = || -> u32 {
            let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &self.full(part)]);
            pid.parse().expect("a pid")
        };
        let mut here = pid();
        while here != 0 {
            let found = runtime.block_on(async {
                let namespace = by_pid(here);
                let mut found = Vec::new();
                for table in namespace.tables().await? {
                    let armed = namespace.state(&table).await?.armed.len();
                    found.push((table, armed));
                }
                Ok::<_, longhaul::helper::HelperError>(found)
            });
            // The engine may be starting or stopping it at this moment: then there is another namespace.
            let now = pid();
            match found {
                Ok(found) if now == here => return found,
                Err(error) if now == here => panic!("the tables at {part}: {error}"),
                _ => here = now,
            }
        }
        Vec::new()
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

/// Waits until every cut has ended by itself.
fn wait_for_expiry(neighbours: &Neighbours, killed: Instant, context: &str) {
    loop {
        // Before the look: what a slow look sees at its beginning is not late.
        let waited = killed.elapsed();
        let (tables, armed) = neighbours.rules();
        if armed == 0 {
            return;
        }
        assert!(
            waited < LEASE + Duration::from_secs(2),
            "still cut {waited:?} after {context}: {tables:?}"
        );
    }
}

/// Cleans up, and holds the containers against what they were `before`. How many faults were healed.
fn clean(
    program: &Program,
    neighbours: &Neighbours,
    before: &BTreeMap<String, String>,
    context: &str,
) -> usize {
    let cleaned = program.done(["cleanup", "--json"]).expect(0);
    let context = format!("{context}; cleanup: {}", cleaned.stdout);
    assert_eq!(neighbours.state(), *before, "{context}");
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
    cleaned.stdout.matches("healed").count()
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
        std::thread::sleep(after);
        let lived = running.kill();
        let killed = monotonic();
        let context = format!("SIGKILL {after:?} into the profile (alive: {lived})");
        wait_for_expiry(&neighbours, killed, &context);
        let count = clean(&program, &neighbours, &before, &context);
        healed += count;
        eprintln!("{} of {moments}: {context}: {count} healed, clean", moment + 1);
    }
    assert!(healed > 0, "no moment met a fault in force: this shows nothing");

    // And one moment that is no matter of luck: the cut is in force, and outlives whoever made it.
    let mut running = program.start(&file, &["--lease", "2s"]);
    running
        .wait_for(r#""fault":"split-1","kind":"fault","stage":"active""#, Duration::from_mins(1));
    assert!(running.kill(), "the run lived until it was killed");
    let killed = monotonic();
    let (tables, armed) = neighbours.rules();
    assert!(armed > 0, "right after SIGKILL nothing was cut, this shows nothing: {tables:?}");
    let context = "SIGKILL while the partition was in force";
    wait_for_expiry(&neighbours, killed, context);
    let flowing = killed.elapsed();
    let count = clean(&program, &neighbours, &before, context);
    assert!(count > 0, "the cut was in the journal, and cleanup says what it did with it");
    eprintln!("{context}: {armed} addresses were cut, none {flowing:?} later");

    let runs = program.done(["runs", "--json"]).expect(0);
    let runs: serde_json::Value = serde_json::from_str(&runs.stdout).expect("a document");
    for run in runs.as_array().expect("runs") {
        assert_ne!(run["status"], "running", "{run}");
        assert_eq!(ours(run["id"].as_str().expect("an id")), Vec::<String>::new());
    }
}
