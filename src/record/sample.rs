//! What the sampler read.

use serde::{Deserialize, Serialize};

use crate::clock::Offset;

/// Whose reading it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One container or process of the target.
    Instance {
        /// Service name.
        service: String,
        /// Number within the service, from 1.
        ordinal: u32,
    },
    /// The machine longhaul runs on.
    Host,
    /// longhaul itself.
    Longhaul,
    /// A probe, by its name: what the target tells of itself.
    Probe(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Instance { service, ordinal } => write!(f, "{service}#{ordinal}"),
            Self::Host => f.write_str("host"),
            Self::Longhaul => f.write_str("longhaul"),
            Self::Probe(name) => write!(f, "probe:{name}"),
        }
    }
}

/// One reading of one subject. `None` means "not readable here", never zero.
/// Counters (marked so) only grow within an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Anonymous memory, bytes: cgroup v1 `total_rss`, v2 `anon`; for a process its resident anonymous memory; for the host: used memory.
    pub anon: Option<u64>,
    /// Page cache, bytes.
    pub file: Option<u64>,
    /// Kernel memory, bytes.
    pub kernel: Option<u64>,
    /// Usage less inactive page cache, bytes: what `docker stats` shows.
    pub working_set: Option<u64>,
    /// Memory limit, bytes; `None` when unlimited. For the host: total memory.
    pub limit: Option<u64>,
    /// CPU time used, microseconds (counter).
    pub cpu_us: Option<u64>,
    /// Time throttled by a CPU quota, microseconds (counter).
    pub throttled_us: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Open file descriptors.
    pub fds: Option<u64>,
    /// Bytes received (counter).
    pub net_rx: Option<u64>,
    /// Bytes sent (counter).
    pub net_tx: Option<u64>,
    /// Bytes read from block devices (counter).
    pub blk_read: Option<u64>,
    /// Bytes written to block devices (counter).
    pub blk_write: Option<u64>,
    /// OOM kills (counter).
    pub oom_kills: Option<u64>,
    /// Starts of this instance since the run's first look at it, less one.
    pub restarts: Option<u64>,
    /// Load average over one minute, in thousandths (host only).
    pub load_milli: Option<u64>,
    /// Free bytes on the disk of the data folder (host only).
    pub disk_free: Option<u64>,
    /// CPU limit, thousandths of a core; `None` when unlimited.
    pub cpu_limit_milli: Option<u64>,
}

/// A reading with its place in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Offset,
    /// Whose.
    pub subject: Subject,
    /// Number of the process life it belongs to, from 0: a new one at each start.
    pub epoch: u32,
    /// The figures.
    pub reading: Reading,
}

/// All readings of one subject in time order. A gap is an absence of entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Whose.
    pub subject: Subject,
    /// The readings.
    pub points: Vec<(Offset, u32, Reading)>,
}
