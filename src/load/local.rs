use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;

use rustls::ClientConfig;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::collector::collect;
use super::connect::Traffic;
use super::cursor::Cursor;
use super::pacer::Pacer;
use super::pool::Pool;
use super::recorder::Recorder;
use super::resolve::Resolver;
use super::script::Script;
use super::session::Sessions;
use super::stage::Stage;
use super::{Arrivals, Choice, Generator, Job, LoadError, Running, tls};
use crate::record::{Counts, LoadSlice};

/// Puts the load on from this process: threads of its own, each with its own runtime, its own connections
/// and its own share of the arrivals.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalGenerator;

/// So many arrivals per second are left to one worker before there are two.
const RATE_PER_WORKER: f64 = 10_000.0;
const WORKERS: usize = 4;
/// Slices that wait for the consumer, and parts that wait for the collector; past that they grow longer.
const SLICES: usize = 8;

impl Generator for LocalGenerator {
    fn start(&self, job: Job) -> Result<Running, LoadError> {
        let script = Script::new(&job.load)?;
        let tls = script.tls.then(|| tls::client_config(&job.load.tls)).transpose()?;
        let arrivals = Arrivals::new(&job.load.timeline());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let wanted = (arrivals.peak() / RATE_PER_WORKER).ceil() as usize;
        let workers = wanted.clamp(1, cores.min(WORKERS)).min(job.load.connections as usize);
        let seed = job.seed.split("load");
        let weights = job.load.scenarios.iter().map(|s| s.weight);
        let plan = Plan {
            script: Arc::new(script),
            choice: Arc::new(Choice::new(weights, seed.split("scenarios"))),
            arrivals: Arc::new(arrivals),
            tls,
            workers,
            retried: Arc::new(AtomicU64::new(0)),
            // Cancelled by the job's own stop, by a worker that fails, and when nobody takes the slices.
            stop: job.stop.child_token(),
            job: Job { seed: seed.split("values"), ..job },
        };
        plan.start()
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
}

impl Plan {
    fn start(self) -> Result<Running, LoadError> {
        let plan = Arc::new(self);
        // Whatever fails from here on, the threads that have started end.
        let guard = plan.stop.clone().drop_guard();
        let (slices, receiver) = mpsc::channel(SLICES);
        let mut lanes = Vec::new();
        let mut threads = Vec::new();
        for index in 0..plan.workers {
            let (parts, lane) = mpsc::channel(SLICES);
            lanes.push(lane);
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(LoadError::Start)?;
            let plan = Arc::clone(&plan);
            let work = move || {
                let result = plan.work(index, &runtime, &parts);
                // A name that is still being looked up must not hold up the end.
                runtime.shutdown_background();
                result
            };
            let name = format!("load-{index}");
            threads.push(thread::Builder::new().name(name).spawn(work).map_err(LoadError::Start)?);
        }
        let (report, done) = oneshot::channel();
        let stop = plan.stop.clone();
        let runtime = Builder::new_current_thread().build().map_err(LoadError::Start)?;
        let gather = move || {
            let counts = runtime.block_on(collect(lanes, slices, stop));
            let failed = threads.into_iter().find_map(|worker| match worker.join() {
                Ok(result) => result.err(),
                Err(_panic) => Some(LoadError::Worker("it panicked".to_owned())),
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
        Ok(Running { slices: receiver, retried: Arc::clone(&plan.retried), done: Box::pin(done) })
    }

    /// One worker's thread, from start to end.
    fn work(
        &self,
        index: usize,
        runtime: &Runtime,
        parts: &mpsc::Sender<LoadSlice>,
    ) -> Result<(), LoadError> {
        // A worker that fails or panics takes the others with it: a part of a load proves nothing.
        let guard = self.stop.clone().drop_guard();
        let local = LocalSet::new();
        let result: std::io::Result<()> = local.block_on(runtime, async {
            let traffic: Rc<Traffic> = Rc::default();
            let job = &self.job;
            let (first, stride) = (index as u64, self.workers as u64);
            let cursor = Cursor::new(Arc::clone(&self.arrivals), job.begin, first, stride);
            let slots = share_of(job.load.connections, index, self.workers);
            let recorder = Recorder::new(
                job.begin,
                self.script.steps,
                cursor.clone(),
                Rc::clone(&traffic),
                parts.clone(),
            );
            let stage = Rc::new(Stage {
                clock: job.clock,
                script: Arc::clone(&self.script),
                seed: job.seed,
                tls: self.tls.clone(),
                resolver: Resolver::new(job.clock, job.endpoints.clone()),
                pool: RefCell::new(Pool::new(slots, Rc::clone(&traffic))),
                sessions: RefCell::new(Sessions::new(self.script.scenarios.len())),
                recorder: RefCell::new(recorder),
                traffic,
                retried: Arc::clone(&self.retried),
            });
            let pacer = Pacer {
                stage: Rc::clone(&stage),
                arrivals: Arc::clone(&self.arrivals),
                choice: Arc::clone(&self.choice),
                begin: job.begin,
                seen: cursor.clone(),
                sent: cursor,
                slots,
                share: 1.0 / self.workers as f64,
                stop: self.stop.clone(),
            };
            let end = pacer.run().await?;
            let last = stage.recorder.borrow_mut().finish(end);
            if let Some(last) = last {
                // Only a collector that panicked has gone, and its end is reported on its own.
                drop(parts.send(last).await);
            }
            Ok(())
        });
        result.map_err(|e| LoadError::Worker(e.to_string()))?;
        guard.disarm();
        Ok(())
    }
}

/// A worker's part of the connections: as even as whole numbers allow.
fn share_of(connections: u32, index: usize, workers: usize) -> u32 {
    let workers = workers as u32;
    connections / workers + u32::from((index as u32) < connections % workers)
}

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
