//! What grows without any gauge of the process being in danger of it, or beside it.

use super::growth::{Grown, Looks};
use crate::record::{Clue, MemoryPart, Pattern};
use crate::units::Bytes;

/// Growth below this is not worth a word.
const LEAST: u64 = 1 << 20;

pub(super) fn clues(looks: &Looks) -> Vec<Clue> {
    let mut clues = Vec::new();
    let grown = |part| looks.memory(part).filter(|g| g.notable(LEAST));
    let shared = grown(MemoryPart::Shared);
    if let Some(cache) = grown(MemoryPart::PageCache)
        && shared.is_none_or(|s| s.by() < cache.by() / 2)
    {
        clues.push(Clue {
            pattern: Pattern::PageCache,
            harmful: false,
            sentence: format!(
                "the page cache grows by {}: files that were read or written. The kernel takes it back when it needs \
                 the room; it is no leak of the process, and counts in `docker stats` all the same",
                Bytes(cache.by()).human()
            ),
            figures: vec![cache.bytes("page cache"), looks.span()],
            next: vec!["if the file behind it grows, bound or rotate it: the disk does fill".to_owned()],
        });
    }
    if let Some(shared) = shared {
        clues.push(Clue {
            pattern: Pattern::Shared,
            harmful: true,
            sentence: format!(
                "shared memory or a memory file system grows by {}: it counts against the limit, and the kernel can't \
                 take it back",
                Bytes(shared.by()).human()
            ),
            figures: vec![shared.bytes("shared memory"), looks.span()],
            next: vec!["look for files in /dev/shm and on tmpfs mounts that nobody removes".to_owned()],
        });
    }
    if let Some(kernel) = grown(MemoryPart::Kernel) {
        clues.push(Clue {
            pattern: Pattern::Kernel,
            harmful: false,
            sentence: format!(
                "kernel memory grows by {}: entries, sockets and the like held for the process",
                Bytes(kernel.by()).human()
            ),
            figures: vec![kernel.bytes("kernel memory"), looks.span()],
            next: vec!["where descriptors or sockets grow as well, it is theirs; else many small files were touched".to_owned()],
        });
    }
    clues.extend(disk(looks));
    clues
}

fn disk(looks: &Looks) -> Vec<Clue> {
    let (Some(first), Some(last)) = (looks.first.disk.get(), looks.last.disk.get()) else {
        return Vec::new();
    };
    let layer = Some(("the container's own layer", first.layer, last.layer));
    let folders = last.folders.iter().map(|folder| {
        let used = |f: &crate::record::Folder| Some(f.usage.get()?.used);
        let before = first.folders.iter().find(|f| f.path == folder.path);
        (folder.path.as_str(), before.and_then(used), used(folder))
    });
    layer
        .into_iter()
        .chain(folders)
        .filter_map(|(name, from, to)| {
            let grown = Grown { from: from?, to: to? };
            grown.notable(LEAST).then(|| Clue {
                pattern: Pattern::Disk,
                harmful: false,
                sentence: format!("{name} grows on disk by {}", Bytes(grown.by()).human()),
                figures: vec![grown.bytes(name), looks.span()],
                next: vec![format!("check that what is written to {name} is rotated or removed")],
            })
        })
        .collect()
}
