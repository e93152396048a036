//! Where the bytes of profiles are kept.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::profile;
use crate::record::ProfileBody;

/// All of a run's profiles together take at most this, compressed.
pub(super) const LARGEST: u64 = 256 << 20;
/// Bytes that a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The folder `profiles` of a run. Equal bytes are kept once.
pub(super) struct Vault {
    run_dir: PathBuf,
    largest: u64,
    used: Mutex<u64>,
}

impl Vault {
    pub(super) fn new(run_dir: PathBuf, largest: u64) -> Self {
        Self { run_dir, largest, used: Mutex::new(0) }
    }

    /// Keeps bytes, and reads where the memory was allocated; what went wrong instead, if it did.
    pub(super) fn keep(
        &self,
        bytes: &[u8],
        content_type: Option<String>,
    ) -> Result<ProfileBody, String> {
        let sha256 = format!("{:x}", Sha256::digest(bytes));
        let file = format!("profiles/{sha256}.gz");
        let path = self.run_dir.join(&file);
        let sites = profile::parse(bytes).into();
        let body = ProfileBody { file, size: bytes.len() as u64, sha256, content_type, sites };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if path.is_file() {
            return Ok(body);
        }
        let packed = if bytes.starts_with(&GZIP) { bytes.to_vec() } else { pack(bytes)? };
        if *used + packed.len() as u64 > self.largest {
            return Err(format!("the run's profiles already take {} MiB", *used >> 20));
        }
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // Under another name until it is whole.
            let part = path.with_extension("part");
            std::fs::write(&part, &packed)?;
            std::fs::rename(&part, &path)
        };
        write().map_err(|e| format!("it could not be stored: {e}"))?;
        *used += packed.len() as u64;
        Ok(body)
    }
}

fn pack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map_err(|e| format!("it could not be compressed: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn bytes_come_back_and_equal_ones_are_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::new(dir.path().to_owned(), 1 << 20);
        let text = b"heap v2/524288\n".repeat(1000);
        let kept = vault.keep(&text, Some("text/plain".to_owned())).unwrap();
        assert_eq!(kept, vault.keep(&text, Some("text/plain".to_owned())).unwrap());
        assert_eq!((kept.size, kept.sha256.len()), (15_000, 64));
        let stored = std::fs::read(dir.path().join(&kept.file)).unwrap();
        assert!(stored.len() < 1000, "compressed");
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&stored[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
        let came_so = vault.keep(&stored, None).unwrap();
        assert_eq!(std::fs::read(dir.path().join(came_so.file)).unwrap(), stored);
        let files = std::fs::read_dir(dir.path().join("profiles")).unwrap().count();
        assert_eq!(files, 2);
    }

    #[test]
    fn a_full_vault_and_a_folder_that_can_not_be_written_say_so() {
        let dir = tempfile::tempdir().unwrap();
        let why = Vault::new(dir.path().to_owned(), 10).keep(&[7; 5000], None).unwrap_err();
        assert!(why.contains("already take"), "{why}");
        let why = Vault::new("/proc/none".into(), 1 << 20).keep(b"x", None).unwrap_err();
        assert!(why.contains("could not be stored"), "{why}");
    }
}
