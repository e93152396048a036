use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::client::{self, Lines};
use super::climb::Climb;
use super::collector::collect;
use super::crew::{Crew, Post, share_of};
use super::crowd::Crowd;
use super::departures::Departures;
use super::feeds::{Feeds, Inlet, pipe};
use super::http1::{self, Bell};
use super::orders::Orders;
use super::script::Script;
use super::{Arrivals, Choice, Generator, Job, LoadError, Running, feeder, priority, tls};
use crate::clock::Offset;
use crate::experiment::{Arrival, Pacing, Timeline};
use crate::record::{Counts, LoadSlice};

/// Puts the load on from this process: threads of its own, each with its own loop, its own connections
/// and its own share of the arrivals.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalGenerator;

/// Slices that wait for the consumer, and parts that wait for the collector; past that they grow longer.
const SLICES: usize = 8;
/// Events of a search for a limit that wait for the consumer; past that the search waits.
const EVENTS: usize = 16;
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
    /// The scenarios of other protocols, if there are any.
    lines: Option<Arc<Lines>>,
    choice: Arc<Choice>,
    timeline: Timeline,
    arrivals: Arc<Arrivals>,
    /// The schedule as it grows, if the load ends with a search for a limit.
    schedule: Option<watch::Receiver<Arc<Arrivals>>>,
    tls: Option<Arc<ClientConfig>>,
    crew: Crew,
    retried: Arc<AtomicU64>,
    stop: CancellationToken,
    #[cfg(test)]
    panic_at: Option<u64>,
}

impl Plan {
    fn new(job: Job) -> Result<Self, LoadError> {
        let script = Arc::new(Script::new(&job.load, &job.secrets)?);
        let other = script.scenarios.iter().any(|play| !play.http1);
        let lines =
            other.then(|| Lines::new(&job.load, &job.secrets, Arc::clone(&script))).transpose()?;
        let tls = script.tls().then(|| tls::client_config(&job.load.tls)).transpose()?;
        let seed = job.seed.split("load");
        let timeline = job.load.timeline();
        let arrivals = match job.load.arrival {
            Arrival::Constant => Arrivals::new(&timeline),
            Arrival::Poisson => Arrivals::poisson(&timeline, seed.split("arrivals")),
        };
        let crew = Crew::new(&job.load, &script, arrivals.peak())?;
        let weights = job.load.scenarios.iter().map(|s| s.weight);
        Ok(Self {
            script,
            lines: lines.map(Arc::new),
            choice: Arc::new(Choice::new(weights, seed.split("scenarios"))),
            arrivals: Arc::new(arrivals),
            timeline,
            schedule: None,
            tls,
            crew,
            retried: Arc::new(AtomicU64::new(0)),
            // Cancelled by the job's own stop, by a worker that fails, and when nobody takes the slices.
            stop: job.stop.child_token(),
            job: Job { seed: seed.split("values"), ..job },
            #[cfg(test)]
            panic_at: None,
        })
    }

    fn start(mut self) -> Result<Running, LoadError> {
        let (events, heard) = mpsc::channel(EVENTS);
        let (arrivals, times) = ((*self.arrivals).clone(), (self.job.clock, self.job.begin));
        let climb = Climb::new(&self.timeline, arrivals, times, events);
        if let Some(climb) = &climb {
            let schedule = climb.schedule();
            self.arrivals = Arc::clone(&schedule.borrow());
            self.schedule = Some(schedule);
        }
        let heard = climb.is_some().then_some(heard);
        let plan = Arc::new(self);
        let (slices, receiver) = mpsc::channel(SLICES);
        let (mut lanes, mut bells, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        for _ in plan.crew.posts() {
            bells.push(Bell::new().map_err(LoadError::Start)?);
        }
        let mut guard = Guard { stop: plan.stop.clone(), bells: bells.clone(), armed: true };
        let feeds = plan.feeds(&bells).map_err(LoadError::Start)?;
        for (index, (post, feeds)) in plan.crew.posts().zip(feeds).enumerate() {
            let (parts, lane) = mpsc::channel(SLICES);
            let bell = bells[index].clone();
            let orders = plan.orders(index, &post, (bell, feeds), parts.clone());
            let worker = match &plan.lines {
                Some(lines) if !post.http1 => {
                    let hire = client::Hire::new(orders, Arc::clone(lines), post);
                    hire.map(|hire| Hired::Client(Box::new(hire)))
                }
                _ => http1::Worker::new(orders).map(|w| Hired::Http1(Box::new(w))),
            };
            let worker = worker.map_err(LoadError::Start)?;
            lanes.push(lane);
            let (stop, priority) = (plan.stop.clone(), plan.job.load.priority);
            let work = move || {
                priority::take(priority);
                match worker {
                    Hired::Http1(worker) => work(*worker, &parts, stop),
                    Hired::Client(hire) => work(hire.begin(), &parts, stop),
                }
            };
            let name = format!("load-{index}");
            threads.push(thread::Builder::new().name(name).spawn(work).map_err(LoadError::Start)?);
        }
        let (report, done) = oneshot::channel();
        let runtime = Builder::new_current_thread().build().map_err(LoadError::Start)?;
        let retried = Arc::clone(&plan.retried);
        let gather = move || {
            let collected = collect(lanes, slices, plan.stop.clone(), climb);
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
        guard.armed = false;
        let done = async move {
            let gone = |_| Err(LoadError::Worker("the collector panicked".to_owned()));
            done.await.unwrap_or_else(gone) as Result<Counts, LoadError>
        };
        Ok(Running { slices: receiver, events: heard, retried, done: Box::pin(done) })
    }

    /// Starts to read the data files; what comes of them, by worker. Those of other protocols use none.
    fn feeds(&self, bells: &[Bell]) -> std::io::Result<Vec<Feeds>> {
        let mut inlets: Vec<Vec<Inlet>> = bells.iter().map(|_| Vec::new()).collect();
        let users = self.crew.posts().filter(|post| post.http1).count();
        for used in &self.script.feeds {
            let seed = self.job.seed.split("data").split(&used.feed.name);
            let mut outlets = Vec::new();
            for (bell, inlets) in bells.iter().zip(&mut inlets).take(users) {
                let (outlet, inlet) = pipe(bell.clone());
                inlets.push(inlet);
                outlets.push(outlet);
            }
            if used.feed.shared {
                feeder::start(used, outlets, seed)?;
            } else {
                for (index, outlet) in outlets.into_iter().enumerate() {
                    feeder::start(used, vec![outlet], seed.split(&index.to_string()))?;
                }
            }
        }
        Ok(inlets.into_iter().map(Feeds::new).collect())
    }

    fn orders(
        &self,
        index: usize,
        post: &Post,
        (bell, feeds): (Bell, Feeds),
        parts: mpsc::Sender<LoadSlice>,
    ) -> Orders {
        let job = &self.job;
        let schedule = (Arc::clone(&self.arrivals), Arc::clone(&self.choice));
        let slots = share_of(job.load.connections, index, self.crew.size()) as usize;
        let share = self.crew.share(post, &self.choice);
        let peak = self.arrivals.peak() * share.part();
        let burst = (self.arrivals.largest_burst() as f64 * share.part()).ceil() as usize;
        let backlog = Backlog::new(schedule, job.begin, share, job.load.catch_up);
        let first = self.script.scenarios.iter().map(|play| play.first).collect();
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
            departures: Departures::new(backlog, first, slots),
            schedule: self.schedule.clone(),
            crowd: Crowd::new(
                &self.timeline,
                job.begin,
                (index, self.crew.size()),
                Arc::clone(&self.choice),
            ),
            feeds,
            slots,
            ahead: ((peak * AHEAD).ceil() as usize).max(burst).clamp(1, MOST_AHEAD),
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
        let mut schedule = self.schedule.clone();
        loop {
            tokio::select! {
                () = self.stop.cancelled(), if !stopped => stopped = true,
                changed = endpoints.changed(), if !gone => gone = changed.is_err(),
                () = grown(&mut schedule) => {}
            }
            bells.iter().for_each(Bell::ring);
        }
    }
}

/// Whatever fails while it is armed, the threads that have started end.
struct Guard {
    stop: CancellationToken,
    bells: Vec<Bell>,
    armed: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.armed {
            self.stop.cancel();
            self.bells.iter().for_each(Bell::ring);
        }
    }
}

/// Waits until the schedule has grown; for good when it does not any more.
async fn grown(schedule: &mut Option<watch::Receiver<Arc<Arrivals>>>) {
    if let Some(open) = schedule
        && open.changed().await.is_ok()
    {
        return;
    }
    *schedule = None;
    std::future::pending::<()>().await;
}

fn quantum(pacing: Pacing) -> Duration {
    match pacing {
        Pacing::Precise => Duration::ZERO,
        Pacing::Balanced => Duration::from_micros(250),
        Pacing::Eco => Duration::from_millis(1),
    }
}

/// A worker before it is on its thread.
enum Hired {
    Http1(Box<http1::Worker>),
    Client(Box<client::Hire>),
}

/// What a worker of either kind does on its thread.
trait Work {
    /// Runs its share of the load to the end, and says when that was: the load's own, or the stop.
    fn run(&mut self) -> std::io::Result<Offset>;
    /// Ends the record. What is returned is still to be sent.
    fn finish(&mut self, end: Offset) -> Option<LoadSlice>;
    /// Ends the record of one that panicked.
    fn abandon(&mut self) -> Option<LoadSlice>;
}

macro_rules! works {
    ($worker:ty) => {
        impl Work for $worker {
            fn run(&mut self) -> std::io::Result<Offset> {
                self.run()
            }
            fn finish(&mut self, end: Offset) -> Option<LoadSlice> {
                self.finish(end)
            }
            fn abandon(&mut self) -> Option<LoadSlice> {
                self.abandon()
            }
        }
    };
}

works!(http1::Worker);
works!(client::Worker);

/// One worker's thread, from start to end.
fn work(
    mut worker: impl Work,
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

#[cfg(test)]
#[path = "conservation_test.rs"]
mod conservation;
