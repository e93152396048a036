//! What an instance's memory is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::lines;
use super::processes::{Processes, denied};
use super::smaps::{Region, Smaps};
use crate::record::{Extent, Mapping, Mappings, MemoryKind};

/// Mappings that are told by name, by each of both orders.
const TOP: usize = 20;
/// So much of one process's `smaps` is read; about 100 000 mappings.
const LARGEST: u64 = 64 << 20;
/// Processes whose mappings are read: walking a process's memory holds up its own mapping of memory.
const PROCESSES: usize = 32;
/// glibc begins each heap of an arena at a multiple of this.
const ARENA: u64 = 64 << 20;
/// A mapping without access of at most this size is a guard.
const GUARD: u64 = 64 << 10;
/// A mapping behind a guard is a stack up to this size.
const STACK: u64 = 64 << 20;

pub(super) fn read(processes: &Processes) -> Result<Mappings, String> {
    let mut sum = Sum::default();
    let mut first_error = None;
    for pid in processes.pids.iter().take(PROCESSES) {
        match smaps(*pid) {
            Ok(smaps) => sum.add(*pid, &smaps),
            Err(error) => drop(first_error.get_or_insert_with(|| denied(&error))),
        }
    }
    if sum.processes == 0 {
        return Err(first_error.unwrap_or_else(|| "it has no process".to_owned()));
    }
    let all = processes.pids.len() as u32 + processes.left_out;
    Ok(sum.finish(all))
}

fn smaps(pid: u32) -> std::io::Result<Smaps> {
    let mut smaps = Smaps::default();
    lines::of_file(&format!("/proc/{pid}/smaps"), LARGEST, |line| smaps.line(line))?;
    Ok(smaps)
}

#[derive(Default)]
struct Sum {
    processes: u32,
    rollup: BTreeMap<String, u64>,
    kinds: BTreeMap<MemoryKind, Extent>,
    named: BTreeMap<(String, MemoryKind), Extent>,
    alone: Vec<Mapping>,
    arenas: Extent,
}

impl Sum {
    fn add(&mut self, pid: u32, smaps: &Smaps) {
        // A process that has just ended has no mappings any more.
        if smaps.regions.is_empty() {
            return;
        }
        self.processes += 1;
        for (name, bytes) in &smaps.rollup {
            *self.rollup.entry(name.clone()).or_default() += bytes;
        }
        for (i, region) in smaps.regions.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|i| smaps.regions.get(i));
            let kind = kind(region, before);
            let extent = extent(region);
            grow(self.kinds.entry(kind).or_default(), &extent);
            if kind == MemoryKind::Anonymous && is_arena(region, smaps.regions.get(i + 1)) {
                grow(&mut self.arenas, &extent);
            }
            let named = !region.name.is_empty() && kind != MemoryKind::Anonymous;
            if named {
                grow(self.named.entry((region.name.clone(), kind)).or_default(), &extent);
            } else if extent.rss > 0 {
                let name = if region.name.is_empty() { "anonymous" } else { &region.name };
                let at = Some((pid, region.start));
                self.alone.push(Mapping { name: name.to_owned(), kind, at, extent });
            }
        }
    }

    fn finish(self, processes: u32) -> Mappings {
        let named = self.named.into_iter().map(|((name, kind), extent)| Mapping {
            name,
            kind,
            at: None,
            extent,
        });
        let mut all: Vec<Mapping> = self.alone.into_iter().chain(named).collect();
        all.sort_by(|a, b| b.extent.anon.cmp(&a.extent.anon).then_with(|| a.name.cmp(&b.name)));
        let by_anon: BTreeSet<(String, Option<(u32, u64)>)> =
            all.iter().take(TOP).map(|m| (m.name.clone(), m.at)).collect();
        all.sort_by(|a, b| b.extent.rss.cmp(&a.extent.rss).then_with(|| a.name.cmp(&b.name)));
        let (mut top, mut rest) = (Vec::new(), Extent::default());
        for (place, mapping) in all.into_iter().enumerate() {
            if place < TOP || by_anon.contains(&(mapping.name.clone(), mapping.at)) {
                top.push(mapping);
            } else {
                grow(&mut rest, &mapping.extent);
            }
        }
        Mappings {
            processes: self.processes,
            processes_left_out: processes.saturating_sub(self.processes),
            rollup: self.rollup,
            kinds: self.kinds,
            top,
            rest,
            arenas: self.arenas,
        }
    }
}

fn extent(region: &Region) -> Extent {
    let size = region.end.saturating_sub(region.start);
    Extent { count: 1, size, rss: region.rss, anon: region.anon }
}

fn grow(sum: &mut Extent, by: &Extent) {
    sum.count += by.count;
    sum.size += by.size;
    sum.rss += by.rss;
    sum.anon += by.anon;
}

fn kind(region: &Region, before: Option<&Region>) -> MemoryKind {
    let name = region.name.as_str();
    match name {
        "[heap]" => MemoryKind::Heap,
        _ if name.starts_with("[stack") => MemoryKind::Stack,
        _ if name.starts_with("[anon") => MemoryKind::Anonymous,
        "" if is_stack(region, before) => MemoryKind::Stack,
        "" if region.perms.ends_with('s') => MemoryKind::Shared,
        "" => MemoryKind::Anonymous,
        _ if name.starts_with('[') => MemoryKind::Kernel,
        _ if ["/dev/shm/", "/memfd:", "/SYSV", "/dev/zero"].iter().any(|p| name.starts_with(p)) => {
            MemoryKind::Shared
        }
        _ => MemoryKind::File,
    }
}

/// Right behind a small mapping without access, and no larger than a stack is.
fn is_stack(region: &Region, before: Option<&Region>) -> bool {
    let size = region.end - region.start;
    before.is_some_and(|guard| {
        guard.end == region.start
            && guard.perms.starts_with("---")
            && guard.name.is_empty()
            && guard.end - guard.start <= GUARD
            && region.perms.starts_with("rw")
            && size <= STACK
    })
}

/// Begins where only a heap of an arena begins, and fills its 64 MiB or leaves the rest without access.
fn is_arena(region: &Region, after: Option<&Region>) -> bool {
    let whole = region.start + ARENA;
    region.start.is_multiple_of(ARENA)
        && region.perms == "rw-p"
        && region.end <= whole
        && (region.end == whole
            || after.is_some_and(|rest| {
                rest.start == region.end && rest.perms.starts_with("---") && rest.end == whole
            }))
}

#[cfg(test)]
mod tests {
    use super::super::smaps::tests::{TEXT, parse};
    use super::*;

    fn of(text: &str, pids: &[u32]) -> Mappings {
        let mut sum = Sum::default();
        for pid in pids {
            sum.add(*pid, &parse(text));
        }
        sum.finish(pids.len() as u32 + 1)
    }

    #[test]
    fn memory_is_split_by_kind() {
        let found = of(TEXT, &[7]);
        let rss = |kind| found.kinds[&kind].rss >> 10;
        assert_eq!(rss(MemoryKind::Heap), 4096);
        assert_eq!(rss(MemoryKind::Stack), 16 + 40, "the main one and the one behind a guard");
        assert_eq!(rss(MemoryKind::Anonymous), 2000 + 100_000);
        assert_eq!(rss(MemoryKind::File), 864);
        assert_eq!(rss(MemoryKind::Shared), 512);
        assert_eq!(rss(MemoryKind::Kernel), 4);
        assert_eq!((found.arenas.count, found.arenas.rss >> 10), (1, 2000));
        assert_eq!((found.processes, found.processes_left_out), (1, 1));
    }

    #[test]
    fn the_largest_are_named_and_processes_add_up() {
        let found = of(TEXT, &[7, 8]);
        let named: Vec<_> =
            found.top.iter().map(|m| (m.name.as_str(), m.extent.rss >> 10)).collect();
        assert_eq!(&named[..3], [("anonymous", 100_000), ("anonymous", 100_000), ("[heap]", 8192)]);
        assert_eq!(found.top[0].at.map(|(_, start)| start), Some(0x7f00_2000_0000));
        let binary = found.top.iter().find(|m| m.name == "/opt/my app/server").unwrap();
        assert_eq!((binary.extent.count, binary.extent.rss >> 10), (4, 2 * 864));
        let all: u64 = found.top.iter().map(|m| m.extent.rss).sum::<u64>() + found.rest.rss;
        assert_eq!(all, found.rollup["Rss"], "nothing is lost");
    }

    #[test]
    fn what_is_not_among_the_largest_is_added_up() {
        let region = |n: u64| Region {
            start: 0x1000_0000 + n * 0x10_0000,
            end: 0x1000_1000 + n * 0x10_0000,
            perms: "rw-p".to_owned(),
            name: String::new(),
            rss: (n + 1) << 10,
            anon: (n + 1) << 10,
        };
        let mut sum = Sum::default();
        let smaps = Smaps { regions: (0..100).map(region).collect(), rollup: BTreeMap::new() };
        sum.add(7, &smaps);
        let found = sum.finish(1);
        assert_eq!((found.top.len(), found.rest.count), (TOP, 80));
        assert_eq!(found.rest.rss >> 10, (1..=80).sum::<u64>());
    }

    #[test]
    fn this_process_s_own_growth_shows() {
        let me =
            Processes { main: std::process::id(), pids: vec![std::process::id()], left_out: 0 };
        let anon = |m: &Mappings| m.rollup["Anonymous"];
        let before = read(&me).unwrap();
        let held = vec![1_u8; 64 << 20];
        let after = read(&me).unwrap();
        assert!(held.iter().map(|b| u64::from(*b)).sum::<u64>() > 0);
        assert!(anon(&after) >= anon(&before) + (60 << 20), "{} {}", anon(&before), anon(&after));
        assert!(after.top.iter().any(|m| m.extent.anon >= 60 << 20), "{:#?}", after.top);
        let nobody = Processes { main: u32::MAX, pids: vec![u32::MAX], left_out: 0 };
        assert_eq!(read(&nobody).unwrap_err(), "the process has ended");
    }
}
