//! Memory taken apart, in one vocabulary for both versions of control groups.

use serde::{Deserialize, Serialize};

use super::{Evidence, MemoryKind};

/// A part of an instance's memory. Some lie within others: the heap is anonymous memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryPart {
    /// Anonymous memory: what the program itself holds.
    Anon,
    /// Of it, the program break's.
    Heap,
    /// Of it, anonymous mappings: large allocations, arenas, runtimes with a heap of their own.
    AnonymousMappings,
    /// Of these, glibc's 64 MiB arenas.
    Arenas,
    /// Of anonymous memory, stacks.
    Stacks,
    /// Files in the page cache, which the kernel takes back when it needs the room.
    PageCache,
    /// Shared memory and memory file systems: in the page cache, but with nowhere to go.
    Shared,
    /// The kernel's objects held for it; under version 1 all kernel memory.
    Kernel,
    /// Socket buffers.
    Sockets,
}

impl MemoryPart {
    /// All, in the order of a table.
    pub const ALL: [Self; 9] = [
        Self::Anon,
        Self::Heap,
        Self::AnonymousMappings,
        Self::Arenas,
        Self::Stacks,
        Self::PageCache,
        Self::Shared,
        Self::Kernel,
        Self::Sockets,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anon => "anonymous memory",
            Self::Heap => "heap",
            Self::AnonymousMappings => "anonymous mappings",
            Self::Arenas => "malloc arenas",
            Self::Stacks => "stacks",
            Self::PageCache => "page cache",
            Self::Shared => "shared memory",
            Self::Kernel => "kernel memory",
            Self::Sockets => "socket buffers",
        }
    }

    /// The part it lies within.
    pub fn within(self) -> Option<Self> {
        match self {
            Self::Heap | Self::AnonymousMappings | Self::Stacks => Some(Self::Anon),
            Self::Arenas => Some(Self::AnonymousMappings),
            Self::Shared => Some(Self::PageCache),
            _ => None,
        }
    }
}

impl Evidence {
    /// Bytes of a part of the memory; `None` where it was not captured or the kernel does not tell.
    pub fn memory(&self, part: MemoryPart) -> Option<u64> {
        let stat = |names: &[&str]| {
            let stat = self.memory_stat.get()?;
            names.iter().find_map(|name| stat.get(*name)).copied()
        };
        let kind = |kind| {
            let mappings = self.mappings.get()?;
            Some(mappings.kinds.get(&kind).map_or(0, |extent| extent.anon))
        };
        match part {
            // Version 1 has its own names; a `total_` includes the groups below.
            MemoryPart::Anon => stat(&["anon", "total_rss"])
                .or_else(|| self.mappings.get()?.rollup.get("Anonymous").copied()),
            MemoryPart::Heap => kind(MemoryKind::Heap),
            MemoryPart::AnonymousMappings => kind(MemoryKind::Anonymous),
            MemoryPart::Arenas => self.mappings.get().map(|m| m.arenas.anon),
            MemoryPart::Stacks => kind(MemoryKind::Stack),
            MemoryPart::PageCache => stat(&["file", "total_cache"]),
            MemoryPart::Shared => stat(&["shmem", "total_shmem"]),
            MemoryPart::Kernel => stat(&["kernel", "memory.kmem.usage_in_bytes", "slab"]),
            MemoryPart::Sockets => stat(&["sock", "memory.kmem.tcp.usage_in_bytes"]),
        }
    }
}
