//! What is watched for growth.

use serde::{Deserialize, Serialize};

use super::Reading;

/// A gauge of an instance that is judged for leaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gauge {
    /// Anonymous memory, bytes.
    Memory,
    /// Open descriptors.
    Descriptors,
    /// Processes and threads.
    Threads,
    /// A series scraped from the target's own metrics, by its name with labels.
    Scraped(String),
}

impl Gauge {
    /// Its reading, where it comes from the sampler and was readable.
    pub fn of(&self, reading: &Reading) -> Option<u64> {
        match self {
            Self::Memory => reading.anon,
            Self::Descriptors => reading.fds,
            Self::Threads => reading.pids,
            Self::Scraped(_) => None,
        }
    }

    /// Whether its figures are bytes; else a number of things.
    pub fn is_bytes(&self) -> bool {
        match self {
            Self::Memory => true,
            Self::Descriptors | Self::Threads => false,
            Self::Scraped(name) => name.split('{').next().is_some_and(|n| n.ends_with("_bytes")),
        }
    }
}

impl std::fmt::Display for Gauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Descriptors => "descriptors",
            Self::Threads => "threads",
            Self::Scraped(name) => name,
        })
    }
}
