//! Every arrival is accounted for, in every second and over the whole, whatever target, stop or worker do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proptest::prelude::*;
use rand::RngExt;

use super::*;
use crate::clock::Clock;
use crate::experiment::{Arrival, CatchUp, Load, Part, RedisStep, Segment, Step, Template};
use crate::load::script::tests::{get, load};
use crate::record::Endpoints;
use crate::seed::Seed;
use crate::units::Rate;

/// Answers each request in one of many good and bad ways, drawn from a seed.
struct Fickle {
    addr: SocketAddr,
    over: Arc<AtomicBool>,
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

impl Fickle {
    fn start(seed: Seed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (over, requests) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let ended = Arc::clone(&over);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let requests = Arc::clone(&requests);
                // Ends with the connection, and the client closes all of its own.
                thread::spawn(move || serve(stream, seed, &requests));
            }
        });
        Self { addr, over }
    }
}

impl Drop for Fickle {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.addr));
    }
}

fn serve(mut stream: TcpStream, seed: Seed, requests: &AtomicU64) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
        let n = requests.fetch_add(1, Ordering::SeqCst);
        if buffer[0] == b'*' {
            if answer_resp(&mut stream, seed, n).is_err() {
                return;
            }
            continue;
        }
        let written = match seed.split(&n.to_string()).rng().random_range(0..16_u8) {
            0 => stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
            1 => stream.shutdown(Shutdown::Both),
            2 => stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")
                .and_then(|()| stream.shutdown(Shutdown::Both)),
            3 => stream.write_all(b"SSH-2.0-nonsense\r\n"),
            4 => Ok(()),
            5 => stream.write_all(OK).and_then(|()| stream.write_all(b"and more")),
            6 => stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            7 => stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\nto the end")
                .and_then(|()| stream.shutdown(Shutdown::Write)),
            8 => stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .and_then(|()| stream.write_all(OK)),
            9 => stream.write_all(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            10 => stream.write_all(b"HTTP/1.1 401 Who\r\ncontent-length: 0\r\n\r\n"),
            11 => stream.write_all(&OK[..20]),
            _ => stream.write_all(OK),
        };
        if written.is_err() {
            return;
        }
    }
}

/// The same for Redis commands.
fn answer_resp(stream: &mut TcpStream, seed: Seed, n: u64) -> std::io::Result<()> {
    match seed.split(&n.to_string()).rng().random_range(0..12_u8) {
        0 => stream.write_all(b"-ERR no\r\n"),
        1 => stream.shutdown(Shutdown::Both),
        2 => stream.write_all(b"$9\r\nshort").and_then(|()| stream.shutdown(Shutdown::Both)),
        3 => stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n"),
        4 => Ok(()),
        5 => stream.write_all(b"+OK\r\n+more\r\n"),
        6 => stream.write_all(b"*2\r\n:1\r\n$-1\r\n"),
        7 => stream.write_all(b"+half"),
        _ => stream.write_all(b"+OK\r\n"),
    }
}

/// What a load speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoken {
    Http,
    Redis,
    Both,
}

fn redis(addr: SocketAddr) -> Step {
    Step::Redis(RedisStep {
        name: "redis".to_owned(),
        url: format!("redis://{addr}"),
        user: None,
        password: None,
        command: vec![Template { parts: vec![Part::Text("PING".to_owned())] }],
        expect: None,
        capture: None,
        timeout: None,
    })
}

/// How a load ends.
#[derive(Clone, Copy, Debug)]
enum End {
    ByItself,
    /// Stopped so many ms after it began.
    Stopped(u64),
    /// Nobody takes the slices after the first.
    Abandoned,
    /// A worker panics at this arrival.
    Panicked(u64),
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::ByItself),
        2 => (0..1300_u64).prop_map(End::Stopped),
        1 => Just(End::Abandoned),
        2 => (0..200_u64).prop_map(End::Panicked),
    ]
}

fn plan(
    addr: SocketAddr,
    rate: f64,
    (spoken, session): (Spoken, bool),
    change: impl FnOnce(&mut Load),
) -> (Plan, Clock, CancellationToken) {
    let url = format!("http://{addr}/");
    let mut load = load(get(&url));
    let scenario = &mut load.scenarios[0];
    scenario.steps.push(Step::Http(get(&url)));
    if session {
        scenario.session.push(Step::Http(get(&url)));
    }
    if spoken != Spoken::Http {
        let mut other = scenario.clone();
        other.name = "redis".to_owned();
        other.weight = 2;
        let each = other.session.iter_mut().chain(&mut other.steps);
        each.for_each(|step| *step = redis(addr));
        load.scenarios.push(other);
        if spoken == Spoken::Redis {
            load.scenarios.remove(0);
        }
    }
    let lasts = Duration::from_millis(1100);
    load.profile = vec![Segment::Hold { rate: Rate::per_second(rate), lasts }];
    load.arrival = Arrival::Constant;
    change(&mut load);
    let (clock, stop) = (Clock::start(), CancellationToken::new());
    let begin = clock.now() + Duration::from_millis(5);
    // A sender that is gone means a target that changes no more.
    let endpoints = tokio::sync::watch::channel(Endpoints::default()).1;
    let job = Job {
        load,
        secrets: Arc::default(),
        seed: Seed(3),
        clock,
        begin,
        endpoints,
        stop: stop.clone(),
    };
    (Plan::new(job).unwrap(), clock, stop)
}

/// Runs the load to its end; the slices, and what it said at the end.
fn play(
    plan: Plan,
    clock: Clock,
    stop: &CancellationToken,
    end: End,
) -> (Vec<LoadSlice>, Result<Counts, LoadError>) {
    let begin = plan.job.begin;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut running = plan.start().unwrap();
        let mut slices = Vec::new();
        let stopping = async {
            if let End::Stopped(ms) = end {
                clock.sleep_until(begin + Duration::from_millis(ms)).await;
                stop.cancel();
            }
        };
        let taking = async {
            while let Some(slice) = running.slices.recv().await {
                slices.push(slice);
                if matches!(end, End::Abandoned) {
                    running.slices.close();
                }
            }
        };
        tokio::join!(stopping, taking);
        let done = running.done.await;
        (slices, done)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    // For every target, load and end: scheduled = ok + failed + timed_out + not_sent, and in each second
    // what waited and was under way, and what fell due, is what ended, waits or is under way.
    #[test]
    fn every_arrival_is_accounted_for(
        seed: u64, rate in 20.0..600.0_f64, session: bool, connections in 2..40_u32, workers in 1..4_u32,
        spoken in prop_oneof![Just(Spoken::Http), Just(Spoken::Redis), Just(Spoken::Both)],
        timeout in 20..400_u64, catch_up in prop_oneof![Just(CatchUp::Full), Just(CatchUp::Capped), Just(CatchUp::Skip)],
        end in ends(),
    ) {
        let server = Fickle::start(Seed(seed));
        let (mut plan, clock, stop) = plan(server.addr, rate, (spoken, session), |load| {
            (load.connections, load.workers, load.catch_up) = (connections, Some(workers), catch_up);
            load.timeout = Duration::from_millis(timeout);
        });
        if let End::Panicked(n) = end {
            plan.panic_at = Some(n);
        }
        let total = plan.arrivals.total();
        let (slices, done) = play(plan, clock, &stop, end);
        let (mut sum, mut steps) = (Counts::default(), Counts::default());
        let (mut open, mut from) = (0, None);
        for slice in &slices {
            prop_assert_eq!(from.unwrap_or(slice.from), slice.from);
            let ends = slice.counts.ended() + slice.waiting + u64::from(slice.in_flight);
            prop_assert_eq!(open + slice.counts.scheduled, ends, "{:?}", slice);
            open = slice.waiting + u64::from(slice.in_flight);
            from = Some(slice.to);
            sum.add(&slice.counts);
            for step in &slice.steps {
                steps.add(&step.counts);
                prop_assert_eq!((step.ok.len(), step.bad.len()), (step.counts.ok, step.counts.errors()));
            }
        }
        match (end, done) {
            (End::Panicked(n), Err(error)) => {
                prop_assert!(n < total && error.to_string().contains("panicked"), "{}", error);
            }
            (_, Err(error)) => return Err(TestCaseError::fail(error.to_string())),
            (End::Abandoned, Ok(counts)) => {
                prop_assert_eq!(counts.scheduled, counts.ended());
                return Ok(());
            }
            (End::ByItself, Ok(counts)) => prop_assert_eq!((counts, counts.scheduled), (sum, total)),
            (_, Ok(counts)) => prop_assert_eq!(counts, sum),
        }
        prop_assert_eq!(sum.scheduled, sum.ended());
        prop_assert_eq!(open, 0);
        prop_assert_eq!(steps.scheduled, steps.ended());
    }
}
