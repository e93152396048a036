//! What an instance's processes hold open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::fold::{Counter, fold};
use super::processes::{Processes, denied};
use crate::record::Descriptors;

/// Targets told by name.
const TOP: usize = 30;
/// Descriptors whose target is looked up, at most; more are only counted.
const LOOKED_AT: u64 = 65_536;

/// What is open, and the inodes of the sockets among it.
pub(super) struct Open {
    pub(super) descriptors: Descriptors,
    pub(super) sockets: BTreeSet<u64>,
    /// Descriptors that are sockets: one socket may be held by several.
    pub(super) socket_descriptors: u64,
}

pub(super) fn read(processes: &Processes) -> Result<Open, String> {
    let mut sum = Sum::default();
    let mut first_error = None;
    let mut readable = false;
    for pid in &processes.pids {
        match sum.process(*pid) {
            Ok(()) => readable = true,
            Err(error) => drop(first_error.get_or_insert_with(|| denied(&error))),
        }
    }
    if readable {
        Ok(sum.finish())
    } else {
        Err(first_error.unwrap_or_else(|| "it has no process".to_owned()))
    }
}

#[derive(Default)]
struct Sum {
    total: u64,
    types: BTreeMap<String, u64>,
    targets: Counter,
    sockets: BTreeSet<u64>,
    socket_descriptors: u64,
}

impl Sum {
    fn process(&mut self, pid: u32) -> std::io::Result<()> {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
            let Ok(entry) = entry else { break };
            if self.total >= LOOKED_AT {
                self.total += 1;
                *self.types.entry("not_looked_at".to_owned()).or_default() += 1;
            } else if let Ok(target) = std::fs::read_link(entry.path()) {
                self.add(&target);
            }
        }
        Ok(())
    }

    fn add(&mut self, target: &Path) {
        let target = target.to_string_lossy();
        self.total += 1;
        let (kind, name) = describe(&target);
        if let Some(inode) = socket(&target) {
            self.sockets.insert(inode);
            self.socket_descriptors += 1;
        }
        *self.types.entry(kind).or_default() += 1;
        self.targets.add(name);
    }

    fn finish(self) -> Open {
        Open {
            descriptors: Descriptors {
                total: self.total,
                types: self.types,
                targets: self.targets.top(TOP),
            },
            sockets: self.sockets,
            socket_descriptors: self.socket_descriptors,
        }
    }
}

fn socket(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Type and folded name of what a descriptor leads to.
fn describe(target: &str) -> (String, String) {
    if target.starts_with('/') {
        let device = target.starts_with("/dev/") && !target.starts_with("/dev/shm/");
        let kind = if target.starts_with("/memfd:") {
            "memfd"
        } else if device {
            "device"
        } else {
            "file"
        };
        return (kind.to_owned(), fold(target));
    }
    // `socket:[123]`, `pipe:[123]`, `anon_inode:[eventpoll]`, `net:[402...]`
    let kind = target.split_once(':').map_or(target, |(kind, _)| kind);
    if kind == "anon_inode" {
        return (target.to_owned(), target.to_owned());
    }
    (kind.to_owned(), kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_targets_are_told_and_sockets_found() {
        let mut sum = Sum::default();
        for target in [
            "/data/seg-1.log",
            "/data/seg-2.log",
            "/data/seg-2.log (deleted)",
            "/dev/null",
            "socket:[71]",
            "socket:[72]",
            "socket:[72]",
            "pipe:[9]",
            "anon_inode:[eventpoll]",
            "/memfd:buffer (deleted)",
        ] {
            sum.add(Path::new(target));
        }
        let open = sum.finish();
        assert_eq!(open.sockets, BTreeSet::from([71, 72]));
        assert_eq!((open.socket_descriptors, open.descriptors.total), (3, 10));
        let types: Vec<_> = open.descriptors.types.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        assert_eq!(
            types,
            [
                ("anon_inode:[eventpoll]", 1),
                ("device", 1),
                ("file", 3),
                ("memfd", 1),
                ("pipe", 1),
                ("socket", 3)
            ]
        );
        let top: Vec<_> =
            open.descriptors.targets.top.iter().map(|c| (c.name.as_str(), c.count)).collect();
        assert_eq!(&top[..2], [("socket", 3), ("/data/seg-N.log", 2)]);
    }

    #[test]
    fn this_process_s_own_files_come_out_on_top() {
        let file = tempfile::Builder::new().prefix("leaking-").tempfile().unwrap();
        let _held: Vec<_> = (0..500).map(|_| std::fs::File::open(file.path()).unwrap()).collect();
        let me = Processes { main: 0, pids: vec![std::process::id(), u32::MAX], left_out: 0 };
        let open = read(&me).unwrap();
        let first = &open.descriptors.targets.top[0];
        assert_eq!(
            (first.name.as_str(), first.count >= 500),
            (fold(&file.path().display().to_string()).as_str(), true)
        );
        let nobody = Processes { main: 0, pids: vec![u32::MAX], left_out: 0 };
        assert_eq!(read(&nobody).err().unwrap(), "the process has ended");
    }
}
