//! The Docker engine as the tests ask it, through its own command line, and guards that leave nothing on it.

use std::process::Command;

use longhaul::ids::RunId;
use longhaul::target::Engine;

/// Whether tests with Docker run. Without an engine they fail, unless `LONGHAUL_TEST_NO_DOCKER=1` says
/// aloud that they are to be left out.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn required() -> bool {
    if std::env::var("LONGHAUL_TEST_NO_DOCKER").is_ok_and(|v| v == "1") {
        let test = std::thread::current().name().unwrap_or("a test with Docker").to_owned();
        println!("{test}: skipped, LONGHAUL_TEST_NO_DOCKER=1");
        return false;
    }
    let version = Command::new("docker").arg("version").output();
    assert!(
        version.is_ok_and(|v| v.status.success()),
        "no Docker engine answers: start one, or set LONGHAUL_TEST_NO_DOCKER=1 to leave these tests out"
    );
    true
}

/// `docker ARGS`; its standard output, trimmed. Fails when it fails.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("docker starts");
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Makes an image of the program alone, by this name.
pub(crate) fn import_program(name: &str) {
    let program = env!("CARGO_BIN_EXE_longhaul");
    let import = format!(
        "cp {program} $T/longhaul && tar -C $T -c longhaul | docker import --change 'ENTRYPOINT [\"/longhaul\"]' - {name}"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let done = Command::new("sh").arg("-ec").arg(import).env("T", folder.path()).output();
    assert!(done.is_ok_and(|d| d.status.success()), "the image was not made");
}

/// Containers, networks and volumes that carry a run's label: `container api_1`.
pub(crate) fn ours(run: &str) -> Vec<String> {
    let label = format!("label=longhaul.run={run}");
    [
        ["ps", "-a", "container {{.Names}}"].as_slice(),
        &["network", "ls", "network {{.Name}}"],
        &["volume", "ls", "volume {{.Name}}"],
    ]
    .into_iter()
    .flat_map(|list| {
        let (format, words) = list.split_last().expect("three words");
        let args = [words, &["--filter", &label, "--format", format]].concat();
        docker(&args).lines().map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
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
