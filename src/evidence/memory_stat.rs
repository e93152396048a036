//! A control group's memory in full.

use std::collections::BTreeMap;
use std::path::Path;

use crate::record::Instance;
use crate::sample;

/// Files beside `memory.stat` that hold one number: versions 2 and 1.
const USAGE: [&str; 4] = [
    "memory.current",
    "memory.usage_in_bytes",
    "memory.kmem.usage_in_bytes",
    "memory.kmem.tcp.usage_in_bytes",
];

pub(super) fn read(instance: &Instance, main: u32) -> Result<BTreeMap<String, u64>, String> {
    if !instance.is_container() {
        return Err("a process has no control group of its own".to_owned());
    }
    let folder = sample::memory_group(&instance.id, main)
        .ok_or_else(|| "its control group can't be seen from here".to_owned())?;
    read_folder(&folder)
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, u64>, String> {
    let text = std::fs::read_to_string(folder.join("memory.stat"))
        .map_err(|e| format!("memory.stat can't be read: {e}"))?;
    let mut all: BTreeMap<String, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
        .collect();
    for name in USAGE {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        if let Ok(value) = text.trim().parse() {
            all.insert(name.to_owned(), value);
        }
    }
    if all.is_empty() { Err("memory.stat is empty".to_owned()) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_kept_and_the_usage_with_them() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_folder(dir.path()).unwrap_err().contains("memory.stat"));
        std::fs::write(dir.path().join("memory.stat"), "anon 5\nfile 7\nslab 1\nodd\n").unwrap();
        std::fs::write(dir.path().join("memory.current"), "13\n").unwrap();
        let all = read_folder(dir.path()).unwrap();
        let all: Vec<_> = all.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_eq!(all, [("anon", 5), ("file", 7), ("memory.current", 13), ("slab", 1)]);
    }
}
