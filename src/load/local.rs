use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::collector::collect;
use super::http1::{Bell, Orders, Worker};
use super::script::Script;
use super::{Arrivals, Choice, Generator, Job, LoadError, Running, tls};
use crate::experiment::Pacing;
use crate::record::{Counts, LoadSlice};

/// Puts the load on from this process: threads of its own, each with its own loop, its own connections
/// and its own share of the arrivals.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalGenerator;

/// So many arrivals per second are left to one worker before there are two, and half as many with TLS:
/// a third of what one core can do.
const RATE_PER_WORKER: f64 = 30_000.0;
/// Slices that wait for the consumer, and parts that wait for the collector; past that they grow longer.
const SLICES: usize = 8;
/// Connections are opened before the load begins for what falls due in this time.
const AHEAD: f64 = 0.02;
/// No more of them than this per worker and origin.
const MOST_AHEAD: usize = 64;

impl Generator for LocalGenerator {
    fn start(&self, job: Job) -> Result<Running, LoadError> {
        Plan::new(job)?.start()
    }
}

struct Plan {
    job: Job,
    script: Arc<Script>,
    choice: Arc<Choice>,
    arrivals: Arc<Arrivals>,
    tls: Option<Arc<ClientConfig>>,
    workers: usize,
    retried: Arc<AtomicU64>,
    stop: CancellationToken,
    #[cfg(test)]
    panic_at: Option<u64>,
}

impl Plan {
    fn new(job: Job) -> Result<Self, LoadError> {
        let script = Script::new(&job.load)?;
        let tls = script.tls().then(|| tls::client_config(&job.load.tls)).transpose()?;
        let arrivals = Arrivals::new(&job.load.timeline());
        let workers = job.load.workers.map_or_else(
            || {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                let each = if script.tls() { RATE_PER_WORKER / 2.0 } else { RATE_PER_WORKER };
                ((arrivals.peak() / each).ceil() as usize).clamp(1, cores)
            },
            |workers| workers.max(1) as usize,
        );
        let seed = job.seed.split("load");
        let weights = job.load.scenarios.iter().map(|s| s.weight);
        Ok(Self {
            script: Arc::new(script),
            choice: Arc::new(Choice::new(weights, seed.split("scenarios"))),
            arrivals: Arc::new(arrivals),
            tls,
            workers: workers.min(job.load.connections as usize),
            retried: Arc::new(AtomicU64::new(0)),
            // Cancelled by the job's own stop, by a worker that fails, and when nobody takes the slices.
            stop: job.stop.child_token(),
            job: Job { seed: seed.split("values"), ..job },
            #[cfg(test)]
            panic_at: None,
        })
    }

    fn start(self) -> Result<Running, LoadError> {
        let plan = Arc::new(self);
        // Whatever fails from here on, the threads that have started end.
        let guard = plan.stop.clone().drop_guard();
        let (slices, receiver) = mpsc::channel(SLICES);
        let (mut lanes, mut bells, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..plan.workers {
            let (parts, lane) = mpsc::channel(SLICES);
            let bell = Bell::new().map_err(LoadError::Start)?;
            let worker = Worker::new(plan.orders(index, bell.clone(), parts.clone()));
            let worker = worker.map_err(LoadError::Start)?;
            lanes.push(lane);
            bells.push(bell);
            let stop = plan.stop.clone();
            let work = move || work(worker, &parts, stop);
            let name = format!("load-{index}");
            threads.push(thread::Builder::new().name(name).spawn(work).map_err(LoadError::Start)?);
        }
        let (report, done) = oneshot::channel();
        let runtime = Builder::new_current_thread().build().map_err(LoadError::Start)?;
        let retried = Arc::clone(&plan.retried);
        let gather = move || {
            let collected = collect(lanes, slices, plan.stop.clone());
            let counts = runtime.block_on(async {
                tokio::select! {
                    counts = collected => counts,
                    never = plan.ring(&bells) => match never {},
                }
            });
            let failed = threads.into_iter().find_map(|worker| match worker.join() {
                Ok(result) => result.err(),
                Err(_panic) => Some(LoadError::Worker("it panicked at its end".to_owned())),
            });
            // Nobody may be interested in the end any more.
            drop(report.send(failed.map_or(Ok(counts), Err)));
        };
        thread::Builder::new()
            .name("load-slices".to_owned())
            .spawn(gather)
            .map_err(LoadError::Start)?;
        guard.disarm();
        let done = async move {
            let gone = |_| Err(LoadError::Worker("the collector panicked".to_owned()));
            done.await.unwrap_or_else(gone) as Result<Counts, LoadError>
        };
        Ok(Running { slices: receiver, retried, done: Box::pin(done) })
    }

    fn orders(&self, index: usize, bell: Bell, parts: mpsc::Sender<LoadSlice>) -> Orders {
        let job = &self.job;
        let schedule = (Arc::clone(&self.arrivals), Arc::clone(&self.choice));
        let slots = share_of(job.load.connections, index, self.workers) as usize;
        let peak = self.arrivals.peak() / self.workers as f64;
        Orders {
            clock: job.clock,
            begin: job.begin,
            script: Arc::clone(&self.script),
            seed: job.seed,
            tls: self.tls.clone(),
            endpoints: job.endpoints.clone(),
            bell,
            stop: self.stop.clone(),
            retried: Arc::clone(&self.retried),
            backlog: Backlog::new(schedule, job.begin, (index, self.workers), job.load.catch_up),
            slots,
            ahead: ((peak * AHEAD).ceil() as usize).clamp(1, MOST_AHEAD),
            quantum: quantum(job.load.pacing),
            parts,
            #[cfg(test)]
            panic_at: self.panic_at,
        }
    }

    /// Rings the workers' bells whenever they are to look around; never ends.
    async fn ring(&self, bells: &[Bell]) -> std::convert::Infallible {
        let mut endpoints = self.job.endpoints.clone();
        let (mut stopped, mut gone) = (false, false);
        loop {
            tokio::select! {
                () = self.stop.cancelled(), if !stopped => stopped = true,
                changed = endpoints.changed(), if !gone => gone = changed.is_err(),
                () = std::future::pending(), if stopped && gone => {}
            }
            bells.iter().for_each(Bell::ring);
        }
    }
}

fn quantum(pacing: Pacing) -> Duration {
    match pacing {
        Pacing::Precise => Duration::ZERO,
        Pacing::Balanced => Duration::from_micros(250),
        Pacing::Eco => Duration::from_millis(1),
    }
}

/// One worker's thread, from start to end.
fn work(
    mut worker: Worker,
    parts: &mpsc::Sender<LoadSlice>,
    stop: CancellationToken,
) -> Result<(), LoadError> {
    // A worker that fails or panics takes the others with it: a part of a load proves nothing.
    let guard = stop.drop_guard();
    let (last, result) = match catch_unwind(AssertUnwindSafe(|| worker.run())) {
        Ok(Ok(end)) => (worker.finish(end), Ok(())),
        Ok(Err(error)) => (worker.abandon(), Err(LoadError::Worker(error.to_string()))),
        Err(_panic) => (worker.abandon(), Err(LoadError::Worker("it panicked".to_owned()))),
    };
    if let Some(last) = last {
        // Only a collector that panicked has gone, and its end is reported on its own.
        drop(parts.blocking_send(last));
    }
    if result.is_ok() {
        guard.disarm();
    }
    result
}

/// A worker's part of the connections: as even as whole numbers allow.
fn share_of(connections: u32, index: usize, workers: usize) -> u32 {
    let workers = workers as u32;
    connections / workers + u32::from((index as u32) < connections % workers)
}

#[cfg(test)]
#[path = "conservation_test.rs"]
mod conservation;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for connections in 1..50 {
            for workers in 1..=4.min(connections as usize) {
                let shares = (0..workers).map(|i| share_of(connections, i, workers));
                assert_eq!(shares.clone().sum::<u32>(), connections);
                assert!(shares.min().unwrap() >= 1);
            }
        }
    }
}
