//! Captures and scrapes beside the run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::ask::Client;
use super::capture::{Look, Looker};
use super::heap::Fetcher;
use super::prober::Prober;
use super::scraper::Scraper;
use super::vault::{self, Vault};
use crate::clock::{Clock, monotonic};
use crate::experiment::{CapturePlan, Polled, Sampling, Secrets};
use crate::record::{
    CaptureMoment, Captured, Event, EventKind, Evidence, InstanceState, Roster, Scrapes, Victim,
};
use crate::target::Engine;

/// Findings that may wait for the receiver; then the capture waits.
const BACKLOG: usize = 256;
/// Captures that may wait for one under way.
const WAITING: usize = 2;
/// Longest capture. What has not come by then says so.
const LONGEST: Duration = Duration::from_secs(30);
/// Instances that are looked at at once: a capture must not be a load of its own.
const AT_ONCE: usize = 2;

/// What the collector needs.
pub struct Setup {
    /// Whom to look at.
    pub roster: watch::Receiver<Arc<Roster>>,
    /// The run's clock.
    pub clock: Clock,
    /// The engine of the target's containers.
    pub engine: Option<Engine>,
    /// The run's own folder: profiles go there.
    pub dir: PathBuf,
    /// What is captured besides what always is.
    pub capture: CapturePlan,
    /// Whose metrics are scraped.
    pub sampling: Sampling,
    /// The values of secrets in URLs; what the engine tells is kept without them.
    pub secrets: Arc<Secrets>,
    /// What the target is asked for again and again.
    pub probes: Vec<Polled>,
}

/// What was found.
#[derive(Debug)]
pub enum Finding {
    /// One look at one instance.
    Evidence(Box<Evidence>),
    /// A stretch of scraped values.
    Scrapes(Box<Scrapes>),
    /// A capture has ended, or scrapes are missing.
    Event(Event),
}

/// The captures and scrapes under way. Ends them when it is dropped.
pub struct Collector {
    asks: Option<mpsc::Sender<CaptureMoment>>,
    findings: mpsc::Receiver<Finding>,
    stop_scraping: CancellationToken,
    _tasks: TaskTracker,
    _abandon: DropGuard,
}

/// Begins to scrape, and waits to be asked for captures. Call it within a runtime.
pub fn start(setup: Setup) -> Collector {
    let (out, findings) = mpsc::channel(BACKLOG);
    let (asks, asked) = mpsc::channel(WAITING);
    let (tasks, abandoned) = (TaskTracker::new(), CancellationToken::new());
    let stop_scraping = abandoned.child_token();
    let client = Client::new(Arc::clone(&setup.secrets));
    if !setup.sampling.scrape.is_empty() {
        let scraper = Scraper {
            roster: setup.roster.clone(),
            clock: setup.clock,
            interval: setup.sampling.scrape_interval(),
            urls: setup.sampling.scrape.clone(),
            client: client.clone(),
            out: out.clone(),
        };
        tasks.spawn(scraper.work(stop_scraping.clone()));
    }
    for polled in setup.probes.clone() {
        let prober = Prober {
            polled,
            roster: setup.roster.clone(),
            clock: setup.clock,
            client: client.clone(),
            out: out.clone(),
        };
        tasks.spawn(prober.work(stop_scraping.clone()));
    }
    let worker = Worker::new(setup, client, out);
    let over = abandoned.clone();
    tasks.spawn(async move {
        tokio::select! {
            biased;
            () = over.cancelled() => {}
            () = worker.work(asked) => {}
        }
    });
    tasks.close();
    Collector {
        asks: Some(asks),
        findings,
        stop_scraping,
        _tasks: tasks,
        _abandon: abandoned.drop_guard(),
    }
}

impl Collector {
    /// Asks for a capture. False when that can't be done: too many wait already.
    pub fn ask(&self, moment: CaptureMoment) -> bool {
        self.asks.as_ref().is_some_and(|asks| asks.try_send(moment).is_ok())
    }

    /// The next finding; `None` when there will be none any more.
    pub async fn recv(&mut self) -> Option<Finding> {
        self.findings.recv().await
    }

    /// Asks for nothing more and ends the scraping. What is under way is still found, within
    /// about half a minute for each capture; then [`Self::recv`] ends.
    pub fn close(&mut self) {
        self.asks = None;
        self.stop_scraping.cancel();
    }
}

/// What tells one life of a container from the next.
type Life = (String, Option<Timestamp>);

struct Worker {
    roster: watch::Receiver<Arc<Roster>>,
    clock: Clock,
    looker: Arc<Looker>,
    /// The lives whose description is on record.
    described: BTreeMap<Victim, Life>,
    out: mpsc::Sender<Finding>,
}

impl Worker {
    fn new(setup: Setup, client: Client, out: mpsc::Sender<Finding>) -> Self {
        let vault = Arc::new(Vault::new(setup.dir.clone(), vault::LARGEST));
        let looker = Looker {
            clock: setup.clock,
            engine: setup.engine,
            run_dir: setup.dir,
            heap: setup.capture.heap,
            secrets: setup.secrets,
            fetcher: Fetcher { client, vault, clock: setup.clock },
        };
        Self {
            roster: setup.roster,
            clock: setup.clock,
            looker: Arc::new(looker),
            described: BTreeMap::new(),
            out,
        }
    }

    async fn work(mut self, mut asked: mpsc::Receiver<CaptureMoment>) {
        while let Some(moment) = asked.recv().await {
            self.capture(moment).await;
        }
    }

    async fn capture(&mut self, moment: CaptureMoment) {
        let from = self.clock.now();
        let deadline = monotonic() + LONGEST;
        let roster = Arc::clone(&self.roster.borrow());
        let mut first: BTreeMap<&str, u32> = BTreeMap::new();
        for instance in roster.instances.iter().filter(|i| i.state != InstanceState::Stopped) {
            first.entry(&instance.service).or_insert(instance.ordinal);
        }
        let looks: Vec<Look> = roster
            .instances
            .iter()
            .map(|instance| {
                let life = (instance.id.clone(), instance.started_at);
                Look {
                    moment,
                    is_first: first.get(instance.service.as_str()) == Some(&instance.ordinal),
                    is_known: self.described.get(&instance.victim()) == Some(&life),
                    instance: instance.clone(),
                    deadline,
                }
            })
            .collect();
        let looker = Arc::clone(&self.looker);
        let lives: BTreeMap<Victim, Life> =
            roster.instances.iter().map(|i| (i.victim(), (i.id.clone(), i.started_at))).collect();
        let mut found = futures_util::stream::iter(looks)
            .map(|look| Arc::clone(&looker).look(look))
            .buffered(AT_ONCE);
        let (mut cpu, mut missing) = (Duration::ZERO, 0);
        while let Some((evidence, spent)) = found.next().await {
            cpu += spent;
            missing += evidence.missing().len() as u32;
            if matches!(evidence.container, Some(Captured::Captured(_)))
                && let Some(life) = lives.get(&evidence.instance)
            {
                self.described.insert(evidence.instance.clone(), life.clone());
            }
            if self.out.send(Finding::Evidence(Box::new(evidence))).await.is_err() {
                return;
            }
        }
        let kind = EventKind::Capture {
            moment,
            from,
            cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
            not_captured: missing,
        };
        let event = Event { at: self.clock.now(), kind };
        if self.out.send(Finding::Event(event)).await.is_err() {
            tracing::debug!("nobody takes evidence any more");
        }
    }
}
