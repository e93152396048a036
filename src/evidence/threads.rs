//! An instance's threads by name.

use super::fold::{Counter, fold};
use super::processes::{Processes, denied};
use crate::record::Threads;

/// Names told.
const TOP: usize = 30;
/// Threads whose name is read, at most; more are only counted, as `(not looked at)`.
const LOOKED_AT: u64 = 16_384;

pub(super) fn read(processes: &Processes) -> Result<Threads, String> {
    let (mut total, mut names) = (0, Counter::default());
    let mut first_error = None;
    for pid in &processes.pids {
        let list = match std::fs::read_dir(format!("/proc/{pid}/task")) {
            Ok(list) => list,
            Err(error) => {
                first_error.get_or_insert_with(|| denied(&error));
                continue;
            }
        };
        for task in list.flatten() {
            total += 1;
            if total > LOOKED_AT {
                names.add("(not looked at)".to_owned());
            } else if let Ok(name) = std::fs::read_to_string(task.path().join("comm")) {
                names.add(fold(name.trim_end()));
            }
        }
    }
    if total == 0 {
        return Err(first_error.unwrap_or_else(|| "it has no process".to_owned()));
    }
    Ok(Threads { total, names: names.top(TOP) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_kind_are_counted_together() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let stopped = std::sync::Arc::new(std::sync::Mutex::new(stopped));
        let threads: Vec<_> = (0..5)
            .map(|n| {
                let stopped = stopped.clone();
                std::thread::Builder::new()
                    .name(format!("leaky-{n}"))
                    .spawn(move || stopped.lock().unwrap().recv().is_err())
                    .unwrap()
            })
            .collect();
        let me = Processes { main: 0, pids: vec![std::process::id()], left_out: 0 };
        // A thread gives itself its name when it first runs.
        let found = loop {
            let found = read(&me).unwrap();
            if found.names.top.iter().any(|c| c.name == "leaky-N" && c.count == 5) {
                break found;
            }
            std::thread::yield_now();
        };
        assert!(found.total >= 5);
        drop(stop);
        assert!(threads.into_iter().all(|t| t.join().unwrap()));
        let nobody = Processes { main: 0, pids: vec![u32::MAX], left_out: 0 };
        assert_eq!(read(&nobody).unwrap_err(), "the process has ended");
    }
}
