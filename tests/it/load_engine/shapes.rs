//! Shapes of a load against servers on loopback: bursts, chance, users who wait, and the search for a limit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get as on_get;
use longhaul::clock::Clock;
use longhaul::experiment::{
    Arrival, Capture, CaptureSource, Feed, Method, RowFormat, RowOrder, Segment, Step, Steps, Until,
};
use longhaul::record::{Capacity, Event, EventKind, GaveWay, Histogram, Level};
use longhaul::units::Rate;
use tokio::sync::mpsc;

use super::counting;
use super::rig::{Server, get, hold, http, start};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn bursts_and_chance_have_their_arrivals_to_the_unit() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let mut load = hold(50.0, SECOND, vec![get(&server.url("/"))]);
    load.profile.push(Segment::Burst {
        size: 60,
        every: Duration::from_millis(500),
        lasts: SECOND,
    });
    load.profile.push(Segment::Spike {
        rate: Rate::per_second(200.0),
        lasts: SECOND,
        then: SECOND,
    });
    for arrival in [Arrival::Constant, Arrival::Poisson] {
        load.arrival = arrival;
        let before = seen.load(Ordering::Relaxed);
        let result = start(load.clone()).finish().await;
        let scheduled: Vec<u64> = result.slices.iter().map(|s| s.counts.scheduled).collect();
        // The rate before the spike is the mean of the bursts.
        assert_eq!(scheduled[..4], [50, 120, 200, 120], "{arrival:?}");
        assert_eq!((result.counts.ok, seen.load(Ordering::Relaxed) - before), (490, 490));
    }
}

fn feed(path: &std::path::Path, columns: &[&str]) -> Feed {
    Feed {
        name: "users".to_owned(),
        path: path.to_owned(),
        format: RowFormat::Csv,
        order: RowOrder::Sequential,
        shared: true,
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_arrival_is_given_the_next_row() {
    let seen: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let count = Arc::clone(&seen);
    let answer = move |Path((name, word)): Path<(String, String)>| {
        assert_eq!(format!("w{name}"), word, "values of one row");
        *count.lock().unwrap().entry(name).or_default() += 1;
        async { "ok" }
    };
    let server = Server::axum(Router::new().route("/{name}/{word}", on_get(answer)));
    let file = tempfile::NamedTempFile::new().unwrap();
    let rows: Vec<String> = (0..40).map(|n| format!("u{n},x,wu{n}\n")).collect();
    std::fs::write(file.path(), format!("name,unused,word\n{}", rows.concat())).unwrap();
    let mut load = hold(100.0, SECOND, vec![get(&server.url("/{{users.name}}/{{users.word}}"))]);
    load.data = vec![feed(file.path(), &["name", "unused", "word"])];
    let result = start(load.clone()).finish().await;
    assert_eq!(result.counts.ok, 100, "{:?}", result.errors());
    let counts: Vec<u64> = seen.lock().unwrap().values().copied().collect();
    assert_eq!(counts.len(), 40);
    assert!(counts.iter().all(|n| (2..=3).contains(n)), "round and round: {counts:?}");
    // A file that is gone when the load begins: nothing is sent, and the books say why.
    drop(file);
    let result = start(load.clone()).finish().await;
    assert_eq!(result.counts.not_sent, 100, "{:?}", result.errors());
    assert!(result.errors().contains_key("data users: can't be read any more"));
    load.profile = vec![Segment::Users { count: 3, lasts: SECOND, think: Duration::ZERO }];
    let result = start(load).finish().await;
    assert!(result.counts.not_sent > 0 && result.counts.ok == 0, "{:?}", result.counts);
    assert!(result.errors().contains_key("data users: can't be read any more"));
}

/// A login gives a cookie and a token; the work asks for both.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_and_a_shared_session_are_kept() {
    let logins = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&logins);
    let login = move || {
        let n = count.fetch_add(1, Ordering::SeqCst);
        async move { ([("set-cookie", format!("sid=s{n}; Path=/"))], format!("csrf=\"c{n}\"")) }
    };
    let work = async |Path(csrf): Path<String>, headers: HeaderMap| {
        let cookie = headers.get("cookie").and_then(|c| c.to_str().ok()).unwrap_or_default();
        if cookie == format!("sid={}", csrf.replace('c', "s")) {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        }
    };
    let router = Router::new().route("/login", on_get(login)).route("/job/{csrf}", on_get(work));
    let server = Server::axum(router);
    let mut first = http("login", Method::Get, &server.url("/login"));
    let from = CaptureSource::Regex("csrf=\"([^\"]+)\"".to_owned());
    first.capture = vec![Capture { name: "csrf".to_owned(), from }];
    let mut load = hold(100.0, SECOND, vec![get(&server.url("/job/{{csrf}}"))]);
    let scenario = &mut load.scenarios[0];
    scenario.session = vec![Step::Http(first)];
    scenario.cookies = true;
    let own = start(load.clone()).finish().await;
    assert_eq!(own.counts.ok, 100, "{:?}", own.errors());
    logins.store(0, Ordering::SeqCst);
    load.scenarios[0].shared_session = true;
    // One after the other, so that the first login is done before the next arrival could need one.
    load.connections = 1;
    let shared = start(load.clone()).finish().await;
    assert_eq!(
        (shared.counts.ok, logins.load(Ordering::SeqCst)),
        (100, 1),
        "{:?}",
        shared.errors()
    );
    load.scenarios[0].cookies = false;
    let without = start(load).finish().await;
    assert_eq!(without.errors().get("status 403"), Some(&100));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_late_is_an_error_of_its_own() {
    let clock = Clock::start();
    let slow = move || async move {
        clock.sleep_until(clock.now() + Duration::from_millis(80)).await;
        "slow"
    };
    let server = Server::axum(Router::new().route("/", on_get(slow)));
    let mut step = get(&server.url("/"));
    step.expect.within = Some(Duration::from_millis(40));
    let result = start(hold(20.0, SECOND, vec![step])).finish().await;
    assert_eq!(result.errors().get("slower than 40ms"), Some(&20));
    assert_eq!((result.counts.failed, result.counts.timed_out), (20, 0));
}

/// Four users and a server that takes 100 ms: none begins before its last has ended, and the latency is the server's own,
/// however many wait. The same load as arrivals would have a queue.
#[tokio::test(flavor = "multi_thread")]
async fn users_wait_for_their_answers() {
    let clock = Clock::start();
    let (under_way, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (now, high) = (Arc::clone(&under_way), Arc::clone(&most));
    let slow = move || {
        let now = Arc::clone(&now);
        high.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        async move {
            clock.sleep_until(clock.now() + Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            "ok"
        }
    };
    let server = Server::axum(Router::new().route("/", on_get(slow)));
    let mut load = hold(10.0, SECOND, vec![get(&server.url("/"))]);
    load.profile = vec![
        Segment::Users { count: 4, lasts: SECOND * 2, think: Duration::ZERO },
        Segment::Users { count: 2, lasts: SECOND, think: Duration::from_millis(400) },
    ];
    load.workers = Some(2);
    let result = start(load).finish().await;
    // The first four end what they began while the two after them begin.
    assert!((4..=6).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(result.counts.ok, result.counts.scheduled);
    // At most 20 rounds of four in the first two seconds, and two of two in the last.
    assert!((12..=84).contains(&result.counts.ok), "{:?}", result.counts);
    assert!(result.slices[2].counts.scheduled <= 6, "{:?}", result.slices[2].counts);
    assert_eq!(result.slices.iter().map(|s| s.waiting).max(), Some(0));
    let mut latency = Histogram::new();
    result.slices.iter().flat_map(|s| &s.steps).for_each(|s| latency.merge(&s.ok));
    assert!(latency.quantile(0.0).unwrap() >= Duration::from_millis(95));
}

/// A target that refuses at once is not asked without end, and every iteration is accounted for.
#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_target_that_is_not_there_pause() {
    let mut load = hold(10.0, SECOND, vec![get("http://api.target:80/")]);
    load.profile = vec![Segment::Users { count: 3, lasts: SECOND, think: Duration::ZERO }];
    let result = start(load).finish().await;
    assert_eq!(result.counts.failed, result.counts.scheduled);
    assert!((3..=303).contains(&result.counts.failed), "{:?}", result.counts);
}

fn drain(events: &mut mpsc::Receiver<Event>) -> (Vec<Level>, Vec<Capacity>) {
    let (mut levels, mut found) = (Vec::new(), Vec::new());
    while let Ok(event) = events.try_recv() {
        match event.kind {
            EventKind::Level(level) => levels.push(level),
            EventKind::Capacity(capacity) => found.push(capacity),
            other => panic!("{other:?}"),
        }
    }
    (levels, found)
}

fn climb(from: f64, to: f64, by: f64) -> Segment {
    let rate = Rate::per_second;
    let (each, until) = (SECOND * 2, Until::default());
    Segment::Steps(Steps { from: rate(from), to: rate(to), by: rate(by), each, until })
}

/// A server that refuses what comes beyond 90 in any second: the search stops climbing, and what it finds lies within a
/// step of that.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_a_target_is_found_within_a_step() {
    const CAPACITY: u64 = 90;
    let clock = Clock::start();
    let window = Arc::new(Mutex::new((0, 0)));
    let limited = move || {
        let mut window = window.lock().unwrap();
        let second = clock.now().as_micros() / 1_000_000;
        *window = if window.0 == second { (second, window.1 + 1) } else { (second, 1) };
        let status =
            if window.1 <= CAPACITY { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
        async move { status }
    };
    let server = Server::axum(Router::new().route("/", on_get(limited)));
    let mut load = hold(30.0, SECOND, vec![get(&server.url("/"))]);
    load.profile.push(climb(40.0, 1000.0, 40.0));
    let mut rig = start(load);
    let mut events = rig.running.events.take().unwrap();
    let result = rig.finish().await;
    let (levels, found) = drain(&mut events);
    let [found] = &found[..] else { panic!("{found:?}") };
    let tried: Vec<f64> = levels.iter().map(|level| level.rate.get()).collect();
    assert!(tried.iter().all(|rate| *rate <= 160.0), "it stops climbing: {tried:?}");
    let limit = found.rate.unwrap().get();
    assert!((limit - CAPACITY as f64).abs() <= 40.0, "{found}: {levels:?}");
    assert_eq!(found.gave_way, Some(GaveWay::Errors), "{levels:?}");
    let scheduled: u64 = levels.iter().map(|level| level.scheduled).sum();
    assert_eq!(result.counts.scheduled, 30 + scheduled, "every arrival belongs to a step");
    assert!(levels.iter().all(|l| l.scheduled == (l.rate.get() * 2.0) as u64), "{levels:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_holds_every_step_has_no_limit_there() {
    let (router, _seen) = counting();
    let server = Server::axum(router);
    let mut load = hold(10.0, SECOND, vec![get(&server.url("/"))]);
    load.profile = vec![climb(10.0, 20.0, 10.0)];
    let mut rig = start(load);
    let mut events = rig.running.events.take().unwrap();
    let result = rig.finish().await;
    let (levels, found) = drain(&mut events);
    assert_eq!((levels.len(), result.counts.ok), (2, 60), "{levels:?}");
    assert_eq!(found[0].to_string(), "the limit was not reached: every step up to 20/s held");
    assert!(result.slices.len() < 20, "the load ends with the search");
}
