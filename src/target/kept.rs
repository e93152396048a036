//! Targets that stay up on purpose when their run is over.
//!
//! A note in the run's folder says so, and a label on everything the run made leads to that folder: whoever
//! finds a container knows whether it was kept, from whichever data folder it looks.

use std::path::{Path, PathBuf};

const NOTE: &str = "kept";

/// Notes in a run's folder that its target stays up on purpose.
///
/// # Errors
/// When the note can't be written.
pub fn keep(dir: &Path) -> std::io::Result<()> {
    std::fs::write(dir.join(NOTE), "the target of this run was kept up on purpose\n")
}

/// Whether the run of this folder has kept its target up.
pub fn is_kept(dir: &Path) -> bool {
    dir.join(NOTE).exists()
}

/// Takes the note back: the target is gone.
///
/// # Errors
/// When the note can't be removed.
pub fn forget_kept(dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(dir.join(NOTE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a thing whose label names this folder was kept: a folder that is gone can't deny it.
pub(super) fn stays(dir: &Path) -> bool {
    is_kept(dir) || !dir.is_dir()
}

/// The data folder that a run's folder is in, if it is still there.
pub(super) fn data_of(dir: &Path) -> Option<PathBuf> {
    dir.is_dir().then(|| dir.parent()?.parent().map(Path::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_told_from_what_a_killed_run_left() {
        let data = tempfile::tempdir().unwrap();
        let dir = data.path().join("runs/r1");
        assert!(stays(&dir), "nobody can deny it");
        assert_eq!(data_of(&dir), None);
        std::fs::create_dir_all(&dir).unwrap();
        assert!(!stays(&dir), "a run that was killed kept nothing");
        keep(&dir).unwrap();
        assert!(stays(&dir) && is_kept(&dir));
        assert_eq!(data_of(&dir).as_deref(), Some(data.path()));
        forget_kept(&dir).unwrap();
        forget_kept(&dir).unwrap();
        assert!(!is_kept(&dir));
    }
}
