use std::io;

use super::cgroup_path::Membership;
use super::kernel_file::{KernelFile, field};
use crate::record::Reading;

/// The files of a container's version 1 groups. Each controller may be missing.
pub(super) struct CgroupV1 {
    memory: KernelFile,
    usage: Option<KernelFile>,
    kernel: Option<KernelFile>,
    oom: Option<KernelFile>,
    cpu: Option<KernelFile>,
    throttling: Option<KernelFile>,
    cpu_quota: Option<KernelFile>,
    cpu_period: Option<KernelFile>,
    pids: Option<KernelFile>,
    blocks: Option<KernelFile>,
}

impl CgroupV1 {
    /// `None` when memory is not accounted for by version 1 here.
    pub(super) fn open(membership: &Membership) -> Option<Self> {
        let file =
            |controller: &str, name: &str| KernelFile::open(&membership.v1(controller)?.join(name));
        Some(Self {
            memory: file("memory", "memory.stat")?,
            usage: file("memory", "memory.usage_in_bytes"),
            kernel: file("memory", "memory.kmem.usage_in_bytes"),
            oom: file("memory", "memory.oom_control"),
            cpu: file("cpuacct", "cpuacct.usage"),
            throttling: file("cpu", "cpu.stat"),
            cpu_quota: file("cpu", "cpu.cfs_quota_us"),
            cpu_period: file("cpu", "cpu.cfs_period_us"),
            pids: file("pids", "pids.current"),
            blocks: file("blkio", "blkio.throttle.io_service_bytes_recursive"),
        })
    }

    /// Reads them all. An error means that the container is gone.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<Reading> {
        let number = |file: &Option<KernelFile>, buffer: &mut Vec<u8>| match file {
            Some(file) => file.number(buffer),
            None => Ok(None),
        };
        let usage = number(&self.usage, buffer)?;
        let kernel = number(&self.kernel, buffer)?;
        let cpu_ns = number(&self.cpu, buffer)?;
        // "-1", which is no whole number, stands for no limit.
        let quota = number(&self.cpu_quota, buffer)?;
        let period = number(&self.cpu_period, buffer)?;
        let pids = number(&self.pids, buffer)?;
        let mut reading = Reading { kernel, pids, ..memory(self.memory.text(buffer)?, usage) };
        reading.cpu_us = cpu_ns.map(|ns| ns / 1000);
        reading.cpu_limit_milli = quota.zip(period).and_then(|(q, p)| (q * 1000).checked_div(p));
        if let Some(file) = &self.oom {
            reading.oom_kills = field(file.text(buffer)?, "oom_kill");
        }
        if let Some(file) = &self.throttling {
            reading.throttled_us = field(file.text(buffer)?, "throttled_time").map(|ns| ns / 1000);
        }
        if let Some(file) = &self.blocks {
            (reading.blk_read, reading.blk_write) = blocks(file.text(buffer)?);
        }
        Ok(reading)
    }
}

fn memory(stat: &str, usage: Option<u64>) -> Reading {
    // "No limit" is the largest multiple of a page; nobody sets an exbibyte.
    let limit = field(stat, "hierarchical_memory_limit").filter(|bytes| *bytes < 1 << 60);
    let idle = field(stat, "total_inactive_file");
    Reading {
        anon: field(stat, "total_rss"),
        file: field(stat, "total_cache"),
        working_set: usage.zip(idle).map(|(usage, idle)| usage.saturating_sub(idle)),
        limit,
        ..Reading::default()
    }
}

/// Lines `8:0 Read 4096`, and `Total 8192` at the end; of an idle group the total alone.
fn blocks(text: &str) -> (Option<u64>, Option<u64>) {
    let sum = |what: &str| {
        let of = |line: &str| {
            let mut words = line.split(' ').skip(1);
            (words.next()? == what).then(|| words.next()?.parse::<u64>().ok())?
        };
        text.lines().filter_map(of).sum()
    };
    if text.is_empty() { (None, None) } else { (Some(sum("Read")), Some(sum("Write"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cache 5\nrss 7\ninactive_file 4\nhierarchical_memory_limit 67108864\n\
        hierarchical_memsw_limit 134217728\ntotal_cache 5484544\ntotal_rss 462848\n\
        total_rss_huge 0\ntotal_inactive_file 5484000\ntotal_active_file 544\n";

    #[test]
    fn totals_count_and_not_the_groups_own_share() {
        let reading = memory(STAT, Some(6_516_736));
        assert_eq!(reading.anon, Some(462_848));
        assert_eq!(reading.file, Some(5_484_544));
        assert_eq!(reading.working_set, Some(1_032_736));
        assert_eq!(reading.limit, Some(67_108_864));
    }

    #[test]
    fn no_limit_and_missing_lines_are_absent_and_not_zero() {
        let reading = memory("hierarchical_memory_limit 9223372036854771712\n", None);
        assert_eq!(reading, Reading::default());
    }

    #[test]
    fn block_lines_add_up_over_devices() {
        let text = "8:0 Read 4096\n8:0 Write 10\n8:0 Sync 0\n8:0 Total 4106\n\
                    8:16 Read 4\n8:16 Write 1\nTotal 4111\n";
        assert_eq!(blocks(text), (Some(4100), Some(11)));
        assert_eq!(blocks("Total 0\n"), (Some(0), Some(0)));
        assert_eq!(blocks(""), (None, None));
    }
}
