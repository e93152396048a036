//! Child processes that survived their run.

use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

use super::super::owner::process_start;
use crate::ids::RunId;

const FOLDER: &str = "processes";
/// In every child's environment, and so in that of whatever it starts.
pub(super) const RUN_VARIABLE: &str = "LONGHAUL_CHILD_OF";

/// A child as its file remembers it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    label: String,
    run: RunId,
    pid: u32,
    /// Start time in clock ticks since boot: tells it from a successor of its pid.
    start: u64,
}

/// What [`sweep_processes`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessSweep {
    /// One line per process that was ended, or would be.
    pub lines: Vec<String>,
    /// One line per process that could not be ended.
    pub stuck: Vec<String>,
}

/// Remembers a child on disk, so that a later process can end it.
pub(super) fn remember(dir: &Path, label: &str, run: &RunId, pid: u32) -> io::Result<()> {
    let Some(start) = process_start(pid) else { return Ok(()) };
    let note = Note { label: label.to_owned(), run: run.clone(), pid, start };
    std::fs::create_dir_all(dir.join(FOLDER))?;
    std::fs::write(file(dir, label), serde_json::to_vec(&note)?)
}

/// Forgets a child that has ended.
pub(super) fn forget(dir: &Path, label: &str) {
    // A file that stays is harmless: pid and start time no longer match.
    std::fs::remove_file(file(dir, label)).ok();
}

fn file(dir: &Path, label: &str) -> PathBuf {
    dir.join(FOLDER).join(format!("{}.json", label.replace('#', "-")))
}

/// Ends the children that a run whose process is gone left in its folder `dir`, by pid and start time,
/// and everything that they started. The caller makes sure that the run is over.
pub fn sweep_processes(dir: &Path, dry_run: bool) -> ProcessSweep {
    let mut sweep = ProcessSweep::default();
    let Ok(entries) = std::fs::read_dir(dir.join(FOLDER)) else { return sweep };
    for path in entries.flatten().map(|entry| entry.path()) {
        let note = std::fs::read(&path).ok().and_then(|b| serde_json::from_slice::<Note>(&b).ok());
        let Some(note) = note else { continue };
        let mut found = descendants(&note.run, &note.label);
        if process_start(note.pid) == Some(note.start) && !found.contains(&note.pid) {
            found.push(note.pid);
        }
        let mut all_ended = true;
        for pid in found {
            let what = format!("process {pid} of {}", note.label);
            if dry_run {
                sweep.lines.push(format!("would end {what}"));
                continue;
            }
            match end(pid) {
                Ok(()) => sweep.lines.push(format!("ended {what}")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    all_ended = false;
                    sweep.stuck.push(format!("{what}: {error}"));
                }
            }
        }
        if all_ended && !dry_run {
            std::fs::remove_file(&path).ok();
        }
    }
    sweep
}

/// What a child's environment says of it.
pub(super) fn mark(run: &RunId, label: &str) -> String {
    format!("{run}/{label}")
}

/// Processes that carry a child's mark.
fn descendants(run: &RunId, label: &str) -> Vec<u32> {
    let wanted = format!("{RUN_VARIABLE}={}", mark(run, label));
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|b| *b == 0).any(|variable| variable == wanted.as_bytes())
        })
        .collect()
}

fn end(pid: u32) -> io::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
    let missing = |e: rustix::io::Errno| {
        if e == rustix::io::Errno::SRCH {
            io::ErrorKind::NotFound.into()
        } else {
            io::Error::from(e)
        }
    };
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(missing)?;
    rustix::process::pidfd_send_signal(&handle, Signal::KILL).map_err(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn run() -> RunId {
        RunId::new("sweep", crate::clock::wall(), std::process::id() as u16)
    }

    #[test]
    fn what_a_dead_run_left_is_ended_and_a_successor_of_its_pid_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let run = run();
        let mut left =
            Command::new("sleep").arg("60").env(RUN_VARIABLE, mark(&run, "api#1")).spawn().unwrap();
        remember(dir.path(), "api#1", &run, left.id()).unwrap();
        let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
        let note = Note { label: "b#1".to_owned(), run, pid: bystander.id(), start: 1 };
        std::fs::write(file(dir.path(), "b#1"), serde_json::to_vec(&note).unwrap()).unwrap();

        assert_eq!(sweep_processes(dir.path(), true).lines.len(), 1);
        let swept = sweep_processes(dir.path(), false);
        assert_eq!((swept.lines.len(), swept.stuck.len()), (1, 0), "{swept:?}");
        assert!(!left.wait().unwrap().success());
        assert!(bystander.try_wait().unwrap().is_none());
        bystander.kill().unwrap();
        bystander.wait().unwrap();
        assert_eq!(sweep_processes(dir.path(), false), ProcessSweep::default());
    }
}
