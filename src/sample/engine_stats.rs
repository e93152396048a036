use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::record::Reading;
use crate::target::{Engine, EngineReading};

/// Wait before a stream that ended is asked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// Statistics streams of a remote engine's containers: the latest reading of each, until it is taken.
pub(super) struct EngineStats {
    engine: Engine,
    handle: Handle,
    tasks: TaskTracker,
    latest: Arc<Mutex<BTreeMap<String, Reading>>>,
}

/// One container's stream. Dropping it ends the stream.
pub(super) struct Stream {
    id: String,
    latest: Arc<Mutex<BTreeMap<String, Reading>>>,
    stop: CancellationToken,
}

impl EngineStats {
    pub(super) fn new(engine: Engine, handle: Handle) -> Self {
        Self { engine, handle, tasks: TaskTracker::new(), latest: Arc::default() }
    }

    /// Begins to listen to a container.
    pub(super) fn open(&self, id: &str) -> Stream {
        let stop = CancellationToken::new();
        let stream =
            Stream { id: id.to_owned(), latest: Arc::clone(&self.latest), stop: stop.clone() };
        let (engine, id, latest) = (self.engine.clone(), id.to_owned(), Arc::clone(&self.latest));
        let listen = async move {
            loop {
                let mut readings = engine.stats(&id);
                while let Some(Ok(reading)) = readings.next().await {
                    let reading = convert(&reading);
                    latest
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(id.clone(), reading);
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        self.tasks.spawn_on(
            async move {
                tokio::select! {
                    () = listen => {}
                    () = stop.cancelled() => {}
                }
            },
            &self.handle,
        );
        stream
    }
}

impl Stream {
    /// What came since the last call; `None` when nothing did.
    pub(super) fn take(&self) -> Option<Reading> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.cancel();
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

fn convert(from: &EngineReading) -> Reading {
    let named = |names: [&str; 2]| names.iter().find_map(|n| from.memory.get(*n)).copied();
    let idle = named(["total_inactive_file", "inactive_file"]);
    let parts = ["kernel_stack", "pagetables", "percpu", "slab"];
    let kernel =
        from.memory.get("kernel").copied().or_else(|| {
            parts.iter().filter_map(|n| from.memory.get(*n)).copied().reduce(|a, b| a + b)
        });
    Reading {
        anon: named(["total_rss", "anon"]),
        file: named(["total_cache", "file"]),
        kernel,
        working_set: from.memory_usage.zip(idle).map(|(all, idle)| all.saturating_sub(idle)),
        limit: from.memory_limit,
        cpu_us: from.cpu_ns.map(|ns| ns / 1000),
        throttled_us: from.throttled_ns.map(|ns| ns / 1000),
        pids: from.pids,
        net_rx: from.net_rx,
        net_tx: from.net_tx,
        blk_read: from.blk_read,
        blk_write: from.blk_write,
        ..Reading::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, u64)]) -> EngineReading {
        EngineReading {
            memory_usage: Some(1000),
            cpu_ns: Some(5000),
            memory: pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
            ..EngineReading::default()
        }
    }

    #[test]
    fn both_versions_names_mean_the_same() {
        let v1 = convert(&of(&[("rss", 1), ("total_rss", 7), ("total_inactive_file", 300)]));
        let v2 = convert(&of(&[("anon", 7), ("inactive_file", 300), ("slab", 2), ("percpu", 3)]));
        assert_eq!((v1.anon, v2.anon), (Some(7), Some(7)));
        assert_eq!((v1.working_set, v2.working_set), (Some(700), Some(700)));
        assert_eq!((v1.kernel, v2.kernel), (None, Some(5)));
        assert_eq!((v1.cpu_us, v1.fds, v1.net_rx), (Some(5), None, None));
    }
}
