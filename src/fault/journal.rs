//! The journal: an append-only file of JSON lines, synced to disk before each side effect.
//!
//! It holds what is needed to undo every fault of a run without the process that injected it, apart
//! from the database, so that healing survives a damaged one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::FaultError;
use super::entry::{Entry, Record};
use super::state::closed;

/// Disk space set aside for the later lines of one open fault, bytes.
const RESERVE: u64 = 16 * 1024;

/// The journal's file within a run's folder.
pub fn journal_path(dir: &Path) -> PathBuf {
    dir.join("faults.journal")
}

/// A journal open for appending.
pub struct Journal {
    sink: Box<dyn Sink>,
    /// Intents without an end.
    open: u64,
    /// The last line may be incomplete.
    torn: bool,
}

/// Where the lines go. An error leaves at most a torn last line behind.
pub(super) trait Sink: Send {
    /// Makes sure that `bytes` more can be appended even if the disk fills up meanwhile.
    fn reserve(&mut self, bytes: u64) -> io::Result<()>;
    /// Appends and syncs to disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Journal {
    /// Opens the journal of a run, creating it (and syncing its folder) when there is none.
    pub fn open(dir: &Path) -> Result<Self, FaultError> {
        let path = journal_path(dir);
        Self::open_file(dir, &path).map_err(|source| FaultError::Journal { path, source })
    }

    fn open_file(dir: &Path, path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        File::open(dir)?.sync_all()?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let torn = text.last().is_some_and(|b| *b != b'\n');
        Ok(Self { torn, ..Self::on(Box::new(FileSink { file })) })
    }

    /// A journal on any sink.
    pub(super) fn on(sink: Box<dyn Sink>) -> Self {
        Self { sink, open: 0, torn: false }
    }

    /// Writes a line. For an intent, or an addition to one, this sets space aside first: when it fails
    /// nothing may be done, and when it succeeds the healing can be recorded even on a full disk.
    pub fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if self.torn {
            line.insert(0, b'\n');
        }
        match &entry.record {
            Record::Intent(_) => {
                self.sink.reserve(line.len() as u64 + (self.open + 1) * RESERVE)?;
                self.append(&line)?;
                self.open += 1;
            }
            Record::More { .. } => {
                self.sink.reserve(line.len() as u64 + self.open * RESERVE)?;
                self.append(&line)?;
            }
            Record::Stage(stage) => {
                self.append(&line)?;
                if closed(stage) {
                    self.open = self.open.saturating_sub(1);
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let done = self.sink.append(line);
        self.torn = done.is_err();
        done
    }
}

pub(super) struct FileSink {
    pub(super) file: File,
}

impl Sink for FileSink {
    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let end = self.file.metadata()?.len();
        // Blocks beyond the end of the file: its content stays what was written.
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, end, bytes) {
            // Some file systems can't set space aside; there the intent alone is safe.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NODEV) => Ok(()),
            done => Ok(done?),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::fault::history::History;
    use crate::fault::sample::{intent_entry, stage_entry};
    use crate::record::FaultStage;

    /// A disk with so many bytes left; reserved bytes are spent first.
    struct Disk {
        left: u64,
        reserved: u64,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Sink for Disk {
        fn reserve(&mut self, bytes: u64) -> io::Result<()> {
            let more = bytes.saturating_sub(self.reserved);
            if more > self.left {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.left -= more;
            self.reserved += more;
            Ok(())
        }
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fits = (self.reserved + self.left).min(bytes.len() as u64);
            self.text.lock().unwrap().extend_from_slice(&bytes[..fits as usize]);
            let from_reserve = fits.min(self.reserved);
            self.reserved -= from_reserve;
            self.left -= fits - from_reserve;
            if fits < bytes.len() as u64 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    fn disk(left: u64) -> (Journal, Arc<Mutex<Vec<u8>>>) {
        let text = Arc::new(Mutex::new(Vec::new()));
        (Journal::on(Box::new(Disk { left, reserved: 0, text: text.clone() })), text)
    }

    #[test]
    fn an_intent_that_is_accepted_can_be_closed_on_a_full_disk() {
        for size in (0..80_000).step_by(997) {
            let (mut journal, text) = disk(size);
            let mut accepted = Vec::new();
            for n in 1..=8 {
                if journal.write(&intent_entry(n)).is_ok() {
                    accepted.push(n);
                }
            }
            for n in &accepted {
                for stage in [
                    FaultStage::Injected,
                    FaultStage::Active { evidence: "x".repeat(1500) },
                    FaultStage::Healing,
                    FaultStage::Healed { evidence: "x".repeat(1500) },
                ] {
                    journal.write(&stage_entry(*n, stage)).unwrap();
                }
            }
            let told = History::parse(&text.lock().unwrap());
            assert_eq!(told.faults.len(), accepted.len());
            assert_eq!(told.open().count(), 0, "size {size}");
        }
    }

    #[test]
    fn a_device_that_is_full_takes_no_intent() {
        let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut journal = Journal::on(Box::new(FileSink { file }));
        assert!(journal.write(&intent_entry(1)).is_err());
    }

    #[test]
    fn a_torn_line_does_not_swallow_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        journal.write(&intent_entry(1)).unwrap();
        drop(journal);
        let path = journal_path(dir.path());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        journal.write(&stage_entry(1, FaultStage::Healing)).unwrap();
        journal.write(&intent_entry(2)).unwrap();
        let told = History::parse(&std::fs::read(&path).unwrap());
        assert_eq!(told.damaged, 1);
        let open: Vec<_> = told.open().map(|f| (f.id.as_str(), f.stage.clone())).collect();
        assert_eq!(open, [("f-1", FaultStage::Healing), ("f-2", FaultStage::Intended)]);
    }
}
