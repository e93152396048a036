use std::fs;

/// More processes than this are not counted: the figure is then absent, because a part would be a lie.
const MAX_PROCESSES: usize = 512;

/// Open descriptors of all these processes together.
pub(super) fn of(pids: impl Iterator<Item = u32>) -> Option<u64> {
    let mut sum = None;
    for (n, pid) in pids.enumerate() {
        if n == MAX_PROCESSES {
            return None;
        }
        // One that has just ended has none; one that is forbidden makes the sum unknown.
        match count(pid) {
            Ok(n) => sum = Some(sum.unwrap_or(0) + n),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    sum
}

fn count(pid: u32) -> std::io::Result<u64> {
    let path = format!("/proc/{pid}/fd");
    // Kernels from 6.2 give the number as the folder's size; for others it is 0.
    match fs::metadata(&path)?.len() {
        0 => Ok(fs::read_dir(path)?.count() as u64),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_files_shows() {
        let me = std::process::id();
        let before = of([me].into_iter()).unwrap();
        let open: Vec<_> = (0..50).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        let during = of([me].into_iter()).unwrap();
        drop(open);
        // Other tests of this process may open a few of their own.
        assert!((45..=100).contains(&(during - before)), "{before} {during}");
    }

    #[test]
    fn nobody_is_unknown_and_not_zero() {
        assert_eq!(of([u32::MAX].into_iter()), None);
        assert_eq!(of(std::iter::repeat_n(std::process::id(), MAX_PROCESSES + 1)), None);
    }
}
