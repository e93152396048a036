//! What tests share: the executable under test, names of their own, and guards that leave nothing behind.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use longhaul::ids::RunId;
use longhaul::target::Engine;

/// The executable under test.
pub(crate) fn longhaul() -> &'static Path {
    longhaul::target::use_executable(env!("CARGO_BIN_EXE_longhaul"));
    Path::new(env!("CARGO_BIN_EXE_longhaul"))
}

/// Whether a test that needs Docker is to be skipped; says so. Without the variable such a test fails
/// where there is no Docker.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn without_docker(test: &str) -> bool {
    let skipped = std::env::var("LONGHAUL_TEST_NO_DOCKER").is_ok_and(|v| v == "1");
    if skipped {
        println!("{test}: skipped, LONGHAUL_TEST_NO_DOCKER=1");
    }
    skipped
}

/// A run id that no other test, and no other process, has.
pub(crate) fn run_id(test: &str) -> RunId {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let name = format!("{test}-{}", std::process::id());
    RunId::new(&name, longhaul::clock::wall(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs `docker`; its standard output, trimmed. Panics when it fails.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("a docker command");
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Everything of a run that is there: one line per container, network and volume.
pub(crate) fn labelled(run: &RunId) -> String {
    let label = format!("label=longhaul.run={run}");
    let lists = [
        vec!["ps", "-a", "--filter", &label, "--format", "container {{.Names}}"],
        vec!["network", "ls", "--filter", &label, "--format", "network {{.Name}}"],
        vec!["volume", "ls", "--filter", &label, "--format", "volume {{.Name}}"],
    ];
    let all: Vec<String> = lists.iter().map(|args| docker(args)).collect();
    all.join("\n").trim().to_owned()
}

/// Removes everything that carries a run's label when it is dropped, also when the test panics.
pub(crate) struct Swept(pub(crate) RunId);

#[expect(clippy::print_stderr, reason = "a test that leaves something behind says so")]
impl Drop for Swept {
    fn drop(&mut self) {
        let run = self.0.clone();
        let sweep = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                match Engine::connect().await {
                    Ok(engine) => engine.sweep(Some(&run), false).await.map(drop),
                    Err(error) => Err(error),
                }
            })
        });
        if let Ok(Err(error)) = sweep.join() {
            eprintln!("failed to {error}");
        }
    }
}

/// Runs a `docker` command line when it is dropped, whatever comes of it.
pub(crate) struct Afterwards(pub(crate) Vec<String>);

impl Drop for Afterwards {
    fn drop(&mut self) {
        drop(Command::new("docker").args(&self.0).output());
    }
}
