//! One run at a time for each data folder.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Holds the data folder's run lock. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct Busy(#[expect(dead_code, reason = "holding the file is holding the lock")] File);

impl Busy {
    /// Takes the lock for a run of this experiment; `Ok(Err(who))` when another process holds it.
    ///
    /// # Errors
    /// When the folder can't be created or the file can't be opened.
    pub fn take(data: &Path, experiment: &str) -> std::io::Result<Result<Self, String>> {
        std::fs::create_dir_all(data)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(data.join("run.lock"))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut who = String::new();
            file.read_to_string(&mut who)?;
            return Ok(Err(who.trim().to_owned()));
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {}, experiment {experiment}", std::process::id())?;
        Ok(Ok(Self(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = Busy::take(dir.path(), "soak").unwrap().unwrap();
        let second = Busy::take(dir.path(), "other").unwrap();
        let who = format!("process {}, experiment soak", std::process::id());
        assert_eq!(second.unwrap_err(), who);
        drop(first);
        assert!(Busy::take(dir.path(), "other").unwrap().is_ok());
    }
}
