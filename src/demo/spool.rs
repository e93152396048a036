use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::{DemoError, SpoolSettings};

/// A file that every request adds to. It is never read and never synced: what grows is the page cache.
pub(super) struct Spool {
    file: Mutex<Open>,
    line: Vec<u8>,
    max: u64,
}

struct Open {
    file: File,
    size: u64,
}

impl Spool {
    /// Opens the replica's own file, to go on at its end. `port` tells replicas on one host apart.
    pub(super) fn open(settings: &SpoolSettings, port: u16) -> Result<Self, DemoError> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let path = settings.dir.join(format!("requests-{}-{port}.log", host.trim()));
        let failed =
            |what: &'static str, path: PathBuf| move |source| DemoError::Log { path, what, source };
        std::fs::create_dir_all(&settings.dir)
            .map_err(failed("make its folder", settings.dir.clone()))?;
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(failed("open it", path.clone()))?;
        let size = file.metadata().map_err(failed("read its size", path))?.len();
        Ok(Self {
            file: Mutex::new(Open { file, size }),
            line: vec![b'.'; settings.bytes_per_request],
            max: settings.max_bytes,
        })
    }

    /// Adds what one request adds, unless the file would pass its bound.
    pub(super) fn add(&self) {
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if open.size + self.line.len() as u64 > self.max {
            return;
        }
        match open.file.write_all(&self.line) {
            Ok(()) => open.size += self.line.len() as u64,
            Err(error) => tracing::warn!(%error, "the spool can't be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_by_each_request_up_to_its_bound_through_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let settings = SpoolSettings {
            dir: dir.path().join("spool"),
            bytes_per_request: 100,
            max_bytes: 1000,
        };
        let size = || {
            let entries = std::fs::read_dir(&settings.dir).unwrap();
            entries.map(|e| e.unwrap().metadata().unwrap().len()).collect::<Vec<_>>()
        };
        for expected in [400, 800, 1000, 1000] {
            let spool = Spool::open(&settings, 8080).unwrap();
            for _ in 0..4 {
                spool.add();
            }
            assert_eq!(size(), [expected]);
        }
        Spool::open(&settings, 8081).unwrap().add();
        assert_eq!(size().len(), 2, "each replica has its own");
    }

    #[test]
    fn a_folder_that_can_not_be_made_is_named() {
        let settings =
            SpoolSettings { dir: "/proc/no/spool".into(), bytes_per_request: 1, max_bytes: 1 };
        let text = Spool::open(&settings, 1).err().unwrap().to_string();
        assert!(text.contains("/proc/no/spool"), "{text}");
    }
}
