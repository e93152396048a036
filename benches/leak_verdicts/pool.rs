//! Work on all cores, with progress on the error output.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longhaul::clock::monotonic;

/// `work` of every number below `count`, in order. Says how far it is if it takes longer than 2 s.
pub(crate) fn each<T: Send>(
    what: &str,
    count: usize,
    jobs: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    const EVERY: Duration = Duration::from_secs(2);
    let next = AtomicUsize::new(0);
    let said = Mutex::new(monotonic());
    let done = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        return;
                    }
                    let result = work(i);
                    done.lock().expect("no worker panics").push((i, result));
                    let mut said = said.lock().expect("no worker panics");
                    if said.elapsed() > EVERY {
                        *said = monotonic();
                        eprintln!("{what}: {i} of {count}");
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no worker panics");
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}
