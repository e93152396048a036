//! `/proc/PID/smaps`, mapping by mapping.

use std::collections::BTreeMap;

/// One mapping as the kernel tells it. Sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start: u64,
    pub(super) end: u64,
    /// `rw-p` and so on.
    pub(super) perms: String,
    /// A path, a name in brackets, or nothing.
    pub(super) name: String,
    pub(super) rss: u64,
    pub(super) anon: u64,
}

/// The mappings of one process, in the order of addresses.
#[derive(Debug, Default)]
pub(super) struct Smaps {
    pub(super) regions: Vec<Region>,
    /// All fields in kB of all mappings added up, in bytes: what `smaps_rollup` says, without a second walk
    /// of the process's memory.
    pub(super) rollup: BTreeMap<String, u64>,
}

/// Fields that tell of the system and not of the mapping.
const NOT_SUMS: [&str; 3] = ["Size", "KernelPageSize", "MMUPageSize"];

impl Smaps {
    /// Takes the next line of the file.
    pub(super) fn line(&mut self, line: &str) {
        if let Some((name, bytes)) = field(line) {
            let Some(region) = self.regions.last_mut() else { return };
            match name {
                "Rss" => region.rss = bytes,
                "Anonymous" => region.anon = bytes,
                _ => {}
            }
            if !NOT_SUMS.contains(&name) {
                match self.rollup.get_mut(name) {
                    Some(sum) => *sum += bytes,
                    None => drop(self.rollup.insert(name.to_owned(), bytes)),
                }
            }
        } else if let Some(region) = header(line) {
            self.regions.push(region);
        }
    }
}

/// `Rss:                 512 kB`
fn field(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(':')?;
    let kb: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some((name, kb.saturating_mul(1024)))
}

/// `7f12a0000000-7f12a0021000 rw-p 00000000 00:00 0    [name or path]`
fn header(line: &str) -> Option<Region> {
    let mut rest = line;
    let mut word = || {
        let trimmed = rest.trim_start();
        let (word, after) = trimmed.split_at(trimmed.find(' ').unwrap_or(trimmed.len()));
        rest = after;
        word
    };
    let (range, perms) = (word(), word());
    let (_offset, _device, _inode) = (word(), word(), word());
    let (start, end) = range.split_once('-')?;
    Some(Region {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        perms: perms.to_owned(),
        name: rest.trim().to_owned(),
        ..Region::default()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A small program: text, heap, an arena of 64 MiB, a thread's stack behind its guard, shared memory.
    pub(in crate::evidence) const TEXT: &str = "\
55d0c0000000-55d0c0100000 r-xp 00000000 08:01 1234 /opt/my app/server
Size:               1024 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                 800 kB
Pss:                 800 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
55d0c0100000-55d0c0110000 rw-p 00100000 08:01 1234 /opt/my app/server
Size:                 64 kB
Rss:                  64 kB
Pss:                  64 kB
Anonymous:            64 kB
55d0c1000000-55d0c1800000 rw-p 00000000 00:00 0                          [heap]
Size:               8192 kB
Rss:                4096 kB
Pss:                4096 kB
Anonymous:          4096 kB
7f0000000000-7f0000200000 rw-p 00000000 00:00 0
Size:               2048 kB
Rss:                2000 kB
Pss:                2000 kB
Anonymous:          2000 kB
7f0000200000-7f0004000000 ---p 00000000 00:00 0
Size:              63488 kB
Rss:                   0 kB
Anonymous:             0 kB
7f0010000000-7f0010001000 ---p 00000000 00:00 0
Size:                  4 kB
Rss:                   0 kB
Anonymous:             0 kB
7f0010001000-7f0010801000 rw-p 00000000 00:00 0
Size:               8192 kB
Rss:                  16 kB
Pss:                  16 kB
Anonymous:            16 kB
7f0020000000-7f0028000000 rw-p 00000000 00:00 0
Size:             131072 kB
Rss:              100000 kB
Pss:              100000 kB
Anonymous:        100000 kB
7f0030000000-7f0030100000 rw-s 00000000 00:01 99 /dev/shm/segment (deleted)
Size:               1024 kB
Rss:                 512 kB
Pss:                 256 kB
Anonymous:             0 kB
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
Size:                132 kB
Rss:                  40 kB
Pss:                  40 kB
Anonymous:            40 kB
7ffd000fe000-7ffd00100000 r-xp 00000000 00:00 0                          [vdso]
Size:                  8 kB
Rss:                   4 kB
Pss:                   0 kB
Anonymous:             0 kB
";

    pub(in crate::evidence) fn parse(text: &str) -> Smaps {
        let mut smaps = Smaps::default();
        text.lines().for_each(|line| smaps.line(line));
        smaps
    }

    #[test]
    fn regions_and_their_sums_are_read() {
        let smaps = parse(TEXT);
        assert_eq!(smaps.regions.len(), 11);
        let first = &smaps.regions[0];
        assert_eq!((first.start, first.name.as_str()), (0x55d0_c000_0000, "/opt/my app/server"));
        assert_eq!((first.perms.as_str(), first.rss, first.anon), ("r-xp", 800 << 10, 0));
        assert_eq!(smaps.regions[3].name, "");
        let anon: u64 = smaps.regions.iter().map(|r| r.anon).sum();
        assert_eq!(smaps.rollup["Anonymous"], anon);
        assert_eq!(smaps.rollup["Pss"], (800 + 64 + 4096 + 2000 + 16 + 100_000 + 256 + 40) << 10);
        assert!(!smaps.rollup.contains_key("Size") && !smaps.rollup.contains_key("MMUPageSize"));
    }

    #[test]
    fn the_sums_are_those_of_the_kernel_s_own_rollup() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id()));
        // Until it sleeps its memory changes.
        let (smaps, rollup) = loop {
            let before = read("smaps_rollup").unwrap();
            let smaps = parse(&read("smaps").unwrap());
            if before == read("smaps_rollup").unwrap() && smaps.rollup["Rss"] > 0 {
                break (smaps, before);
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, bytes) in rollup.lines().filter_map(field) {
            // The kernel adds up proportional shares before it rounds, and splits them by kind.
            match name {
                "Pss" => assert!(smaps.rollup[name].abs_diff(bytes) < 64 << 10),
                _ if name.starts_with("Pss_") || name == "SwapPss" => {}
                _ => assert_eq!(smaps.rollup[name], bytes, "{name}"),
            }
        }
    }

    #[test]
    fn whatever_is_no_smaps_gives_nothing() {
        for text in ["", "Rss: 4 kB\n", "x-y rw-p\n", "hello world\n:\n"] {
            assert!(parse(text).regions.is_empty(), "{text}");
        }
    }
}
