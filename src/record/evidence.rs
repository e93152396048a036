//! What the target held at a moment, in detail: for whoever looks for what leaks.
//!
//! A capture looks at every instance once; each look is one [`Evidence`]. Every part of it is
//! [`Captured`]: there, or not there with the reason. All sizes are in bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HeapProfile, Victim};
use crate::clock::Offset;

/// Why a capture was made when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMoment {
    /// The warm-up has just ended.
    WarmupEnd,
    /// Another `capture.every` of the profile is over.
    Interval,
    /// The load has just ended, as planned or early. The target is still up.
    LoadEnd,
}

/// Something that was captured, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Captured<T> {
    /// It was.
    Captured(T),
    /// It was not: the words that follow "not captured, because".
    NotCaptured(String),
}

impl<T> Captured<T> {
    /// What was captured, if it was.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Captured(value) => Some(value),
            Self::NotCaptured(_) => None,
        }
    }

    /// Why it was not captured, if it was not.
    pub fn because(&self) -> Option<&str> {
        match self {
            Self::Captured(_) => None,
            Self::NotCaptured(why) => Some(why),
        }
    }
}

impl<T> From<Result<T, String>> for Captured<T> {
    fn from(result: Result<T, String>) -> Self {
        result.map_or_else(Self::NotCaptured, Self::Captured)
    }
}

/// One look at one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Why now.
    pub moment: CaptureMoment,
    /// When the look began.
    pub from: Offset,
    /// When it ended.
    pub to: Offset,
    /// At whom.
    pub instance: Victim,
    /// How often the instance had started since the target came up, less one: a different number is a
    /// different process, whose figures can't be held against the earlier one's.
    pub restarts: u32,
    /// Every line of the control group's `memory.stat`, and the group's usage under the names of its files
    /// (`memory.current`, or version 1's `memory.usage_in_bytes`, `memory.kmem.usage_in_bytes`,
    /// `memory.kmem.tcp.usage_in_bytes`). Bytes, but for the counters that the kernel keeps there.
    pub memory_stat: Captured<BTreeMap<String, u64>>,
    /// What the memory of its processes is made of.
    pub mappings: Captured<Mappings>,
    /// What its processes hold open.
    pub descriptors: Captured<Descriptors>,
    /// The sockets among them, by state and peer.
    pub sockets: Captured<Sockets>,
    /// Its threads by name.
    pub threads: Captured<Threads>,
    /// What it keeps on disk.
    pub disk: Captured<Disk>,
    /// What the engine says of the container. `None`: as at the look before, which has it; and for processes.
    pub container: Option<Captured<ContainerFacts>>,
    /// One for each configured source, in the order of the file.
    pub heap: Vec<HeapProfile>,
}

impl Evidence {
    /// How many descriptors were sockets.
    pub fn open_sockets(&self) -> Option<u64> {
        self.sockets.get().map(|sockets| sockets.total)
    }

    /// What it kept on disk, bytes: its layer and its folders. `None` unless all of it was counted.
    pub fn disk_used(&self) -> Option<u64> {
        let disk = self.disk.get()?;
        disk.folders.iter().try_fold(disk.layer.unwrap_or(0), |sum, folder| {
            let usage = folder.usage.get().filter(|usage| usage.complete)?;
            Some(sum + usage.used)
        })
    }

    /// The parts that were not captured, by the names of this type's fields, with the reasons.
    pub fn missing(&self) -> Vec<(&'static str, &str)> {
        let parts = [
            ("memory_stat", self.memory_stat.because()),
            ("mappings", self.mappings.because()),
            ("descriptors", self.descriptors.because()),
            ("sockets", self.sockets.because()),
            ("threads", self.threads.because()),
            ("disk", self.disk.because()),
            ("container", self.container.as_ref().and_then(Captured::because)),
        ];
        let heap = self.heap.iter().map(|profile| ("heap", profile.body.because()));
        parts.into_iter().chain(heap).filter_map(|(part, why)| Some((part, why?))).collect()
    }
}

/// The memory of an instance's processes by mapping, from `/proc/PID/smaps`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mappings {
    /// Processes that were read and added up.
    pub processes: u32,
    /// Processes that were not: more than the bound, or not allowed.
    pub processes_left_out: u32,
    /// The fields of `smaps_rollup` (`Rss`, `Pss`, `Anonymous`, `Private_Dirty`, `Swap`, ...), added up from
    /// `smaps`, bytes. `Pss_Anon` and its like are not in it.
    pub rollup: BTreeMap<String, u64>,
    /// Everything, by kind of memory.
    pub kinds: BTreeMap<MemoryKind, Extent>,
    /// The largest by `rss` and the largest by `anon`, largest `rss` first. Mappings of one file, and
    /// `[heap]`, are added up over segments and processes; anonymous mappings stand alone.
    pub top: Vec<Mapping>,
    /// The mappings that are not in `top`, added up.
    pub rest: Extent,
    /// Heaps of glibc's malloc besides the main one: anonymous, beginning at a multiple of 64 MiB. Memory
    /// that was freed but is kept in these is retention by the allocator, not a leak of the program.
    pub arenas: Extent,
}

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// The program break's: `[heap]`.
    Heap,
    /// Anonymous mappings: large allocations, arenas, what runtimes with a heap of their own manage.
    Anonymous,
    /// Stacks: the main one, and anonymous mappings right behind a guard page.
    Stack,
    /// Programs, libraries and other mapped files.
    File,
    /// Memory shared between processes: `/dev/shm`, `memfd`, System V segments.
    Shared,
    /// The kernel's own: `[vdso]` and the like.
    Kernel,
}

/// Several mappings together, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// How many.
    pub count: u64,
    /// Address space.
    pub size: u64,
    /// Resident.
    pub rss: u64,
    /// Resident and anonymous: not backed by a file.
    pub anon: u64,
}

/// One mapping, or all of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// A path, a name in brackets, or `anonymous`.
    pub name: String,
    /// What it is.
    pub kind: MemoryKind,
    /// Process id on the host and first address of an anonymous mapping; `None` when several are added up.
    pub at: Option<(u32, u64)>,
    /// How much.
    #[serde(flatten)]
    pub extent: Extent,
}

/// A thing and how often it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// What.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Names by how often they are there: the most frequent ones, and what they leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The most frequent, most frequent first.
    pub top: Vec<Counted>,
    /// Different names that are not in `top`.
    pub other_names: u64,
    /// How many things these are together.
    pub other: u64,
}

/// What an instance's processes hold open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptors {
    /// How many.
    pub total: u64,
    /// By type: `file`, `device`, `socket`, `pipe`, `anon_inode:[eventfd]` and so on. Those past the bound on
    /// how many are looked at count as `not_looked_at`.
    pub types: BTreeMap<String, u64>,
    /// By what they lead to. Numbers in paths are folded to `N`, long hexadecimal names to `X`.
    pub targets: Tally,
}

/// An instance's sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sockets {
    /// How many descriptors are sockets.
    pub total: u64,
    /// By protocol and state: `tcp ESTABLISHED`, `udp`, `unix`, ...; `other` for the rest.
    pub states: BTreeMap<String, u64>,
    /// TCP by state and peer: `CLOSE_WAIT to 172.18.0.4:7000`, or `ESTABLISHED from :8080` for all that came
    /// in at that port.
    pub peers: Tally,
    /// TCP sockets of the network namespace that no process holds any more (`TIME_WAIT` and such) by state; of
    /// containers only, since processes share the host's namespace.
    pub unowned: BTreeMap<String, u64>,
}

/// An instance's threads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threads {
    /// How many.
    pub total: u64,
    /// By name, numbers folded to `N`.
    pub names: Tally,
}

/// What an instance keeps on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Written by the container into its own layer; `None` for processes.
    pub layer: Option<u64>,
    /// The layer and the image below it; `None` for processes.
    pub root: Option<u64>,
    /// Its volumes, bind mounts and memory file systems; for a process its own folder.
    pub folders: Vec<Folder>,
}

/// One folder of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Where the instance sees it.
    pub path: String,
    /// What it is: `volume api-data`, `bind /srv/x`, `tmpfs`, `folder`.
    pub kind: String,
    /// What it takes.
    pub usage: Captured<FolderUsage>,
}

/// What a folder takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderUsage {
    /// Blocks in use, bytes.
    pub used: u64,
    /// Files and folders.
    pub files: u64,
    /// Whether all of it was counted: a look is bounded in time and number.
    pub complete: bool,
    /// Free on its file system, bytes.
    pub free: Option<u64>,
}

/// What the engine says of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Container id.
    pub id: String,
    /// Image id.
    pub image: String,
    /// The image's digests by repository; none for an image that never was in a registry.
    pub digests: Vec<String>,
    /// All that `inspect` tells, as JSON. Values of variables whose names speak of secrets are withheld.
    pub inspect: serde_json::Value,
}
