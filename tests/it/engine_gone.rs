//! The engine is killed in mid-fault and comes back 20 s later: the run goes on, heals, and has the gap on record.
//!
//! The engine is one of the test's own, in a network namespace of its own: the machine's is left alone.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use longhaul::clock::monotonic;
use tempfile::TempDir;

use crate::engine::required;
use crate::program::Program;

struct OwnEngine {
    dir: TempDir,
    netns: String,
    daemon: Option<Child>,
}

impl OwnEngine {
    fn start() -> Self {
        let dir =
            tempfile::Builder::new().prefix("lh-engine").tempdir().expect("a temporary folder");
        let netns = format!("lh-engine-{}", std::process::id());
        tool("ip", &["netns", "add", &netns]);
        tool("ip", &["-n", &netns, "link", "set", "lo", "up"]);
        std::fs::write(dir.path().join("daemon.json"), "{}").expect("a writable folder");
        let mut engine = Self { dir, netns, daemon: None };
        engine.spawn();
        engine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn host(&self) -> String {
        format!("unix://{}", self.path("sock").display())
    }

    /// Starts the daemon, and waits until it answers.
    fn spawn(&mut self) {
        let text = |name: &str| self.path(name).display().to_string();
        let log = std::fs::File::create(self.path("log")).expect("a writable folder");
        // The machine's own driver: not every one works on every file system.
        let driver = crate::engine::docker(&["info", "-f", "{{.Driver}}"]);
        let child = Command::new("nsenter")
            .arg(format!("--net=/run/netns/{}", self.netns))
            .args(["dockerd", "--live-restore", "--config-file", &text("daemon.json")])
            .args(["-H", &self.host(), "--data-root", &text("data"), "--exec-root", &text("exec")])
            .args([
                "-p",
                &text("pid"),
                "--storage-driver",
                &driver,
                "--cgroup-parent",
                "/lh-engine",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd starts");
        self.daemon = Some(child);
        let deadline = monotonic() + Duration::from_mins(1);
        let answers = || {
            let done = Command::new("docker").args(["-H", &self.host(), "version"]).output();
            done.is_ok_and(|d| d.status.success())
        };
        while !answers() {
            let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(monotonic() < deadline, "the engine does not answer: {log}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// SIGKILL; its containers live on.
    fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            drop(daemon.kill());
            drop(daemon.wait());
        }
        drop(std::fs::remove_file(self.path("pid")));
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let pid = rustix::process::Pid::from_child(&daemon);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
            drop(daemon.wait());
        }
        // With live restore containers and their supervisor outlive the daemon; end what lives in this folder.
        end_processes_of(self.dir.path());
        drop(Command::new("ip").args(["netns", "del", &self.netns]).output());
    }
}

/// Ends the processes whose command line names `dir`: the supervisors of this engine's containers.
fn end_processes_of(dir: &Path) {
    let needle = dir.display().to_string();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if pid != std::process::id().cast_signed()
            && String::from_utf8_lossy(&line).contains(&needle)
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
}

fn tool(name: &str, args: &[&str]) {
    let done = Command::new(name).args(args).output().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(done.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_run_survives_its_engine_for_twenty_seconds_and_heals() {
    if !required() {
        return;
    }
    let mut engine = OwnEngine::start();
    let program = Program::new();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("../fixtures/short.yaml")
        .replace("PROJECT", "lh-engine-gone")
        .replace("../../compose", &root.join("compose").display().to_string())
        .replace("for: 24s", "for: 40s")
        .replace("for: 3s", "for: 6s");
    let file = program.write("experiment.yaml", &text);
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/run/netns/{}", engine.netns))
        .arg(env!("CARGO_BIN_EXE_longhaul"))
        .args(["run".as_ref(), file.as_os_str(), "--json".as_ref(), "--out".as_ref()])
        .arg(program.path("reports"))
        .env("LONGHAUL_DATA", program.data())
        .env("DOCKER_HOST", engine.host());
    let mut running = program.spawn(command);
    running
        .wait_for(r#""fault":"split-1","kind":"fault","stage":"active""#, Duration::from_mins(2));
    engine.kill();
    std::thread::sleep(Duration::from_secs(20));
    engine.spawn();
    let done = running.done();
    let finished = done.finished();
    assert!(
        done.stdout.contains(r#""fault":"split-1","kind":"fault","stage":"healed""#),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains(r#""kind":"gap""#), "the gap is on record: {}", done.stdout);
    assert_ne!(finished["verdict"]["exit_code"], 14, "{finished:#}");
    assert_eq!(finished["leftover"], serde_json::json!([]), "{finished:#}");
    let left = Command::new("docker")
        .args(["-H", &engine.host(), "ps", "-aq"])
        .output()
        .expect("docker starts");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "no container is left");
}
