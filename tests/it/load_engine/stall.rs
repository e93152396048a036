//! A server that is stopped for 2 s in every 10, and three ways to measure it.
//!
//! The truth needs no client: whoever is due within a stop waits until its end. It is computed from the stops that
//! the server kept, so a busy machine bends the truth and the figures alike.

use std::net::SocketAddr;
use std::time::Duration;

use longhaul::clock::{Clock, Offset};
use longhaul::experiment::{CatchUp, Load};
use longhaul::record::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::rig::{Gate, Server, get, hold, start};

const LASTS: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_secs(10);
const STOPPED: Duration = Duration::from_secs(2);
const FIRST_STOP: Duration = Duration::from_secs(4);

/// What the naive clients ask.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";

/// What a way of measuring says.
struct Report {
    scheduled: u64,
    ended: u64,
    latency: Histogram,
}

/// When the server was stopped, from and to.
type Stops = Vec<(Offset, Offset)>;

/// Stops the server 2 s in every 10, and says when it really did.
async fn stop_and_go(gate: Gate, clock: Clock, begin: Offset) -> Stops {
    let mut stops = Vec::new();
    let mut at = begin + FIRST_STOP;
    while at < begin + LASTS {
        clock.sleep_until(at).await;
        gate.shut();
        let from = clock.now();
        clock.sleep_until(at + STOPPED).await;
        gate.open();
        stops.push((from, clock.now()));
        at = at + EVERY;
    }
    stops
}

/// The latencies of arrivals at a constant rate, if whoever is due within a stop waits until its end.
fn truth(stops: &Stops, begin: Offset, rate: f64) -> Histogram {
    let mut latency = Histogram::new();
    for n in 0..(rate * LASTS.as_secs_f64()) as u64 {
        let due = begin + Duration::from_secs_f64(n as f64 / rate);
        let stop = stops.iter().find(|(from, to)| (*from..*to).contains(&due));
        latency.record(stop.map_or(Duration::ZERO, |(_, to)| to.since(due)));
    }
    latency
}

/// What is untrue in a report: figures more than 10 % off, arrivals that nobody counted.
fn lies(report: &Report, truth: &Histogram) -> Vec<String> {
    let mut lies = Vec::new();
    let figures = |h: &Histogram| [h.quantile(0.90), h.quantile(0.99), h.max()];
    let (said, is) = (figures(&report.latency), figures(truth));
    for ((name, said), is) in ["p90", "p99", "max"].iter().zip(said).zip(is) {
        let (said, is) = (said.unwrap_or_default(), is.unwrap_or_default());
        if said.abs_diff(is) > is.mul_f64(0.1) {
            lies.push(format!("{name} is {is:?}, not {said:?}"));
        }
    }
    if report.scheduled != report.ended {
        let lost = report.scheduled.abs_diff(report.ended);
        lies.push(format!("{lost} of {} arrivals unaccounted for", report.scheduled));
    }
    lies
}

/// The load engine; with it, when its load began.
async fn engine(load: Load) -> (Report, Offset) {
    let result = start(load).finish().await;
    let mut latency = Histogram::new();
    result.slices.iter().flat_map(|s| &s.steps).for_each(|s| latency.merge(&s.ok));
    let (scheduled, ended) = (result.counts.scheduled, result.counts.ended());
    assert_eq!(latency.len(), scheduled, "{:?}", result.errors());
    (Report { scheduled, ended, latency }, result.slices[0].from)
}

/// One request and its answer.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(REQUEST).await.unwrap();
    stream.read_exact(&mut [0; Gate::ANSWER.len()]).await.unwrap();
}

async fn connections(addr: SocketAddr, n: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(TcpStream::connect(addr).await.unwrap());
    }
    all
}

/// The naive way of closed clients: each user asks, waits for the answer, and asks again in time; latency counts
/// from when a request was sent. What is not sent while users wait is missed by nobody.
async fn closed(addr: SocketAddr, users: usize, rate: f64) -> Report {
    let mut all = JoinSet::new();
    let clock = Clock::start();
    let end = clock.now() + LASTS;
    for mut stream in connections(addr, users).await {
        let pace = Duration::from_secs_f64(users as f64 / rate);
        all.spawn(async move {
            let mut latency = Histogram::new();
            while clock.now() < end {
                let sent = clock.now();
                ask(&mut stream).await;
                latency.record(clock.now().since(sent));
                clock.sleep_until(sent + pace).await;
            }
            latency
        });
    }
    let mut latency = Histogram::new();
    all.join_all().await.iter().for_each(|user| latency.merge(user));
    let scheduled = (rate * LASTS.as_secs_f64()) as u64;
    Report { scheduled, ended: latency.len(), latency }
}

/// The naive way of open clients: arrivals are due in time, and dropped when every user is busy.
async fn dropping(addr: SocketAddr, users: usize, rate: f64) -> Report {
    let clock = Clock::start();
    let begin = clock.now();
    // Each free user is in it once.
    let (give_back, mut free) = mpsc::channel(users);
    for stream in connections(addr, users).await {
        give_back.send(stream).await.unwrap();
    }
    let scheduled = (rate * LASTS.as_secs_f64()) as u64;
    let mut asked = JoinSet::new();
    for n in 0..scheduled {
        clock.sleep_until(begin + Duration::from_secs_f64(n as f64 / rate)).await;
        let Ok(mut stream) = free.try_recv() else { continue };
        let give_back = give_back.clone();
        asked.spawn(async move {
            let sent = clock.now();
            ask(&mut stream).await;
            let took = clock.now().since(sent);
            give_back.send(stream).await.unwrap();
            took
        });
    }
    let mut latency = Histogram::new();
    asked.join_all().await.into_iter().for_each(|took| latency.record(took));
    Report { scheduled, ended: latency.len(), latency }
}

/// The load engine tells the truth, with a connection for everybody who waits and with very few of them; the naive
/// ways fail the same assertion.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_is_told_as_it_was_and_the_naive_ways_lie() {
    let (clock, gate) = (Clock::start(), Gate::new());
    let server = Server::gated(&gate);
    let begin = clock.now();
    let url = server.url("/");
    let (many, few) = (200.0, 50.0);
    let mut roomy = hold(many, LASTS, vec![get(&url)]);
    roomy.connections = 600;
    let mut tight = hold(few, LASTS, vec![get(&url)]);
    (tight.connections, tight.catch_up) = (5, CatchUp::Full);
    let (stops, (roomy, roomy_from), (tight, tight_from), closed, dropping) = tokio::join!(
        stop_and_go(gate.clone(), clock, begin),
        engine(roomy),
        engine(tight),
        closed(server.addr, 10, many),
        dropping(server.addr, 20, many),
    );
    assert_eq!(stops.len(), 3);
    let none: [&str; 0] = [];
    let true_roomy = truth(&stops, roomy_from, many);
    assert!(true_roomy.quantile(0.9).unwrap() > Duration::from_millis(900), "{stops:?}");
    assert_eq!(lies(&roomy, &true_roomy), none);
    assert_eq!(lies(&tight, &truth(&stops, tight_from, few)), none);
    let told = |report: &Report| lies(report, &true_roomy).join("; ");
    let (closed, dropping) = (told(&closed), told(&dropping));
    for lie in ["p90 is", "p99 is", "unaccounted"] {
        assert!(closed.contains(lie), "{closed}");
    }
    for lie in ["p90 is", "unaccounted"] {
        assert!(dropping.contains(lie), "{dropping}");
    }
}
