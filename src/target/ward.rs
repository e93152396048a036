//! Child processes that never outlive longhaul, whatever ends it.
//!
//! A child is started as `longhaul helper child -- PROGRAM ARGS...`: the same executable asks the kernel
//! for SIGKILL on its parent's death and then becomes the program. The kernel means the parent *thread*,
//! so every child has a thread of its own that starts it and waits for it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, waitid};
use tokio::sync::{oneshot, watch};

use super::executable;
use crate::clock;

/// Tells the helper who its parent is, in case that parent is gone before it can look.
const PARENT_VARIABLE: &str = "LONGHAUL_CHILD_PARENT";

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// Exit code; 128 and the number for a signal.
    pub(super) code: Option<i64>,
    /// When.
    pub(super) at: Timestamp,
}

/// A running or ended child.
#[derive(Debug)]
pub(super) struct Ward {
    pid: u32,
    pidfd: OwnedFd,
    exit: watch::Receiver<Option<Exit>>,
}

/// What a child is started with.
pub(super) struct Start<'a> {
    pub(super) program: &'a OsStr,
    pub(super) args: &'a [OsString],
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) dir: Option<&'a Path>,
    pub(super) stdout: Stdio,
    pub(super) stderr: Stdio,
}

impl Ward {
    /// Starts a child in a process group of its own.
    pub(super) async fn start(start: Start<'_>) -> io::Result<Self> {
        let program = find_program(start.program, start.dir)?;
        let mut command = Command::new(executable());
        command
            .args(["helper", "child", "--"])
            .arg(program)
            .args(start.args)
            .envs(start.env)
            .env(PARENT_VARIABLE, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(start.stdout)
            .stderr(start.stderr)
            .process_group(0);
        if let Some(dir) = start.dir {
            command.current_dir(dir);
        }
        let (begun, begins) = oneshot::channel();
        std::thread::Builder::new()
            .name("child".to_owned())
            .spawn(move || stand_by(command, begun))?;
        begins.await.map_err(|_| io::Error::other("the child's thread ended early"))?
    }

    /// Its process id, also that of its process group.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended; `None` while it lives.
    pub(super) fn ended(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end.
    pub(super) async fn end(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit { code: None, at: clock::wall() }),
            Err(_) => Exit { code: None, at: clock::wall() },
        }
    }

    /// Sends a signal to the child itself; an error when it has ended. Never hits a successor of its pid.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(&self.pidfd, signal)?)
    }

    /// Sends a signal to the child and everything it started that is still in its group.
    pub(super) fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if self.ended().is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let group = Pid::from_raw(self.pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(rustix::process::kill_process_group(group, signal)?)
    }

    /// SIGTERM, and SIGKILL to its whole group after `grace`; waits for the end.
    pub(super) async fn stop(&self, grace: Duration) -> Exit {
        self.stop_before(tokio::time::sleep(grace)).await
    }

    /// SIGTERM, and SIGKILL to its whole group as soon as `patience` is over; waits for the end.
    pub(super) async fn stop_before(&self, patience: impl Future<Output = ()>) -> Exit {
        // It may have ended by itself meanwhile: the wait tells.
        if self.signal_group(Signal::TERM).is_ok() {
            self.signal_group(Signal::CONT).ok();
        }
        tokio::select! {
            biased;
            exit = self.end() => return exit,
            () = patience => {}
        }
        self.signal_group(Signal::KILL).ok();
        self.end().await
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        // Ended already is fine.
        self.signal_group(Signal::KILL).ok();
    }
}

/// The child's thread: starts it, tells, waits, tells.
fn stand_by(mut command: Command, begun: oneshot::Sender<io::Result<Ward>>) {
    let started = command.spawn().and_then(|child| {
        let pid = Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        Ok((child, pidfd))
    });
    let (mut child, pidfd) = match started {
        Ok(started) => started,
        Err(error) => {
            begun.send(Err(error)).ok();
            return;
        }
    };
    // Pipes are for whoever asked for them, not for this thread.
    drop(command);
    let (tell, exit) = watch::channel(None);
    let ward = Ward { pid: child.id(), pidfd, exit };
    // When nobody waits for it any more, dropping it here ends it.
    begun.send(Ok(ward)).ok();
    end_group(Pid::from_child(&child));
    let code = child.wait().ok().and_then(|status| {
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).map(i64::from)
    });
    tell.send_replace(Some(Exit { code, at: clock::wall() }));
}

/// Waits for the end of a process and ends what it leaves in its group: a life is over with its first process, as a
/// container's is. Until that is waited for, nobody else gets the group's number.
fn end_group(leader: Pid) {
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(error) = waitid(WaitId::Pid(leader), ended) {
        if error != Errno::INTR {
            return;
        }
    }
    rustix::process::kill_process_group(leader, Signal::KILL).ok();
}

/// The program's path: names without a slash are looked up in `PATH`, so that a missing one is an error
/// here and not an exit code later.
fn find_program(program: &OsStr, dir: Option<&Path>) -> io::Result<OsString> {
    let missing = || {
        let text = format!("there is no program {}", Path::new(program).display());
        io::Error::new(io::ErrorKind::NotFound, text)
    };
    let path = Path::new(program);
    if path.components().count() > 1 || path.is_absolute() {
        let seen = dir.map_or_else(|| path.to_owned(), |dir| dir.join(path));
        return if seen.is_file() { Ok(program.to_owned()) } else { Err(missing()) };
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join(path))
        .find(|candidate| candidate.is_file())
        .map(std::path::PathBuf::into_os_string)
        .ok_or_else(missing)
}

/// The part of `longhaul helper child -- PROGRAM ARGS...`: takes the words after `child`. Ties this
/// process's life to its parent's and becomes the program. Comes back only when that failed, with an exit
/// code (126 and 127 as shells have it, 137 when the parent is gone), the reason on standard error.
pub fn child_main(args: &[String]) -> u8 {
    let (code, reason) = become_child(args);
    // Nobody may be there to read it.
    writeln!(io::stderr(), "longhaul: {reason}").ok();
    code
}

fn become_child(args: &[String]) -> (u8, String) {
    let args = match args.first() {
        Some(first) if first == "--" => &args[1..],
        _ => args,
    };
    let Some((program, rest)) = args.split_first() else {
        return (2, "helper child needs a program".to_owned());
    };
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return (126, format!("failed to tie the child to its parent: {error}"));
    }
    let expected = std::env::var(PARENT_VARIABLE).ok().and_then(|pid| pid.parse().ok());
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if expected.is_some() && expected != parent {
        return (137, "the parent is gone".to_owned());
    }
    let error = Command::new(program).args(rest).env_remove(PARENT_VARIABLE).exec();
    let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    (code, format!("failed to start {program}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_found_missing_before_anything_starts() {
        assert!(find_program(OsStr::new("sh"), None).is_ok());
        let error = find_program(OsStr::new("no-such-program-here"), None).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
        assert!(find_program(OsStr::new("./sh"), Some(Path::new("/bin"))).is_ok());
        assert!(find_program(OsStr::new("./nope"), Some(Path::new("/bin"))).is_err());
    }
}
