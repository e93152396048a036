use std::path::{Path, PathBuf};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::kernel_file::KernelFile;
use super::process::TICK_US;
use crate::record::{Provenance, Reading};

/// The machine longhaul runs on.
pub(super) struct Host {
    system: Option<System>,
    cpu: Option<KernelFile>,
    disk: PathBuf,
}

impl Host {
    /// `disk` is any folder on the disk to watch.
    pub(super) fn new(disk: PathBuf) -> Self {
        Self { system: System::new().ok(), cpu: KernelFile::open(Path::new("/proc/stat")), disk }
    }

    /// Its figures.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> Reading {
        let mut reading = Reading::default();
        if let Some(system) = &mut self.system {
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
            reading.anon = Some(system.used_memory());
            reading.limit = Some(system.total_memory());
        }
        reading.load_milli = System::load_average().ok().map(|l| (l.one * 1000.0) as u64);
        let cpu = self.cpu.as_ref().and_then(|file| file.text(buffer).ok());
        reading.cpu_us = cpu.and_then(busy_us);
        reading.disk_free =
            rustix::fs::statvfs(&self.disk).ok().map(|disk| disk.f_bavail * disk.f_frsize);
        reading
    }
}

/// `cpu  user nice system idle iowait irq softirq steal ...`: all but idle, waiting, and what others took.
fn busy_us(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_ascii_whitespace().map_while(|n| n.parse().ok()).collect();
    let busy = ticks.get(..3)?.iter().chain(ticks.get(5..7)?);
    Some(busy.sum::<u64>() * TICK_US)
}

/// What is known of the machine; what concerns the engine and the experiment is left empty.
pub fn provenance() -> Provenance {
    let kind = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind).ok();
    let known =
        |text: Result<String, sysinfo::Error>| text.unwrap_or_else(|_| "unknown".to_owned());
    let cpu = system.as_ref().map_or_else(String::new, |system| {
        let model = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
        format!("{} x {}", system.cpus().len(), if model.is_empty() { "unknown" } else { model })
    });
    Provenance {
        longhaul: env!("CARGO_PKG_VERSION").to_owned(),
        host: known(System::host_name()),
        kernel: format!(
            "{}, {}",
            known(System::long_os_version()),
            known(System::kernel_version())
        ),
        cpu,
        memory: system.map_or(0, |system| system.total_memory()),
        ..Provenance::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_leaves_out_idle_wait_and_steal() {
        let stat = "cpu  10 20 30 4000 5000 1 2 999 0 0\ncpu0 1 1 1 1 1 1 1\n";
        assert_eq!(busy_us(stat), Some(63 * TICK_US));
        assert_eq!(busy_us("cpu  10 20"), None);
    }

    #[test]
    fn the_machine_has_figures_and_facts() {
        let mut host = Host::new(PathBuf::from("/"));
        let reading = host.read(&mut Vec::new());
        assert!(reading.anon.unwrap() < reading.limit.unwrap());
        assert!(reading.cpu_us.unwrap() > 0 && reading.disk_free.unwrap() > 0);
        assert!(reading.load_milli.is_some());
        let facts = provenance();
        assert_eq!(facts.memory, reading.limit.unwrap());
        assert!(!facts.host.is_empty() && facts.kernel.len() > 5 && facts.cpu.len() > 4);
    }

    #[test]
    fn a_disk_that_is_not_there_has_no_free_space() {
        let mut host = Host::new(PathBuf::from("/nonexistent"));
        assert_eq!(host.read(&mut Vec::new()).disk_free, None);
    }
}
