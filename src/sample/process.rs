use std::fs;
use std::path::Path;

use super::descriptors;
use super::kernel_file::{KernelFile, field};
use crate::record::Reading;

/// The kernel's clock tick as user space sees it, microseconds: 100 Hz on every Linux of today.
pub(super) const TICK_US: u64 = 10_000;
/// Flag of a process that is on its way out: its memory is already gone, its entry still there.
const EXITING: u64 = 0x4;

/// One process, told apart from a later one with the same number by its start time.
pub(super) struct Process {
    pid: u32,
    started: u64,
    stat: KernelFile,
}

struct Stat {
    state: char,
    flags: u64,
    started: u64,
    cpu_ticks: u64,
}

impl Process {
    /// `None` when there is none.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let stat = KernelFile::open(Path::new(&format!("/proc/{pid}/stat")))?;
        let mut buffer = Vec::new();
        let now = parse(stat.text(&mut buffer).ok()?)?;
        now.alive().then_some(Self { pid, started: now.started, stat })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it is there and holds its memory still. Asked *after* its figures were read, a yes vouches
    /// for them: a dying process's memory reads as nearly nothing.
    pub(super) fn alive(&self, buffer: &mut Vec<u8>) -> bool {
        self.now(buffer).is_some()
    }

    fn now(&self, buffer: &mut Vec<u8>) -> Option<Stat> {
        let now = parse(self.stat.text(buffer).ok()?)?;
        (now.alive() && now.started == self.started).then_some(now)
    }

    /// Its figures; `None` when it is gone.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> Option<Reading> {
        let proc = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.pid));
        let status = proc("status").ok()?;
        let io = proc("io").unwrap_or_default();
        let fds = descriptors::of([self.pid].into_iter());
        let stat = self.now(buffer)?;
        Some(Reading { fds, cpu_us: Some(stat.cpu_ticks * TICK_US), ..figures(&status, &io) })
    }
}

impl Stat {
    fn alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x') && self.flags & EXITING == 0
    }
}

/// `pid (name) state ...`; the name may hold anything, brackets and spaces too.
fn parse(stat: &str) -> Option<Stat> {
    let mut rest = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = rest.next()?.chars().next()?;
    // Field 9, then 14 and 15, then 22, as counted in proc(5).
    let flags = rest.nth(5)?.parse().ok()?;
    let user: u64 = rest.nth(4)?.parse().ok()?;
    let system: u64 = rest.next()?.parse().ok()?;
    let started = rest.nth(6)?.parse().ok()?;
    Some(Stat { state, flags, started, cpu_ticks: user + system })
}

fn figures(status: &str, io: &str) -> Reading {
    let line = |name: &str| {
        let value = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
        value.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let kib = |name: &str| line(name).map(|n| n * 1024);
    let cached = kib("RssFile").zip(kib("RssShmem")).map(|(file, shared)| file + shared);
    Reading {
        anon: kib("RssAnon"),
        file: cached,
        working_set: kib("VmRSS"),
        pids: line("Threads"),
        blk_read: field(io, "read_bytes:"),
        blk_write: field(io, "write_bytes:"),
        ..Reading::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const STAT: &str = "11730 (a) b (c) S 11710 11730 11730 0 -1 4194560 1209 0 77 0 2 3 0 0 20 0 1 0 304457 7622656 1189 18446744073709551615";

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = parse(STAT).unwrap();
        assert_eq!((stat.state, stat.flags), ('S', 4_194_560));
        assert_eq!((stat.cpu_ticks, stat.started), (5, 304_457));
        assert!(stat.alive());
        assert!(!parse(&STAT.replace("4194560", "4194564")).unwrap().alive(), "exiting");
        assert!(!parse(&STAT.replace(" S ", " Z ")).unwrap().alive(), "a zombie");
    }

    #[test]
    fn one_s_own_figures_are_there_and_follow_what_one_does() {
        let me = Process::open(std::process::id()).unwrap();
        let mut buffer = Vec::new();
        let before = me.read(&mut buffer).unwrap();
        let held = vec![0x5a_u8; 32 << 20];
        let after = me.read(&mut buffer).unwrap();
        assert!(held.iter().map(|b| u64::from(*b)).sum::<u64>() > 0);
        let grown = after.anon.unwrap() - before.anon.unwrap();
        assert!((30 << 20..64 << 20).contains(&grown), "{grown}");
        assert!(after.pids.unwrap() >= 1 && after.fds.unwrap() >= 3);
        assert!(after.working_set.unwrap() >= after.anon.unwrap());
        assert!(after.cpu_us.unwrap() >= before.cpu_us.unwrap());
    }

    #[test]
    fn an_ended_process_has_no_figures_even_before_it_is_waited_for() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        let mut buffer = Vec::new();
        assert!(process.read(&mut buffer).is_some());
        child.kill().unwrap();
        // The kill is on its way: at some moment it has arrived, and from then on there are no figures.
        while process.alive(&mut buffer) {
            std::thread::yield_now();
        }
        assert_eq!(process.read(&mut buffer), None);
        assert!(Process::open(child.id()).is_none(), "a zombie is nobody");
        child.wait().unwrap();
        assert_eq!(process.read(&mut buffer), None);
    }
}
