//! What folders take on disk.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::clock::monotonic;
use crate::record::{Captured, FolderUsage};

/// Files and folders that are counted, at most.
const MOST: u64 = 200_000;
/// Entries between two looks at the clock.
const STRIDE: u64 = 256;

/// What a folder takes; counts until `deadline`, links not followed, other file systems left out.
pub(super) fn usage(folder: &Path, deadline: Instant) -> Captured<FolderUsage> {
    let top = match std::fs::symlink_metadata(folder) {
        Ok(top) if top.is_dir() => top,
        Ok(file) => {
            let used = file.blocks() * 512;
            let free = free(folder);
            return Captured::Captured(FolderUsage { used, files: 1, complete: true, free });
        }
        Err(error) => return Captured::NotCaptured(format!("{}: {error}", folder.display())),
    };
    let mut usage =
        FolderUsage { used: top.blocks() * 512, files: 1, complete: true, free: free(folder) };
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        // What is removed while it is counted does not count.
        let Ok(entries) = std::fs::read_dir(&next) else {
            usage.complete &= !next.exists();
            continue;
        };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            usage.files += 1;
            usage.used += found.blocks() * 512;
            if found.is_dir() && found.dev() == top.dev() {
                folders.push(entry.path());
            }
            let over = usage.files.is_multiple_of(STRIDE) && monotonic() >= deadline;
            if usage.files >= MOST || over {
                usage.complete = false;
                return Captured::Captured(usage);
            }
        }
    }
    Captured::Captured(usage)
}

fn free(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_growing_folder_grows_and_a_late_look_says_that_it_is_not_whole() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::os::unix::fs::symlink("/proc", dir.path().join("link")).unwrap();
        let far = monotonic() + Duration::from_mins(1);
        let before = *usage(dir.path(), far).get().unwrap();
        std::fs::write(dir.path().join("a/data"), vec![1; 1 << 20]).unwrap();
        let after = *usage(dir.path(), far).get().unwrap();
        assert!(after.complete && after.free.is_some());
        assert_eq!((before.files, after.files), (3, 4));
        assert!((1 << 20..1 << 21).contains(&(after.used - before.used)), "{after:?}");

        for n in 0..STRIDE {
            std::fs::write(dir.path().join(format!("{n}")), "").unwrap();
        }
        assert!(!usage(dir.path(), monotonic()).get().unwrap().complete);
        assert!(usage(dir.path(), far).get().unwrap().complete);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let why = usage(Path::new("/nowhere/at/all"), monotonic());
        assert!(why.because().unwrap().contains("/nowhere/at/all"));
    }
}
