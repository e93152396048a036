//! The `longhaul` program as a test sees it: a data folder and a reports folder of its own, cleaned up
//! by the program itself when the test ends, also when it fails.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use longhaul::clock::monotonic;
use longhaul::ids::RunId;
use tempfile::TempDir;

/// Longer than anything that a test starts takes on a busy machine; shorter than the patience of the
/// test runner, which would not say what it waited for.
const END: Duration = Duration::from_mins(5);

/// The executable under test.
pub(crate) fn longhaul() -> &'static Path {
    longhaul::target::use_executable(env!("CARGO_BIN_EXE_longhaul"));
    Path::new(env!("CARGO_BIN_EXE_longhaul"))
}

/// A run id that no other test, and no other process, has.
pub(crate) fn run_id(test: &str) -> RunId {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let name = format!("{test}-{}", std::process::id());
    RunId::new(&name, longhaul::clock::wall(), NEXT.fetch_add(1, Relaxed))
}

/// Where to run it.
pub(crate) struct Program {
    dir: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file into the test's folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a writable folder");
        path
    }

    /// `longhaul ARGS` with this data folder.
    pub(crate) fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longhaul"));
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("LONGHAUL_DATA", relative(&self.data()))
            .env_remove("NO_COLOR")
            .env_remove("LONGHAUL_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end; answers exit code and what it wrote.
    pub(crate) fn done<I, S>(&self, args: I) -> Done
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        self.spawn(self.command(args)).done()
    }

    /// `longhaul run FILE` to its end, as JSON lines, reports in the test's folder.
    pub(crate) fn run(&self, file: &Path) -> Done {
        self.done([
            "run".as_ref(),
            file.as_os_str(),
            "--json".as_ref(),
            "--out".as_ref(),
            self.path("reports").as_os_str(),
        ])
    }

    /// Starts `longhaul run FILE` with what it says going to files of the test's folder.
    pub(crate) fn start(&self, file: &Path, more: &[&str]) -> Running {
        let mut command = self.command(["run".as_ref(), file.as_os_str()]);
        command.args(["--json", "--out"]).arg(self.path("reports")).args(more);
        self.spawn(command)
    }

    /// Starts a command with what it says going to files of the test's folder.
    pub(crate) fn spawn(&self, mut command: Command) -> Running {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Relaxed);
        let [stdout, stderr] =
            ["stdout", "stderr"].map(|name| self.path(&format!("{name}-{number}")));
        let to = |path: &Path| Stdio::from(std::fs::File::create(path).expect("a writable folder"));
        let child =
            command.stdout(to(&stdout)).stderr(to(&stderr)).spawn().expect("longhaul starts");
        Running { child, command: format!("{command:?}"), stdout, stderr, patience: END }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.data().join("runs").exists() {
            return;
        }
        let cleaned = self.command(["cleanup", "--json"]).output();
        if std::thread::panicking()
            && let Ok(cleaned) = cleaned
        {
            eprintln!("cleanup: {}", String::from_utf8_lossy(&cleaned.stdout));
        }
    }
}

/// An absolute path as seen from the folder the program is started in: as a person would write it.
fn relative(path: &Path) -> PathBuf {
    let up = Path::new(env!("CARGO_MANIFEST_DIR")).components().count() - 1;
    let down = path.strip_prefix("/").expect("an absolute path");
    (0..up).map(|_| "..").collect::<PathBuf>().join(down)
}

/// What a finished program left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// The JSON lines on stdout.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
    }

    /// What is on stdout, as one document.
    pub(crate) fn document(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }

    /// The last line: the end of the run. `verdict` in it is that of the summary, with what it was made of.
    pub(crate) fn finished(&self) -> serde_json::Value {
        let mut line = self
            .lines()
            .into_iter()
            .rfind(|l| l["type"] == "finished")
            .unwrap_or_else(|| panic!("the run did not finish: {self:#?}"));
        let mut verdict = line["summary"]["verdict"].clone();
        for part in ["limits", "faults", "totals", "ledger", "availability"] {
            verdict[part] = line["summary"][part].clone();
        }
        line["verdict"] = verdict;
        line
    }

    /// The document on stdout that says what went wrong, checked for its form.
    pub(crate) fn error(&self) -> serde_json::Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        let error: serde_json::Value =
            serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        assert_eq!(error["type"], "error", "{self:#?}");
        assert_eq!(error["exit_code"].as_i64(), self.code.map(i64::from), "{self:#?}");
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{self:#?}");
        error
    }

    /// Fails with everything that was written unless the exit code is `code`.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// A program under way. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    command: String,
    stdout: PathBuf,
    stderr: PathBuf,
    /// How long its end is waited for.
    patience: Duration,
}

impl Running {
    /// Waits until a line of stdout contains `text`; fails after `within`.
    pub(crate) fn wait_for(&mut self, text: &str, within: Duration) {
        let stdout = self.stdout.clone();
        self.wait_in(&stdout, text, within);
    }

    /// The same for stderr.
    pub(crate) fn wait_for_complaint(&mut self, text: &str, within: Duration) {
        let stderr = self.stderr.clone();
        self.wait_in(&stderr, text, within);
    }

    fn wait_in(&mut self, file: &Path, text: &str, within: Duration) {
        let deadline = monotonic() + within;
        loop {
            let seen = std::fs::read_to_string(file).unwrap_or_default();
            if seen.contains(text) {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("ended ({status}) before {text:?}: {seen}\n{}", self.said());
            }
            assert!(
                monotonic() < deadline,
                "no {text:?} within {within:?}: {seen}\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the child lives");
    }

    /// SIGKILL, and wait until it is gone. False when it had ended before.
    pub(crate) fn kill(&mut self) -> bool {
        let lived = self.child.try_wait().expect("a child").is_none();
        drop(self.child.kill());
        self.child.wait().expect("a child");
        lived
    }

    /// Waits for its end; fails with everything it said when that does not come.
    pub(crate) fn done(mut self) -> Done {
        let deadline = monotonic() + self.patience;
        let read = |path: &Path| {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
        };
        loop {
            let status = self.child.try_wait().expect("a child");
            let late = monotonic() > deadline;
            if status.is_some() || late {
                let (stdout, stderr) = (read(&self.stdout), read(&self.stderr));
                let Some(status) = status else {
                    let (command, patience) = (&self.command, self.patience);
                    panic!("waited {patience:?} for the end of {command}\n{stdout}\n{stderr}");
                };
                return Done { code: status.code(), stdout, stderr };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
#[should_panic(expected = "for the end of \"sh\" \"-c\" \"echo up; exec sleep 60\"\nup")]
fn a_program_that_does_not_end_is_named_with_what_it_said() {
    let program = Program::new();
    let mut command = Command::new("sh");
    command.args(["-c", "echo up; exec sleep 60"]);
    let mut running = program.spawn(command);
    running.wait_for("up", END);
    running.patience = Duration::from_millis(1);
    running.done();
}
