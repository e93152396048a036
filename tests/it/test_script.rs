//! `./test.sh` where there is no nextest: the integration tests still run one at a time.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A `cargo` that knows no nextest, writes down what it is asked for, and fails when it is to test the library.
const CARGO: &str = r#"#!/bin/sh
case "$1 $*" in
  nextest*) exit 101 ;;
  *--lib*) echo "$*"; exit 1 ;;
  *) echo "$*" ;;
esac
"#;

#[test]
fn without_nextest_integration_tests_run_one_at_a_time_and_no_failure_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cargo = folder.path().join("cargo");
    std::fs::write(&cargo, CARGO).expect("a writable folder");
    std::fs::set_permissions(&cargo, PermissionsExt::from_mode(0o755)).expect("our own file");
    let path = std::env::var("PATH").unwrap_or_default();
    let done = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/test.sh"))
        .arg("net_rules")
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("bash");
    let asked = String::from_utf8_lossy(&done.stdout);
    let it = asked.lines().find(|line| line.contains("--test it")).unwrap_or_default();
    assert!(it.contains("net_rules") && it.ends_with("-- --test-threads=1"), "{asked}");
    assert_eq!(done.status.code(), Some(1), "the library's tests failed: {asked}");
}
