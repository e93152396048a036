//! The kept log of one container: compressed, rotated, capped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::record::Victim;

/// Lines wait in memory until they are this much, or until somebody flushes.
const PIECE: usize = 256 << 10;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Compressed bytes past which a file is closed and the next begun.
    pub(super) file: u64,
    /// Files kept: the first, where a container tells how it started, and the last ones.
    pub(super) files: u32,
    /// Bytes of lines taken between two calls of [`LogFile::minute`].
    pub(super) minute: usize,
}

/// One container's log, in files `<service>-<ordinal>.<number>.log.gz`: gzip members one after the other, each a few
/// seconds of whole lines, so that a crash costs the last of them at most.
pub(super) struct LogFile {
    folder: PathBuf,
    name: String,
    bounds: Bounds,
    buffer: Vec<u8>,
    number: u32,
    taken: usize,
    left_out: u64,
}

impl LogFile {
    pub(super) fn new(folder: PathBuf, victim: &Victim, bounds: Bounds) -> Self {
        let name = name(victim);
        Self { folder, name, bounds, buffer: Vec::new(), number: 0, taken: 0, left_out: 0 }
    }

    /// Takes a line, or leaves it out when too many came in this minute. True when it is time to flush.
    pub(super) fn push(&mut self, line: &[u8]) -> bool {
        if self.taken + line.len() > self.bounds.minute {
            self.left_out += 1;
            return false;
        }
        self.taken += line.len() + 1;
        self.buffer.extend_from_slice(line.trim_ascii_end());
        self.buffer.push(b'\n');
        self.buffer.len() >= PIECE
    }

    /// A line of longhaul's own among the container's.
    pub(super) fn remark(&mut self, text: &str) {
        self.buffer.extend_from_slice(format!("# longhaul: {text}\n").as_bytes());
    }

    /// A minute is over.
    pub(super) fn minute(&mut self) {
        self.taken = 0;
        if self.left_out > 0 {
            let text = format!(
                "{} lines are left out here: more than {} KiB came in a minute",
                self.left_out,
                self.bounds.minute >> 10
            );
            self.left_out = 0;
            self.remark(&text);
        }
    }

    /// Writes what waits. What can't be written is dropped, with the error.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(&self.buffer).and_then(|()| encoder.finish());
        self.buffer.clear();
        let packed = packed?;
        std::fs::create_dir_all(&self.folder)?;
        let path = self.path(self.number);
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&packed)?;
        if file.metadata()?.len() >= self.bounds.file {
            self.rotate()?;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.number += 1;
        // The first file stays, so the oldest of the others goes.
        let others = self.bounds.files.saturating_sub(1).max(1);
        if let Some(old) = self.number.checked_sub(others)
            && old > 0
        {
            std::fs::remove_file(self.path(old))?;
            self.remark("earlier lines were dropped: the log had reached its bound");
        }
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{}.{number:04}.log.gz", self.name))
    }
}

fn name(victim: &Victim) -> String {
    format!("{}-{}", victim.service, victim.ordinal)
}

/// The kept lines of a container from `from` to `to`, at most `most`, the last ones. Each begins with the engine's time of it.
///
/// # Errors
/// When a file is there and can't be read.
pub fn kept_log_lines(
    run_dir: &Path,
    victim: &Victim,
    from: Timestamp,
    to: Timestamp,
    most: usize,
) -> io::Result<Vec<String>> {
    let folder = run_dir.join(FOLDER);
    let prefix = format!("{}.", name(victim));
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    files.retain(|path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let number = name.strip_prefix(&prefix).and_then(|n| n.strip_suffix(".log.gz"));
        number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    });
    files.sort();
    let mut lines = std::collections::VecDeque::new();
    for file in files {
        for line in BufReader::new(MultiGzDecoder::new(File::open(file)?)).split(b'\n') {
            // The last member of a log that was cut off by a crash is not whole.
            let Ok(line) = line else { break };
            if time_of(&line).is_some_and(|at| from <= at && at <= to) {
                if lines.len() == most {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
    Ok(lines.into())
}

/// Where a run's container logs are, in its folder.
pub(super) const FOLDER: &str = "logs";

/// The engine's time at the beginning of a line.
pub(super) fn time_of(line: &[u8]) -> Option<Timestamp> {
    let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    std::str::from_utf8(&line[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim() -> Victim {
        Victim { service: "api".to_owned(), ordinal: 1 }
    }

    fn at(second: u32) -> Timestamp {
        format!("2026-11-21T02:{:02}:{:02}Z", second / 60, second % 60).parse().unwrap()
    }

    const WIDE: Bounds = Bounds { file: 1 << 20, files: 8, minute: 1 << 20 };

    #[test]
    fn lines_of_a_stretch_of_time_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(dir.path().join(FOLDER), &victim(), WIDE);
        for second in 0..100 {
            assert!(!log.push(format!("{} line {second}\r\n", at(second)).as_bytes()));
            if second % 10 == 0 {
                log.flush().unwrap();
            }
        }
        log.flush().unwrap();
        let lines = kept_log_lines(dir.path(), &victim(), at(20), at(30), 5).unwrap();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[4], format!("{} line 30", at(30)));
        let other = Victim { service: "api".to_owned(), ordinal: 11 };
        assert!(kept_log_lines(dir.path(), &other, at(0), at(99), 5).unwrap().is_empty());
        assert!(
            kept_log_lines(Path::new("/nowhere"), &other, at(0), at(99), 5).unwrap().is_empty()
        );
    }

    #[test]
    fn a_log_past_its_bound_keeps_its_beginning_and_its_end_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let bounds = Bounds { file: 300, files: 3, ..WIDE };
        let mut log = LogFile::new(dir.path().join(FOLDER), &victim(), bounds);
        for second in 0..600 {
            let noise = u64::from(second).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            log.push(format!("{} {noise:x}", at(second)).as_bytes());
            log.flush().unwrap();
        }
        let files = std::fs::read_dir(dir.path().join(FOLDER)).unwrap().count();
        assert!(files <= 4, "{files}");
        let all = kept_log_lines(dir.path(), &victim(), at(0), at(599), 10_000).unwrap();
        assert!(all.len() < 100 && all[0].starts_with(&at(0).to_string()), "{}", all.len());
        assert!(all.last().unwrap().starts_with(&at(599).to_string()));
        let newest = dir.path().join(FOLDER).join(format!("api-1.{:04}.log.gz", log.number - 1));
        let mut text = String::new();
        io::Read::read_to_string(&mut MultiGzDecoder::new(File::open(newest).unwrap()), &mut text)
            .unwrap();
        assert!(text.contains("# longhaul: earlier lines were dropped"), "{text}");
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let bounds = Bounds { minute: 100, ..WIDE };
        let mut log = LogFile::new(dir.path().to_owned(), &victim(), bounds);
        for _ in 0..50 {
            log.push(b"0123456789");
        }
        assert_eq!(log.buffer.len(), 9 * 11);
        log.minute();
        assert!(String::from_utf8_lossy(&log.buffer).contains("41 lines are left out here"));
        assert!(!log.push(b"0123456789"), "a new minute");
        assert_eq!(log.taken, 11);
    }
}
