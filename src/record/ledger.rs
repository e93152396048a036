//! The ledger: one row per interval, written as it happens.

use serde::{Deserialize, Serialize};

use super::{Counts, Quantiles};
use crate::clock::Offset;

/// One service within one ledger interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Service name.
    pub service: String,
    /// Anonymous memory of all its instances together, bytes: lowest, mean, highest. `None` without samples.
    pub memory_min: Option<u64>,
    /// Mean, bytes.
    pub memory_mean: Option<u64>,
    /// Highest, bytes.
    pub memory_max: Option<u64>,
    /// Growth of the mean since the first judged row, percent.
    pub growth_percent: Option<f64>,
    /// Growth of the mean since the first judged row per arrival since then, bytes.
    pub bytes_per_request: Option<f64>,
    /// CPU used, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// Open descriptors, highest.
    pub fds_max: Option<u64>,
    /// Processes and threads, highest.
    pub pids_max: Option<u64>,
    /// Starts within the interval that were not the first.
    pub restarts: u64,
}

/// One interval of the load profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Number, from 1.
    pub number: u32,
    /// Start, inclusive.
    pub from: Offset,
    /// End, exclusive.
    pub to: Offset,
    /// Arrivals.
    pub counts: Counts,
    /// Arrivals per second asked for, mean.
    pub target_rate: f64,
    /// Arrivals per second that were sent and answered in any way, mean.
    pub achieved_rate: f64,
    /// Errors among the ended, 0 to 1.
    pub error_rate: Option<f64>,
    /// The same, without the windows of faults and their recovery.
    pub error_rate_outside_faults: Option<f64>,
    /// Latency of requests that ended well.
    pub latency: Quantiles,
    /// The generator's own lateness.
    pub lateness: Quantiles,
    /// Services, by name.
    pub services: Vec<ServiceRow>,
    /// Faults that were active in the interval, by id.
    pub faults: Vec<String>,
}
