use std::io;

use super::cgroup_path::Membership;
use super::kernel_file::{KernelFile, field};
use crate::record::Reading;

/// The files of a container's version 2 group. Each controller may be switched off.
pub(super) struct CgroupV2 {
    memory: KernelFile,
    usage: Option<KernelFile>,
    limit: Option<KernelFile>,
    events: Option<KernelFile>,
    cpu: Option<KernelFile>,
    cpu_limit: Option<KernelFile>,
    pids: Option<KernelFile>,
    blocks: Option<KernelFile>,
}

impl CgroupV2 {
    /// `None` when memory is not accounted for by version 2 here.
    pub(super) fn open(membership: &Membership) -> Option<Self> {
        let folder = membership.v2()?;
        let file = |name: &str| KernelFile::open(&folder.join(name));
        Some(Self {
            memory: file("memory.stat")?,
            usage: file("memory.current"),
            limit: file("memory.max"),
            events: file("memory.events"),
            cpu: file("cpu.stat"),
            cpu_limit: file("cpu.max"),
            pids: file("pids.current"),
            blocks: file("io.stat"),
        })
    }

    /// Reads them all. An error means that the container is gone.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<Reading> {
        let number = |file: &Option<KernelFile>, buffer: &mut Vec<u8>| match file {
            Some(file) => file.number(buffer),
            None => Ok(None),
        };
        let usage = number(&self.usage, buffer)?;
        // "max", which is no number, stands for no limit.
        let limit = number(&self.limit, buffer)?;
        let pids = number(&self.pids, buffer)?;
        let mut reading = Reading { limit, pids, ..memory(self.memory.text(buffer)?, usage) };
        if let Some(file) = &self.events {
            reading.oom_kills = field(file.text(buffer)?, "oom_kill");
        }
        if let Some(file) = &self.cpu {
            let text = file.text(buffer)?;
            reading.cpu_us = field(text, "usage_usec");
            reading.throttled_us = field(text, "throttled_usec");
        }
        if let Some(file) = &self.cpu_limit {
            reading.cpu_limit_milli = cpu_limit(file.text(buffer)?);
        }
        if let Some(file) = &self.blocks {
            let (read, write) = blocks(file.text(buffer)?);
            (reading.blk_read, reading.blk_write) = (Some(read), Some(write));
        }
        Ok(reading)
    }
}

fn memory(stat: &str, usage: Option<u64>) -> Reading {
    // Kernels before 5.18 don't add it up themselves.
    let parts = || {
        let parts = ["kernel_stack", "pagetables", "percpu", "slab"];
        parts.iter().filter_map(|name| field(stat, name)).reduce(|a, b| a + b)
    };
    let idle = field(stat, "inactive_file");
    Reading {
        anon: field(stat, "anon"),
        file: field(stat, "file"),
        kernel: field(stat, "kernel").or_else(parts),
        working_set: usage.zip(idle).map(|(usage, idle)| usage.saturating_sub(idle)),
        ..Reading::default()
    }
}

/// `50000 100000` is half a core; `max 100000` is no limit.
fn cpu_limit(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let quota: u64 = words.next()?.parse().ok()?;
    let period: u64 = words.next()?.parse().ok()?;
    quota.saturating_mul(1000).checked_div(period)
}

/// Lines `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`; none when nothing was read or written.
fn blocks(text: &str) -> (u64, u64) {
    let sum = |name: &str| {
        text.split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok())
            .sum()
    };
    (sum("rbytes"), sum("wbytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const STAT: &str = "anon 2113536\nfile 5283840\nkernel 471040\nkernel_stack 32768\n\
        pagetables 135168\npercpu 120\nsock 4096\nshmem 0\ninactive_anon 2109440\n\
        inactive_file 3145728\nactive_file 2138112\nslab_reclaimable 100\nslab 128704\n";

    #[test]
    fn a_whole_group_is_read_and_an_unlimited_one_has_no_limit() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        let group = dir.path().join("docker").join("abc");
        fs::create_dir_all(&group).unwrap();
        for (name, text) in [
            ("memory.stat", STAT),
            ("memory.current", "8000000\n"),
            ("memory.max", "max\n"),
            ("memory.events", "low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\noom_group_kill 0\n"),
            (
                "cpu.stat",
                "usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\nnr_periods 9\nnr_throttled 3\nthrottled_usec 777\n",
            ),
            ("pids.current", "12\n"),
            (
                "io.stat",
                "8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=9 dios=0\n",
            ),
        ] {
            fs::write(group.join(name), text).unwrap();
        }
        let mounts = format!("30 23 0:26 / {root} rw - cgroup2 cgroup2 rw\n");
        let membership = Membership::parse(&mounts, "0::/docker/abc/inner\n", "abc");
        let reading = CgroupV2::open(&membership).unwrap().read(&mut Vec::new()).unwrap();
        let want = Reading {
            anon: Some(2_113_536),
            file: Some(5_283_840),
            kernel: Some(471_040),
            working_set: Some(8_000_000 - 3_145_728),
            cpu_us: Some(123_456),
            throttled_us: Some(777),
            pids: Some(12),
            blk_read: Some(4097),
            blk_write: Some(514),
            oom_kills: Some(1),
            ..Reading::default()
        };
        assert_eq!(reading, want);
        fs::write(group.join("memory.max"), "67108864\n").unwrap();
        let limited = CgroupV2::open(&membership).unwrap().read(&mut Vec::new()).unwrap();
        assert_eq!(limited.limit, Some(67_108_864));
        assert_eq!(cpu_limit("50000 100000\n"), Some(500));
        assert_eq!((cpu_limit("max 100000\n"), cpu_limit("5 0")), (None, None));
    }

    #[test]
    fn an_older_kernel_s_parts_are_added_up_and_absence_stays_absence() {
        let old = STAT.replace("kernel 471040\n", "");
        assert_eq!(memory(&old, None).kernel, Some(32_768 + 135_168 + 120 + 128_704));
        assert_eq!(memory("", None), Reading::default());
    }
}
