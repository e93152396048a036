use std::fs;
use std::path::PathBuf;

use super::cgroup_path::Membership;
use super::cgroup_v1::CgroupV1;
use super::cgroup_v2::CgroupV2;
use super::kernel_file::KernelFile;
use super::process::Process;
use super::{descriptors, network};
use crate::record::Reading;

/// A container of a local engine, read through its control groups.
pub(super) struct Container {
    main: Process,
    groups: Groups,
    processes: Option<KernelFile>,
}

enum Groups {
    V1(CgroupV1),
    V2(CgroupV2),
}

fn membership(id: &str, pid: u32) -> Option<Membership> {
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    Some(Membership::parse(&mountinfo, &cgroup, id))
}

/// The folder of the control group that accounts for the memory of the container with this id, whose first
/// process is `pid`; `None` when it is gone or its groups can't be seen from here.
pub fn memory_group(id: &str, pid: u32) -> Option<PathBuf> {
    let membership = membership(id, pid)?;
    let mut folders = [membership.v1("memory"), membership.v2()].into_iter().flatten();
    folders.find(|folder| folder.join("memory.stat").is_file())
}

impl Container {
    /// The container with this id whose first process is `pid`; `None` when it is gone or its groups can't
    /// be seen from here.
    pub(super) fn open(id: &str, pid: u32) -> Option<Self> {
        let main = Process::open(pid)?;
        let membership = membership(id, pid)?;
        // Where both versions are mounted, memory is accounted for by one of them.
        let (groups, folder): (Groups, Option<PathBuf>) = match CgroupV1::open(&membership) {
            Some(v1) => (Groups::V1(v1), membership.v1("memory")),
            None => (Groups::V2(CgroupV2::open(&membership)?), membership.v2()),
        };
        let processes = folder.and_then(|f| KernelFile::open(&f.join("cgroup.procs")));
        Some(Self { main, groups, processes })
    }

    /// Its figures; `None` when it is gone.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> Option<Reading> {
        let mut reading = match &self.groups {
            Groups::V1(groups) => groups.read(buffer),
            Groups::V2(groups) => groups.read(buffer),
        }
        .ok()?;
        if let Some(file) = &self.processes {
            let pids = file.text(buffer).ok()?.lines().filter_map(|l| l.parse().ok());
            reading.fds = descriptors::of(pids);
        }
        (reading.net_rx, reading.net_tx) = network::read(self.main.pid());
        self.main.alive(buffer).then_some(reading)
    }
}
