//! Where longhaul's own executable is: it is also the helper that starts children, and the image.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// Makes `path` longhaul's executable for the rest of this process, for programs that have longhaul
/// inside as a library: their own executable can't play longhaul's parts. The first call counts.
pub fn use_executable(path: impl Into<PathBuf>) {
    CHOSEN.get_or_init(|| path.into());
}

/// longhaul's executable: what [`use_executable`] said, else what Cargo's `CARGO_BIN_EXE_longhaul` says,
/// else this process's own. The path works from other processes too, also after the file was replaced.
pub fn executable() -> PathBuf {
    if let Some(path) = CHOSEN.get() {
        return path.clone();
    }
    if let Some(path) = std::env::var_os("CARGO_BIN_EXE_longhaul") {
        return PathBuf::from(path);
    }
    match std::fs::read_link("/proc/self/exe") {
        Ok(path) if path.exists() => path,
        _ => Path::new("/proc").join(std::process::id().to_string()).join("exe"),
    }
}
