//! Keeps what a target's containers print.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Engine;
use super::error::engine_text;
use super::log_file::{Bounds, FOLDER, LogFile, time_of};
use crate::clock::wall;
use crate::record::{Roster, Victim};

/// Lines are written at the latest after this.
const FLUSH: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_mins(1);
/// Wait before a log that ended is asked for again.
const AGAIN: Duration = Duration::from_secs(2);
/// Lines printed so long before the watch began are taken too: a container of this run's own tells how it started.
const BEFORE: Duration = Duration::from_mins(10);
/// 32 MiB compressed for a container; 4 MiB of lines in a minute.
const BOUNDS: Bounds = Bounds { file: 4 << 20, files: 8, minute: 4 << 20 };

/// Follows the logs of every container of a roster.
pub(super) struct LogKeeper {
    pub(super) engine: Engine,
    pub(super) roster: watch::Receiver<Arc<Roster>>,
    /// The run's own folder.
    pub(super) dir: PathBuf,
}

impl LogKeeper {
    /// Keeps logs until `stop`; then writes what waits.
    pub(super) async fn keep(mut self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut followed: BTreeMap<String, CancellationToken> = BTreeMap::new();
        loop {
            let roster = Arc::clone(&self.roster.borrow_and_update());
            followed.retain(|id, gone| {
                let stays = roster.instances.iter().any(|i| i.id == *id);
                if !stays {
                    gone.cancel();
                }
                stays
            });
            for instance in &roster.instances {
                if followed.contains_key(&instance.id) {
                    continue;
                }
                let gone = stop.child_token();
                followed.insert(instance.id.clone(), gone.clone());
                let log = self.follower(&instance.victim(), instance.id.clone());
                tasks.spawn(log.follow(gone));
            }
            let changed = tokio::select! {
                () = stop.cancelled() => break,
                changed = self.roster.changed() => changed,
            };
            if changed.is_err() {
                break;
            }
        }
        for gone in followed.into_values() {
            gone.cancel();
        }
        tasks.close();
        tasks.wait().await;
    }

    fn follower(&self, victim: &Victim, id: String) -> Follower {
        let file = LogFile::new(self.dir.join(FOLDER), victim, BOUNDS);
        Follower {
            engine: self.engine.clone(),
            id,
            last: wall().checked_sub(BEFORE).ok(),
            file: Arc::new(Mutex::new(file)),
            failing: false,
        }
    }
}

struct Follower {
    engine: Engine,
    id: String,
    /// Time of the last line taken.
    last: Option<Timestamp>,
    file: Arc<Mutex<LogFile>>,
    failing: bool,
}

impl Follower {
    async fn follow(mut self, gone: CancellationToken) {
        let mut flush = tokio::time::interval(FLUSH);
        let mut minute = tokio::time::interval(MINUTE);
        loop {
            let since = self.last.map_or(0, |at| i32::try_from(at.as_second()).unwrap_or(0));
            let options = LogsOptionsBuilder::new()
                .follow(true)
                .stdout(true)
                .stderr(true)
                .timestamps(true)
                .since(since)
                .build();
            let engine = self.engine.clone();
            let mut pieces = Box::pin(engine.docker().logs(&self.id, Some(options)));
            let until = self.last;
            loop {
                tokio::select! {
                    () = gone.cancelled() => {
                        self.flush().await;
                        return;
                    }
                    _ = flush.tick() => self.flush().await,
                    _ = minute.tick() => self.with(LogFile::minute),
                    piece = pieces.next() => match piece {
                        Some(Ok(piece)) => self.take(piece, until).await,
                        Some(Err(error)) => {
                            self.tell(&error);
                            break;
                        }
                        // The container has stopped, and may start again.
                        None => break,
                    },
                }
            }
            tokio::select! {
                () = gone.cancelled() => {
                    self.flush().await;
                    return;
                }
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn take(&mut self, piece: LogOutput, until: Option<Timestamp>) {
        self.failing = false;
        let bytes = piece.into_bytes();
        let at = time_of(&bytes);
        // The engine takes whole seconds: what was taken before comes again.
        if at.is_some() && at <= until {
            return;
        }
        self.last = at.or(self.last);
        if self.with(|file| file.push(&bytes)) {
            self.flush().await;
        }
    }

    /// Once for each stretch of trouble: the lines since then are asked for again.
    fn tell(&mut self, error: &EngineError) {
        if !self.failing {
            self.failing = true;
            let text = format!("the engine stopped telling: {}", engine_text(error));
            self.with(|file| file.remark(&text));
        }
    }

    async fn flush(&mut self) {
        let file = Arc::clone(&self.file);
        let write = move || file.lock().unwrap_or_else(PoisonError::into_inner).flush();
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, container = %self.id, "log lines could not be kept");
            }
            Err(error) => tracing::error!(%error, "a defect in longhaul: a log is not kept"),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut LogFile) -> T) -> T {
        act(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
