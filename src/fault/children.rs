//! Child processes that a process target left behind: found by the files of a run, told apart by start time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Deserialize;

use super::lock::start_time;

/// Longest wait for a killed process to be gone.
const DEATH: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// What a pid file says; further fields are the target's own.
#[derive(Debug, Deserialize)]
struct PidFile {
    pid: u32,
    /// Clock ticks since boot, field 22 of `/proc/<pid>/stat`.
    start_time: u64,
}

/// One child by its file `children/<instance>.pid`.
#[derive(Debug)]
pub(super) struct Child {
    /// Its instance, as the file is called.
    pub name: String,
    path: PathBuf,
    found: PidFile,
}

/// The children that a run's folder knows, living or not.
pub(super) fn children(dir: &Path) -> Vec<Child> {
    let Ok(entries) = std::fs::read_dir(dir.join("children")) else { return Vec::new() };
    let mut all: Vec<Child> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".pid")?.to_owned();
            let found = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
            Some(Child { name, path, found })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl Child {
    /// Whether it still lives.
    pub(super) fn lives(&self) -> bool {
        start_time(self.found.pid) == Some(self.found.start_time) && !ended(self.found.pid)
    }

    /// Ends it by SIGKILL, which a frozen process obeys too, and forgets its file. The error says why
    /// it still lives.
    pub(super) async fn end(&self) -> Result<(), String> {
        let pid = self.found.pid;
        let failed =
            |e: rustix::io::Errno| format!("process {pid} ({}) can't be ended: {e}", self.name);
        if self.lives() {
            let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let Some(raw) = raw else { return Err(format!("{pid} is no process id")) };
            // The handle is held before the last look at the start time: it can't come to mean another.
            match pidfd_open(raw, PidfdFlags::empty()) {
                Ok(handle) if self.lives() => match pidfd_send_signal(&handle, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(e) => return Err(failed(e)),
                },
                Ok(_) | Err(rustix::io::Errno::SRCH) => {}
                Err(e) => return Err(failed(e)),
            }
            let gone = async {
                while self.lives() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if tokio::time::timeout(DEATH, gone).await.is_err() {
                return Err(format!("process {pid} ({}) was killed and still lives", self.name));
            }
        }
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.to_string()),
            _ => Ok(()),
        }
    }
}

/// Whether it has ended and only waits to be noticed.
fn ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn write(dir: &Path, name: &str, pid: u32, start_time: u64) {
        let children = dir.join("children");
        std::fs::create_dir_all(&children).unwrap();
        let text = format!(r#"{{"pid":{pid},"start_time":{start_time},"port":8080}}"#);
        std::fs::write(children.join(name), text).unwrap();
    }

    #[tokio::test]
    async fn only_the_very_process_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let spawn = || std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (mut ours, mut other) = (spawn(), spawn());
        write(dir.path(), "api#1.pid", ours.id(), start_time(ours.id()).unwrap());
        // Its number was given to somebody else.
        write(dir.path(), "api#2.pid", other.id(), start_time(other.id()).unwrap() + 1);
        let found = children(dir.path());
        assert_eq!(found.iter().map(Child::lives).collect::<Vec<_>>(), [true, false]);
        for child in &found {
            child.end().await.unwrap();
        }
        assert_eq!(ours.wait().unwrap().signal(), Some(9));
        assert_eq!(other.try_wait().unwrap(), None, "a stranger was ended");
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(children(dir.path()).is_empty());
    }
}
