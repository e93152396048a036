//! jemalloc's heap profiles (`prof.dump`): text of version `heap_v2`.
//! Source: jemalloc's `prof_data.c`; how samples are scaled: `AdjustSamples` of its `jeprof`.

use super::sites::{FRAMES, Sites};
use crate::record::HeapSites;

/// A mapped library: where it is, and its name.
struct Library<'a> {
    start: u64,
    end: u64,
    offset: u64,
    name: &'a str,
}

pub(super) fn parse(text: &str) -> Result<HeapSites, String> {
    let mut lines = text.lines();
    let rate = lines.next().and_then(|l| l.strip_prefix("heap_v2/")?.trim().parse().ok());
    let rate: u64 =
        rate.ok_or("it is not jemalloc's heap_v2: its first line says no sampling rate")?;
    let libraries: Vec<Library<'_>> = text
        .split_once("MAPPED_LIBRARIES:")
        .map_or("", |(_, maps)| maps)
        .lines()
        .filter_map(library)
        .collect();
    let mut sites = Sites::default();
    let mut stack: Option<Vec<String>> = None;
    for line in lines {
        if line.starts_with("MAPPED_LIBRARIES:") {
            break;
        }
        if let Some(addresses) = line.strip_prefix("@ ") {
            let frames = addresses.split_ascii_whitespace().take(FRAMES);
            stack = Some(frames.filter_map(|a| Some(place(hex(a)?, &libraries))).collect());
        } else if let Some((objects, bytes)) = line.trim().strip_prefix("t*:").and_then(figures)
            && let Some(frames) = stack.take()
        {
            let scale = scale(objects, bytes, rate);
            let scaled = |n: u64| (n as f64 * scale).round() as u64;
            sites.add(frames, scaled(bytes), scaled(objects));
        }
    }
    Ok(sites.finish("jemalloc", "live", true))
}

/// What the sampled figures stand for: an allocation of size s is sampled with probability 1 - exp(-s / rate).
fn scale(objects: u64, bytes: u64, rate: u64) -> f64 {
    if objects == 0 || bytes == 0 || rate < 2 {
        return 1.0;
    }
    let mean = bytes as f64 / objects as f64;
    1.0 / (1.0 - (-mean / rate as f64).exp())
}

/// ` 13: 6688 [0: 0]`: live objects and bytes, then those of all time.
fn figures(text: &str) -> Option<(u64, u64)> {
    let (live, _) = text.split_once('[')?;
    let (objects, bytes) = live.split_once(':')?;
    Some((objects.trim().parse().ok()?, bytes.trim().parse().ok()?))
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// `7f12a0000000-7f12a0021000 r-xp 00001000 08:01 1234    /usr/lib/x.so`, executable ones.
fn library(line: &str) -> Option<Library<'_>> {
    let mut words = line.split_ascii_whitespace();
    let (range, perms, offset) = (words.next()?, words.next()?, words.next()?);
    let name = words.nth(2)?;
    let (start, end) = range.split_once('-')?;
    perms.contains('x').then_some(())?;
    Some(Library {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        offset: u64::from_str_radix(offset, 16).ok()?,
        name: name.rsplit('/').next().unwrap_or(name),
    })
}

/// An address as its place in its file, which is the same in every run.
fn place(address: u64, libraries: &[Library<'_>]) -> String {
    match libraries.iter().find(|l| (l.start..l.end).contains(&address)) {
        Some(library) => {
            let at = (address - library.start).saturating_add(library.offset);
            format!("{}+{at:#x}", library.name)
        }
        None => format!("{address:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "heap_v2/524288
  t*: 3: 2105344 [0: 0]
  t0: 3: 2105344 [0: 0]
@ 0x401234 0x401000 0x7f0000000010
  t*: 1: 8192 [5: 40960]
  t0: 1: 8192 [5: 40960]
@ 0x402000 0x401000
  t*: 2: 2097152 [0: 0]
  t1: 2: 2097152 [0: 0]

MAPPED_LIBRARIES:
00400000-00500000 r-xp 00001000 08:01 12   /opt/server
00500000-00600000 rw-p 00001000 08:01 12   /opt/server
7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [vdso]
";

    #[test]
    fn stacks_are_placed_in_their_files_and_samples_scaled() {
        let sites = parse(TEXT).unwrap();
        assert_eq!((sites.format.as_str(), sites.top.len()), ("jemalloc", 2));
        assert_eq!(sites.top[0].frames, ["server+0x3000", "server+0x2000"]);
        // A mean of 1 MiB at one sample each 512 KiB: caught with probability 1 - exp(-2).
        let large = (2_097_152.0 / (1.0 - (-2.0_f64).exp())).round() as u64;
        assert_eq!(sites.top[0].bytes, large);
        assert_eq!(sites.top[1].frames, ["server+0x2234", "server+0x2000", "[vdso]+0x10"]);
        // 8 KiB is caught about once in 64 times: it stands for about 64 of its kind.
        assert!((62..=66).contains(&sites.top[1].objects.unwrap()), "{:?}", sites.top[1]);
        assert_eq!(sites.bytes, sites.top[0].bytes + sites.top[1].bytes);
    }

    #[test]
    fn what_is_not_heap_v2_is_refused() {
        assert!(parse("heap_v2/x\n").unwrap_err().contains("sampling rate"));
        assert!(parse("").is_err());
        assert!(parse("heap_v2/1\n@ \n t*: \n").unwrap().top.is_empty());
    }
}
