use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::engine_stats::EngineStats;
use super::host::Host;
use super::life::Lives;
use super::process::Process;
use crate::clock::{Clock, Offset};
use crate::record::{Roster, Sample, Subject};
use crate::target::Engine;

/// Ticks that may wait for the receiver.
const BACKLOG: usize = 64;

/// What the sampler needs.
pub struct Setup {
    /// Whom to read.
    pub roster: watch::Receiver<Arc<Roster>>,
    /// The run's clock.
    pub clock: Clock,
    /// Time between two ticks, 100 ms or more.
    pub interval: Duration,
    /// A folder on the disk whose free space is watched.
    pub disk: PathBuf,
    /// The engine of the target's containers. One that is not local is asked for its statistics streams.
    pub engine: Option<Engine>,
    /// Ends the sampling.
    pub stop: CancellationToken,
}

/// The readings as they come: one [`Vec`] a tick, of every instance that could be read, the host and longhaul.
pub struct Samples {
    ticks: mpsc::Receiver<Vec<Sample>>,
    missed: Arc<AtomicU64>,
}

impl Samples {
    /// The next tick; `None` when the sampling has ended.
    pub async fn recv(&mut self) -> Option<Vec<Sample>> {
        self.ticks.recv().await
    }

    /// A tick that waits, if one does.
    pub fn try_recv(&mut self) -> Option<Vec<Sample>> {
        self.ticks.try_recv().ok()
    }

    /// Ticks that were left out so far: the receiver was behind, or the machine was too busy to be on time.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

/// Begins to sample, on a thread of its own. Ends with `stop`, or when the [`Samples`] are dropped. Call it
/// within a runtime.
pub fn start(setup: Setup) -> Samples {
    // When full, the tick is left out and counted: readings must never hold up the run.
    let (sender, ticks) = mpsc::channel(BACKLOG);
    let missed = Arc::new(AtomicU64::new(0));
    let handle = Handle::current();
    let counter = Arc::clone(&missed);
    drop(handle.clone().spawn_blocking(move || sample(setup, &handle, &sender, &counter)));
    Samples { ticks, missed }
}

fn sample(setup: Setup, handle: &Handle, sender: &mpsc::Sender<Vec<Sample>>, missed: &AtomicU64) {
    let Setup { roster, clock, interval, disk, engine, stop } = setup;
    let remote = engine.filter(|engine| !engine.describe().local);
    let remote = remote.map(|engine| EngineStats::new(engine, handle.clone()));
    let mut reader = Reader::new(disk);
    let mut due = clock.now();
    loop {
        let stopped = handle.block_on(async {
            tokio::select! {
                biased;
                () = stop.cancelled() => true,
                () = sender.closed() => true,
                () = clock.sleep_until(due) => false,
            }
        });
        if stopped {
            return;
        }
        let current = Arc::clone(&roster.borrow());
        let at = clock.now();
        if sender.try_send(reader.tick(at, &current, remote.as_ref())).is_err() {
            missed.fetch_add(1, Ordering::Relaxed);
        }
        let (next, skipped) = due.next_due(interval, clock.now());
        missed.fetch_add(skipped, Ordering::Relaxed);
        due = next;
    }
}

/// Everything that is read in one tick.
struct Reader {
    lives: Lives,
    host: Host,
    own: Option<Process>,
    buffer: Vec<u8>,
}

impl Reader {
    fn new(disk: PathBuf) -> Self {
        Self {
            lives: Lives::default(),
            host: Host::new(disk),
            own: Process::open(std::process::id()),
            buffer: Vec::new(),
        }
    }

    fn tick(&mut self, at: Offset, roster: &Roster, remote: Option<&EngineStats>) -> Vec<Sample> {
        let mut samples: Vec<Sample> = self
            .lives
            .read(roster, remote, &mut self.buffer)
            .into_iter()
            .map(|(subject, epoch, reading)| Sample { at, subject, epoch, reading })
            .collect();
        let reading = self.host.read(&mut self.buffer);
        samples.push(Sample { at, subject: Subject::Host, epoch: 0, reading });
        if let Some(reading) = self.own.as_ref().and_then(|own| own.read(&mut self.buffer)) {
            samples.push(Sample { at, subject: Subject::Longhaul, epoch: 0, reading });
        }
        samples
    }
}

#[cfg(test)]
mod tests;
