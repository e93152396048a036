//! A folder of baselines: runs in short, one file each, to be committed beside the experiments.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::baseline_file as file;
use super::{Store, StoreError};
use crate::ids::{BaselineName, RunId};
use crate::record::Digest;

/// Why a baseline could not be read or written. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// There is none of this name.
    #[error("find the baseline {name}: {dir} holds {}", held(.known))]
    Unknown {
        /// The name.
        name: String,
        /// The folder.
        dir: PathBuf,
        /// What it holds instead.
        known: Vec<String>,
    },
    /// A file or folder could not be read.
    #[error("read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written or removed.
    #[error("write {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no baseline.
    #[error("use {path} as a baseline: {reason}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A digest can't be turned into text.
    #[error("encode a baseline: {0}")]
    Encode(String),
}

fn held(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// A folder of baselines. A name is an id and can't lead out of it.
#[derive(Clone, Debug)]
pub struct Baselines {
    dir: PathBuf,
}

impl Baselines {
    /// The baselines in this folder, which need not be there yet.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a baseline, there or not.
    pub fn path(&self, name: &BaselineName) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &BaselineName) -> bool {
        self.path(name).is_file()
    }

    /// Writes a baseline, in place of one that has the name already.
    pub fn set(&self, name: &BaselineName, digest: &Digest) -> Result<PathBuf, BaselineError> {
        let path = self.path(name);
        write_whole(&path, &file::text(digest)?)
            .map_err(|source| BaselineError::Write { path: path.clone(), source })?;
        Ok(path)
    }

    /// Reads a baseline.
    pub fn get(&self, name: &BaselineName) -> Result<Digest, BaselineError> {
        if !self.has(name) {
            let known = self.names()?.iter().map(ToString::to_string).collect();
            let (name, dir) = (name.to_string(), self.dir.clone());
            return Err(BaselineError::Unknown { name, dir, known });
        }
        file::read(&self.path(name))
    }

    /// Removes a baseline.
    pub fn remove(&self, name: &BaselineName) -> Result<(), BaselineError> {
        if !self.has(name) {
            return self.get(name).map(drop);
        }
        let path = self.path(name);
        std::fs::remove_file(&path).map_err(|source| BaselineError::Write { path, source })
    }

    /// The names of all, in order. Files that are named otherwise are not baselines.
    pub fn names(&self) -> Result<Vec<BaselineName>, BaselineError> {
        let unreadable = |source| BaselineError::Read { path: self.dir.clone(), source };
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(unreadable(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            let stem = path.file_stem().and_then(|s| s.to_str());
            if path.extension().is_some_and(|e| e == "json") && path.is_file() {
                names.extend(stem.and_then(|s| s.parse().ok()));
            }
        }
        names.sort();
        Ok(names)
    }
}

impl Store {
    /// A run's digest, if it was kept in a form that this longhaul reads.
    pub fn kept_digest(&self, id: &RunId) -> Option<Digest> {
        file::read(&self.digest_file(id)).ok()
    }

    /// Keeps a run's digest in the run's folder.
    pub fn keep_digest(&self, id: &RunId, digest: &Digest) -> Result<(), StoreError> {
        let path = self.digest_file(id);
        let encode =
            |e: BaselineError| StoreError::Encode { what: "digest", reason: e.to_string() };
        let text = file::text(digest).map_err(encode)?;
        write_whole(&path, &text).map_err(|source| StoreError::Folder { path, source })
    }

    fn digest_file(&self, id: &RunId) -> PathBuf {
        self.run_dir(id).join("digest.json")
    }
}

/// Writes a file that appears whole or not at all; makes its folder.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = std::fs::File::create(&fresh).and_then(|mut out| {
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&fresh, path)
    });
    if written.is_err() {
        // The first error is the one to tell.
        std::fs::remove_file(&fresh).ok();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{LoadDigest, ServiceDigest};

    fn digest() -> Digest {
        let n = 3;
        Digest {
            run: "20261121-020000-x-0001".parse().unwrap(),
            experiment: "x".to_owned(),
            started: "2026-11-21T02:00:00Z".parse().unwrap(),
            outcome: Some(crate::record::VerdictOutcome::Passed),
            longhaul: "0.1.0".to_owned(),
            tags: [("commit".to_owned(), "a1".to_owned())].into(),
            versions: [].into(),
            conditions: [(crate::record::Aspect::Load, [("rate".into(), "50/s".into())].into())]
                .into(),
            window: std::time::Duration::from_mins(20),
            clear_s: vec![1200.0, 0.0, 1199.998],
            load: vec![LoadDigest {
                step: None,
                ended: vec![60_000, 0, 59_000],
                errors: vec![1, 0, 0],
                mean_us: vec![Some(9123.4), None, Some(9000.0)],
                p50_us: vec![Some(7000), None, Some(7100)],
                p95_us: vec![None; n],
                p99_us: vec![None; n],
            }],
            services: vec![ServiceDigest {
                service: "api".to_owned(),
                memory: vec![Some(200 << 20), None, None],
                cpu_percent: vec![Some(12.5), None, None],
                descriptors: vec![None; n],
                threads: vec![None; n],
            }],
        }
    }

    #[test]
    fn a_baseline_reads_back_as_itself_and_is_the_same_text_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let baselines = Baselines::of(&dir.path().join("baselines"));
        assert!(baselines.names().unwrap().is_empty());
        let name: BaselineName = "nightly".parse().unwrap();
        let path = baselines.set(&name, &digest()).unwrap();
        assert_eq!(baselines.get(&name).unwrap(), digest());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, file::text(&digest()).unwrap());
        insta::assert_snapshot!(text);
        std::fs::write(dir.path().join("baselines/notes.txt"), "not one").unwrap();
        std::fs::write(dir.path().join("baselines/-odd.json"), "{}").unwrap();
        assert_eq!(baselines.names().unwrap(), std::slice::from_ref(&name));
        let missing = baselines.get(&"other".parse().unwrap()).unwrap_err().to_string();
        assert!(missing.ends_with("holds nightly"), "{missing}");
        baselines.remove(&name).unwrap();
        assert!(baselines.remove(&name).is_err() && !path.exists());
    }

    #[test]
    fn what_is_no_baseline_is_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        let whole = file::text(&digest()).unwrap();
        for (text, why) in [
            (String::new(), "it is not JSON"),
            ("[1]".to_owned(), "no baseline"),
            ("{\"a\": 1}".to_owned(), "no baseline"),
            (whole.replace("\"longhaul_baseline\": 1", "\"longhaul_baseline\": 2"), "format 2"),
            (whole.replace("[60000, 0, 59000]", "[60000, 0]"), "do not fit"),
            (whole.replace("[60000, 0, 59000]", "[0, 0, 59000]"), "do not fit"),
            (whole.replace("\"x\"", "7"), "invalid type"),
            (whole.replace("20261121-020000-x-0001", "../../etc"), "is not an id"),
        ] {
            std::fs::write(&path, text).unwrap();
            let told = file::read(&path).unwrap_err().to_string();
            assert!(told.contains(why), "{why}: {told}");
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(file::read(&path).unwrap_err().to_string().contains("not text"));
        assert!(file::read(dir.path()).is_err() && file::read(&dir.path().join("none")).is_err());
    }
}
