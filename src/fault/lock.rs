//! Who owns a run's folder: a locked file that the kernel lets go when its owner ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::FaultError;

/// Ownership of a run's folder for as long as this value and its process live.
#[derive(Debug)]
pub struct Owner {
    _file: File,
}

/// The owner in words, for people and for file systems without locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Name {
    pid: u32,
    /// Start time in clock ticks since boot: with the pid, unique until the next boot.
    start_time: u64,
}

impl Owner {
    /// Takes the folder, creating it when there is none. Fails with [`FaultError::Busy`] while another
    /// process, or another `Owner` of this one, holds it.
    pub fn take(dir: &Path) -> Result<Self, FaultError> {
        let failed = |source| FaultError::Owner { path: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let mut file = open(dir, true).map_err(failed)?;
        // Somebody who asks whether the owner lives holds the lock for a moment.
        let mut tries = 20;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if tries > 0 => {
                    tries -= 1;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(Errno::WOULDBLOCK) => {
                    let pid = name_in(&mut file).map_or(0, |name| name.pid);
                    return Err(FaultError::Busy { path: dir.to_owned(), pid });
                }
                Err(e) if no_locks(e) => break,
                Err(e) => return Err(failed(e.into())),
            }
        }
        let pid = std::process::id();
        let name = Name { pid, start_time: start_time(pid).unwrap_or(0) };
        let write = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&serde_json::to_vec(&name)?)
        };
        // A full disk must not keep a run from its healing: the lock holds without the name.
        if let Err(error) = write(&mut file) {
            tracing::warn!(%error, "the owner's name was not written");
        }
        Ok(Self { _file: file })
    }
}

/// Whether the process that owns the run in `dir` is alive.
pub fn alive(dir: &Path) -> bool {
    let Ok(mut file) = open(dir, false) else { return false };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => false,
        Err(e) if no_locks(e) => {
            name_in(&mut file).is_some_and(|n| start_time(n.pid) == Some(n.start_time))
        }
        Err(_) => true,
    }
}

/// The owner file within a run's folder.
pub(super) fn owner_path(dir: &Path) -> PathBuf {
    dir.join("owner.lock")
}

/// Start time of a process in clock ticks since boot (field 22 of `/proc/<pid>/stat`); `None` when
/// there is no such process.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, so fields are counted from its end.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn open(dir: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(create).create(create).truncate(false).open(owner_path(dir))
}

fn name_in(file: &mut File) -> Option<Name> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn no_locks(e: Errno) -> bool {
    matches!(e, Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_alive_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!alive(dir.path()), "nobody took it");
        let owner = Owner::take(dir.path()).unwrap();
        assert!(alive(dir.path()));
        let Err(FaultError::Busy { pid, .. }) = Owner::take(dir.path()) else {
            panic!("taken twice")
        };
        assert_eq!(pid, std::process::id());
        drop(owner);
        assert!(!alive(dir.path()));
        drop(Owner::take(dir.path()).unwrap());
    }

    #[test]
    fn a_killed_owner_is_dead_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = owner_path(dir.path());
        std::fs::write(&path, "").unwrap();
        let file = OpenOptions::new().read(true).open(&path).unwrap();
        flock(&file, FlockOperation::LockExclusive).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").stdin(file).spawn().unwrap();
        // The child shares the lock: it is the owner now.
        assert!(alive(dir.path()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!alive(dir.path()));
    }

    #[test]
    fn start_times_tell_processes_apart() {
        let own = start_time(std::process::id()).unwrap();
        assert!(own > 0);
        assert_eq!(start_time(u32::MAX), None);
    }
}
