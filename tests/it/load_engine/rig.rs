//! What the tests of the load engine share: loads in a line, servers on loopback, and a check that every
//! run keeps its books.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use longhaul::clock::Clock;
use longhaul::experiment::{
    Body, Expect, HttpStep, Load, Method, Part, Scenario, Segment, Step, Template,
};
use longhaul::load::{Generator, Job, LocalGenerator, Running};
use longhaul::record::{Counts, Endpoints, LoadSlice};
use longhaul::seed::Seed;
use longhaul::units::Rate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A server with its own runtime: dropping it closes every connection at once.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    pub(super) fn start<F, T>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> Self
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        runtime.spawn(async move { serve(TcpListener::from_std(listener).unwrap()).await });
        Self { addr, runtime: Some(runtime) }
    }

    pub(super) fn axum(router: Router) -> Self {
        Self::start(|listener| async move { axum::serve(listener, router).await.unwrap() })
    }

    /// Answers at once while the gate is open, and when it opens.
    pub(super) fn gated(gate: &Gate) -> Self {
        let gate = gate.clone();
        Self::start(|listener| async move {
            let mut tasks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let gate = gate.clone();
                tasks.spawn(async move {
                    // Whoever hangs up is not answered.
                    drop(gate.answer(stream).await);
                });
            }
        })
    }

    /// Accepts and never answers.
    pub(super) fn hanging() -> Self {
        Self::start(|listener| async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lets a server answer, or not.
#[derive(Clone)]
pub(super) struct Gate(watch::Sender<bool>);

impl Gate {
    /// What is answered.
    pub(super) const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// An open one.
    pub(super) fn new() -> Self {
        Self(watch::channel(true).0)
    }

    pub(super) fn shut(&self) {
        self.0.send_replace(false);
    }

    pub(super) fn open(&self) {
        self.0.send_replace(true);
    }

    /// Answers requests, each of which comes in one piece.
    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut open, mut buffer) = (self.0.subscribe(), [0; 4096]);
        while stream.read(&mut buffer).await? > 0 {
            drop(open.wait_for(|open| *open).await);
            stream.write_all(Self::ANSWER).await?;
        }
        Ok(())
    }
}

/// Text with `{{name}}` for captured values.
pub(super) fn template(text: &str) -> Template {
    let mut parts = Vec::new();
    for (i, piece) in text.split("{{").enumerate() {
        let rest = match piece.split_once("}}").filter(|_| i > 0) {
            Some((name, rest)) => {
                parts.push(Part::Captured(name.to_owned()));
                rest
            }
            None => piece,
        };
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
    }
    Template { parts }
}

pub(super) fn http(name: &str, method: Method, url: &str) -> HttpStep {
    HttpStep {
        name: name.to_owned(),
        method,
        url: template(url),
        headers: Vec::new(),
        body: (method == Method::Post).then(|| Body::Raw(template("x"))),
        expect: Expect::default(),
        capture: Vec::new(),
        timeout: None,
    }
}

pub(super) fn get(url: &str) -> HttpStep {
    http("get", Method::Get, url)
}

/// A hold of `rate` arrivals per second that each do `steps`.
pub(super) fn hold(rate: f64, lasts: Duration, steps: Vec<HttpStep>) -> Load {
    let profile = vec![Segment::Hold { rate: Rate::per_second(rate), lasts }];
    let steps = steps.into_iter().map(Step::Http).collect();
    Load {
        priority: longhaul::experiment::Priority::Realtime,
        timeout: Duration::from_secs(20),
        ..Load::new(profile, vec![Scenario::new("s", steps)])
    }
}

/// A load under way, and the means to disturb it.
pub(super) struct Rig {
    pub(super) running: Running,
    pub(super) stop: CancellationToken,
    pub(super) endpoints: watch::Sender<Endpoints>,
    pub(super) clock: Clock,
}

/// What a load left behind.
pub(super) struct Result {
    pub(super) counts: Counts,
    pub(super) slices: Vec<LoadSlice>,
    pub(super) retried: u64,
}

pub(super) fn start(load: Load) -> Rig {
    start_with(load, Endpoints::default())
}

pub(super) fn start_with(load: Load, endpoints: Endpoints) -> Rig {
    let clock = Clock::start();
    let stop = CancellationToken::new();
    let (endpoints, receiver) = watch::channel(endpoints);
    let begin = clock.now() + Duration::from_millis(20);

    let job = Job {
        load,
        secrets: Arc::default(),
        seed: Seed(7),
        clock,
        begin,
        endpoints: receiver,
        stop: stop.clone(),
    };
    let running = LocalGenerator.start(job).unwrap();
    Rig { running, stop, endpoints, clock }
}

impl Rig {
    /// Runs to the end, and holds the books: no hole between slices, and every arrival accounted for.
    pub(super) async fn finish(mut self) -> Result {
        let mut slices: Vec<LoadSlice> = Vec::new();
        let mut sum = Counts::default();
        while let Some(slice) = self.running.slices.recv().await {
            if let Some(last) = slices.last() {
                assert_eq!(last.to, slice.from, "a hole between slices");
                assert_eq!(last.to.since(last.from), Duration::from_secs(1));
            }
            sum.add(&slice.counts);
            slices.push(slice);
        }
        let counts = self.running.done.await.unwrap();
        assert_eq!(counts, sum);
        assert_eq!(counts.scheduled, counts.ended(), "an arrival is unaccounted for: {counts:?}");
        let mut steps = Counts::default();
        for step in slices.iter().flat_map(|s| &s.steps) {
            assert_eq!(step.ok.len(), step.counts.ok);
            assert_eq!(step.bad.len(), step.counts.errors());
            steps.add(&step.counts);
        }
        assert_eq!(steps.scheduled, steps.ended(), "a request is unaccounted for: {steps:?}");
        assert_eq!(slices.last().map_or(0, |s| s.in_flight), 0);
        let retried = self.running.retried.load(std::sync::atomic::Ordering::Relaxed);
        Result { counts, slices, retried }
    }
}

impl Result {
    /// How often each error text was counted.
    pub(super) fn errors(&self) -> std::collections::BTreeMap<&str, u64> {
        let mut all = std::collections::BTreeMap::new();
        for error in self.slices.iter().flat_map(|s| &s.errors) {
            *all.entry(error.text.as_str()).or_default() += error.count;
        }
        all
    }
}
