//! Log files of child processes: what they print, bounded.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// A log past this is moved aside to `<name>.1`, in place of the one before.
pub(super) const LARGEST: u64 = 10 << 20;
const TAIL: u64 = 64 << 10;

/// Opens a log for a child to write at its end, whoever else writes or empties it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Copies a log that is past `largest` aside and empties it. The child keeps writing to the same file;
/// lines it writes between copy and emptying are lost.
pub(super) fn rotate(path: &Path, largest: u64) -> io::Result<()> {
    if std::fs::metadata(path)?.len() <= largest {
        return Ok(());
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".1");
    std::fs::copy(path, aside)?;
    OpenOptions::new().write(true).open(path)?.set_len(0)
}

/// The last lines of a log; empty when there is none.
pub(super) fn tail(path: &Path, lines: usize) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_log_stays_bounded_under_a_writer_that_never_reopens_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/api-1.log");
        let mut child = open(&path).unwrap();
        for n in 0..100 {
            writeln!(child, "line {n}").unwrap();
        }
        rotate(&path, 1 << 20).unwrap();
        assert_eq!(tail(&path, 2), "line 98\nline 99");
        rotate(&path, 100).unwrap();
        writeln!(child, "after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after\n");
        assert!(dir.path().join("logs/api-1.log.1").is_file());
        assert_eq!(tail(dir.path(), 2), "");
    }
}
