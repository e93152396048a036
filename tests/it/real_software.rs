//! Software that nobody here wrote: nginx in front of nginx, redis and postgres beside them; one kill, one partition.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::{docker, ours, required};
use crate::program::Program;

/// The images, removed at the end.
struct Images(PathBuf);

impl Images {
    fn make() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/real-images.sh");
        let images = Self(script);
        let done = Command::new(&images.0).output().expect("the script starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        images
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        drop(Command::new(&self.0).arg("--remove").output());
    }
}

#[test]
fn nginx_redis_and_postgres_are_soaked_hurt_and_healed() {
    if !required() {
        return;
    }
    let images = Images::make();
    let program = Program::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/real/experiment.yaml");
    let done = program.run(&file).expect(0);
    let finished = done.finished();
    let verdict = &finished["verdict"];
    for fault in verdict["faults"].as_array().expect("faults") {
        assert_eq!(fault["verified"], true, "{fault:#}");
    }
    assert!(verdict["totals"]["failed"].as_u64() > Some(0), "the cut must hurt: {verdict:#}");
    for service in ["front", "back", "redis", "postgres"] {
        let sampled = verdict["ledger"][0]["services"]
            .as_array()
            .expect("services")
            .iter()
            .any(|s| s["service"] == service && s["memory_mean_bytes"].as_u64() > Some(0));
        assert!(sampled, "{service} was sampled: {verdict:#}");
    }
    assert_eq!(ours(finished["run"].as_str().expect("an id")), Vec::<String>::new());
    drop(images);
    let left = docker(&["images", "-q", "--filter", "label=longhaul.fixture"]);
    assert_eq!(left, "", "no image is left");
}
