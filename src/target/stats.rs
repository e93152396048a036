//! Readings of containers through the engine, for engines whose control groups can't be read directly.

use std::collections::BTreeMap;

use bollard::models::{ContainerBlkioStatEntry, ContainerStatsResponse};
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::stream::{BoxStream, StreamExt as _};

use super::{Engine, TargetError};

/// One reading of one container as the engine gives it. `None` means "not said".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineReading {
    /// Memory in use, page cache included, bytes.
    pub memory_usage: Option<u64>,
    /// Memory limit, bytes; the machine's memory when unlimited.
    pub memory_limit: Option<u64>,
    /// The control group's `memory.stat` by its own names: v1 `total_rss`, `total_cache`,
    /// `total_inactive_file`; v2 `anon`, `file`, `inactive_file`, `kernel_stack`, `slab`.
    pub memory: BTreeMap<String, u64>,
    /// CPU time used, nanoseconds (counter).
    pub cpu_ns: Option<u64>,
    /// Time throttled by a quota, nanoseconds (counter).
    pub throttled_ns: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Bytes received over all networks (counter).
    pub net_rx: Option<u64>,
    /// Bytes sent over all networks (counter).
    pub net_tx: Option<u64>,
    /// Bytes read from block devices (counter).
    pub blk_read: Option<u64>,
    /// Bytes written to block devices (counter).
    pub blk_write: Option<u64>,
}

impl Engine {
    /// Readings of a container, about one a second, until it stops or the engine goes away.
    pub fn stats(&self, id: &str) -> BoxStream<'static, Result<EngineReading, TargetError>> {
        let options = StatsOptionsBuilder::new().stream(true).build();
        let what = format!("read the statistics of {id}");
        self.docker()
            .stats(id, Some(options))
            .filter_map(move |item| {
                let reading = match item {
                    // A container that is not running gives empty readings.
                    Ok(stats) => {
                        let reading = reading(stats);
                        (reading != EngineReading::default()).then_some(Ok(reading))
                    }
                    Err(error) => Some(Err(TargetError::engine(what.clone())(error))),
                };
                std::future::ready(reading)
            })
            .boxed()
    }
}

fn reading(stats: ContainerStatsResponse) -> EngineReading {
    let memory = stats.memory_stats.unwrap_or_default();
    if memory.usage.is_none() && memory.stats.is_none() {
        return EngineReading::default();
    }
    let cpu = stats.cpu_stats.unwrap_or_default();
    let networks = stats.networks;
    let sum = |pick: fn(&bollard::models::ContainerNetworkStats) -> Option<u64>| {
        networks.as_ref().map(|all| all.values().filter_map(pick).sum())
    };
    let blocks = stats.blkio_stats.and_then(|b| b.io_service_bytes_recursive);
    EngineReading {
        memory_usage: memory.usage,
        memory_limit: memory.limit,
        memory: memory.stats.unwrap_or_default().into_iter().collect(),
        cpu_ns: cpu.cpu_usage.and_then(|u| u.total_usage),
        throttled_ns: cpu.throttling_data.and_then(|t| t.throttled_time),
        pids: stats.pids_stats.and_then(|p| p.current),
        net_rx: sum(|n| n.rx_bytes),
        net_tx: sum(|n| n.tx_bytes),
        blk_read: blocks.as_deref().map(|all| block_bytes(all, "read")),
        blk_write: blocks.as_deref().map(|all| block_bytes(all, "write")),
    }
}

/// Version 1 says `Read`, version 2 `read`.
fn block_bytes(entries: &[ContainerBlkioStatEntry], op: &str) -> u64 {
    entries
        .iter()
        .filter(|e| e.op.as_deref().is_some_and(|o| o.eq_ignore_ascii_case(op)))
        .filter_map(|e| e.value)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_over_all_networks_and_devices() {
        let stats = serde_json::from_value(serde_json::json!({
            "memory_stats": { "usage": 900, "limit": 1000, "stats": { "anon": 5 } },
            "cpu_stats": { "cpu_usage": { "total_usage": 7 }, "throttling_data": { "throttled_time": 3 } },
            "pids_stats": { "current": 2 },
            "networks": { "eth0": { "rx_bytes": 1, "tx_bytes": 10 }, "eth1": { "rx_bytes": 2, "tx_bytes": 20 } },
            "blkio_stats": { "io_service_bytes_recursive": [
                { "op": "Read", "value": 4 }, { "op": "write", "value": 8 }, { "op": "read", "value": 1 } ] },
        }))
        .unwrap();
        let seen = reading(stats);
        assert_eq!((seen.net_rx, seen.net_tx), (Some(3), Some(30)));
        assert_eq!((seen.blk_read, seen.blk_write), (Some(5), Some(8)));
        assert_eq!((seen.cpu_ns, seen.throttled_ns, seen.pids), (Some(7), Some(3), Some(2)));
        assert_eq!(seen.memory["anon"], 5);
    }

    #[test]
    fn what_is_not_said_is_not_zero() {
        let stopped = serde_json::from_value(serde_json::json!({ "memory_stats": {} })).unwrap();
        assert_eq!(reading(stopped), EngineReading::default());
    }
}
