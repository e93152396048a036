//! Heap profiles that the target gave of itself.

use serde::{Deserialize, Serialize};

use super::{Captured, HeapSites};
use crate::clock::Offset;

/// One heap profile of one instance, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapProfile {
    /// The URL, or the command's words, as configured.
    pub source: String,
    /// When it was asked for.
    pub from: Offset,
    /// When it had come, or was given up.
    pub to: Offset,
    /// What came instead of or with it; `None` when nothing did.
    pub status: Option<ProfileStatus>,
    /// What came.
    pub body: Captured<ProfileBody>,
}

/// How the answer to a request for a profile began, or how its command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileStatus {
    /// HTTP status.
    Http(u16),
    /// Exit code of the command.
    Exit(i32),
}

/// The bytes of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileBody {
    /// The file that holds them, in the run's folder: compressed with gzip, unless they came so.
    pub file: String,
    /// Bytes as they came.
    pub size: u64,
    /// SHA-256 of the bytes as they came, in hex.
    pub sha256: String,
    /// The answer's content type.
    pub content_type: Option<String>,
    /// Where the memory was allocated, where the format can be read: pprof and jemalloc's.
    #[serde(default = "unread")]
    pub sites: Captured<HeapSites>,
}

/// For profiles that were kept before their sites were read.
fn unread() -> Captured<HeapSites> {
    Captured::NotCaptured("an earlier version kept it and did not read it".to_owned())
}
