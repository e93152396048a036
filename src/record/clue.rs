//! What an investigation points at.

use serde::{Deserialize, Serialize};

use super::Victim;

/// What kind of thing grows, or only looks as if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Descriptors are opened and not closed.
    Descriptors,
    /// Threads are started and do not end.
    Threads,
    /// The heap proper: many small allocations.
    Heap,
    /// Anonymous mappings: large allocations, or a runtime that manages its own heap.
    Mappings,
    /// The allocator keeps what the program has freed.
    Arenas,
    /// Memory grows, and what was captured does not say where.
    Unlocated,
    /// Something fills and levels off.
    Filling,
    /// Files in the page cache: the kernel takes them back.
    PageCache,
    /// Shared memory or a memory file system: nowhere to go but away.
    Shared,
    /// The kernel's own objects.
    Kernel,
    /// A folder on disk.
    Disk,
}

/// One thing to look at, the most important first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clue {
    /// What kind of thing it is.
    pub pattern: Pattern,
    /// Whether it hurts: a process dies of it, sooner or later. The rest is said so that nobody takes it for a leak.
    pub harmful: bool,
    /// What was found, in one sentence.
    pub sentence: String,
    /// The figures behind it, one each.
    pub figures: Vec<String>,
    /// What to do next, in order.
    pub next: Vec<String>,
}

/// The clues of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceClues {
    /// Whose.
    pub instance: Victim,
    /// Its clues, the harmful ones first.
    pub clues: Vec<Clue>,
}
