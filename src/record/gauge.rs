//! What is watched for growth.

use serde::{Deserialize, Serialize};

use super::scrape::metric;
use super::{GaugeUnit, Reading};

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
    /// Descriptors that are sockets, as captured.
    Sockets,
    /// What it keeps on disk, bytes, as captured.
    Disk,
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
            Self::Sockets | Self::Disk | Self::Scraped(_) => None,
        }
    }

    /// Whether longhaul reads it itself, every few seconds.
    pub fn is_sampled(&self) -> bool {
        matches!(self, Self::Memory | Self::Descriptors | Self::Threads)
    }

    /// What its figures are.
    pub fn unit(&self) -> GaugeUnit {
        match self {
            Self::Memory | Self::Disk => GaugeUnit::Bytes,
            Self::Scraped(name) if metric(name).ends_with("_bytes") => GaugeUnit::Bytes,
            Self::Descriptors | Self::Threads | Self::Sockets | Self::Scraped(_) => {
                GaugeUnit::Count
            }
        }
    }
}

impl std::fmt::Display for Gauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Descriptors => "descriptors",
            Self::Threads => "threads",
            Self::Sockets => "sockets",
            Self::Disk => "disk",
            Self::Scraped(name) => name,
        })
    }
}
