//! The Docker engine as the tests ask it, through its own command line.

use std::process::Command;

/// Whether tests with Docker run. Without an engine they fail, unless `LONGHAUL_TEST_NO_DOCKER=1` says
/// aloud that they are to be left out.
pub(crate) fn required() -> bool {
    if crate::support::without_docker("a test of the whole program") {
        return false;
    }
    let version = Command::new("docker").arg("version").output();
    assert!(
        version.is_ok_and(|v| v.status.success()),
        "no Docker engine answers: start one, or set LONGHAUL_TEST_NO_DOCKER=1 to leave these tests out"
    );
    true
}

/// `docker ARGS`; fails when it fails.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("docker starts");
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Containers, networks and volumes that carry a run's label.
pub(crate) fn ours(run: &str) -> Vec<String> {
    let label = format!("label=longhaul.run={run}");
    ["ps -a", "network ls", "volume ls"]
        .into_iter()
        .flat_map(|what| {
            let mut args: Vec<&str> = what.split(' ').collect();
            args.extend(["-q", "--filter", &label]);
            docker(&args).lines().map(|id| format!("{what}: {id}")).collect::<Vec<_>>()
        })
        .collect()
}
