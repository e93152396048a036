//! Which processes an instance has.

use std::io;

use crate::record::{Instance, InstanceState};
use crate::sample;

/// Processes that are looked at, at most.
const MOST: usize = 256;

/// The processes of an instance: its first one, then the others of its container.
#[derive(Debug)]
pub(super) struct Processes {
    pub(super) main: u32,
    pub(super) pids: Vec<u32>,
    /// How many more there are.
    pub(super) left_out: u32,
}

/// The processes of an instance, or why they can't be looked at.
pub(super) fn of(instance: &Instance) -> Result<Processes, String> {
    if instance.state == InstanceState::Stopped {
        return Err("it is not running".to_owned());
    }
    let Some(main) = instance.pid else {
        return Err("its processes are on another machine than longhaul".to_owned());
    };
    if !instance.is_container() {
        return Ok(Processes { main, pids: vec![main], left_out: 0 });
    }
    let listed = sample::memory_group(&instance.id, main)
        .and_then(|folder| std::fs::read_to_string(folder.join("cgroup.procs")).ok())
        .unwrap_or_default();
    Ok(parse(main, &listed))
}

fn parse(main: u32, listed: &str) -> Processes {
    let others = listed.lines().filter_map(|l| l.parse().ok()).filter(|pid| *pid != main);
    let mut pids: Vec<u32> = std::iter::once(main).chain(others).collect();
    let left_out = pids.len().saturating_sub(MOST) as u32;
    pids.truncate(MOST);
    Processes { main, pids, left_out }
}

/// An error of reading `/proc`, in words that say what to do.
pub(super) fn denied(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "the kernel allows it to root, or with CAP_SYS_PTRACE, only".to_owned()
        }
        io::ErrorKind::NotFound => "the process has ended".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_process_leads_and_many_are_cut_off() {
        let few = parse(7, "3\n7\n9\nx\n");
        assert_eq!((few.pids.as_slice(), few.left_out), ([7, 3, 9].as_slice(), 0));
        let listed: String =
            (1..=300).flat_map(|n: u32| [n.to_string(), "\n".to_owned()]).collect();
        let many = parse(1, &listed);
        assert_eq!((many.pids.len(), many.left_out), (MOST, 44));
        assert_eq!(
            parse(5, "").pids,
            [5],
            "a group that can't be read still has its first process"
        );
    }
}
