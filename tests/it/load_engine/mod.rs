//! The load engine against servers on loopback. Counts and orders are asserted, not speeds: the machine
//! may be busy.

mod answers;
mod clients;
mod disturbed;
mod outage;
mod real;
mod rig;
mod scenarios;
mod secured;
mod shapes;
mod stall;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use longhaul::clock::{Clock, monotonic};
use longhaul::experiment::Segment;
use longhaul::record::{Histogram, Outcome};
use longhaul::units::Rate;
use rig::{Server, get, hold, start};

/// Answers at once, and counts.
fn counting() -> (Router, Arc<AtomicU64>) {
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let answer = move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { "ok" }
    };
    (Router::new().fallback(answer), seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_held_to_the_unit() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let result =
        start(hold(500.0, Duration::from_secs(5), vec![get(&server.url("/"))])).finish().await;
    assert_eq!((result.counts.scheduled, result.counts.ok), (2500, 2500), "{:?}", result.errors());
    assert_eq!(seen.load(Ordering::Relaxed), 2500);
    for slice in &result.slices[..5] {
        assert_eq!(slice.counts.scheduled, 500);
    }
    assert!(result.slices.iter().all(|s| s.connections <= 100));
    assert_eq!(result.slices.iter().map(|s| s.lateness.len()).sum::<u64>(), 2500);
    assert!(result.slices.iter().map(|s| s.bytes_in).sum::<u64>() > 2500 * 50);
    assert!(result.slices.iter().map(|s| s.bytes_out).sum::<u64>() > 2500 * 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_a_high_rate_without_gap_or_overlap() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let mut load = hold(12_000.0, Duration::from_millis(200), vec![get(&server.url("/"))]);
    (load.connections, load.workers) = (9, Some(3));
    let result = start(load).finish().await;
    assert_eq!((result.counts.scheduled, result.counts.ok), (2400, 2400), "{:?}", result.errors());
    assert_eq!(seen.load(Ordering::Relaxed), 2400);
    assert!(result.slices.iter().all(|s| s.connections <= 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_cover_pauses_and_a_ramp_counts_by_its_integral() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let second = Duration::from_secs(1);
    let mut load = hold(100.0, second, vec![get(&server.url("/"))]);
    load.warmup = second;
    load.profile.push(Segment::Pause { lasts: second });
    load.profile.push(Segment::Ramp {
        from: Rate::per_second(100.0),
        to: Rate::per_second(0.0),
        lasts: second,
    });
    load.profile.push(Segment::Pause { lasts: second });
    let result = start(load).finish().await;
    let scheduled: Vec<u64> = result.slices.iter().map(|s| s.counts.scheduled).collect();
    assert_eq!(scheduled, [50, 100, 0, 50, 0]);
    assert_eq!(seen.load(Ordering::Relaxed), 200);
}

/// The server answers nothing for one second of three. Measured from when they were due, a third of the
/// arrivals suffer. Measured from when they were sent (the server's own view, the control), as many
/// suffer as there are connections: too few to show in any percentile.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_shows_in_the_percentiles() {
    let clock = Clock::start();
    let (from, to) =
        (clock.now() + Duration::from_millis(500), clock.now() + Duration::from_millis(1500));
    let slow = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&slow);
    let router = Router::new().route(
        "/",
        on_get(move || {
            let count = Arc::clone(&count);
            async move {
                let now = clock.now();
                if (from..to).contains(&now) {
                    clock.sleep_until(to).await;
                }
                if clock.now().since(now) > Duration::from_millis(300) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }),
    );
    let server = Server::axum(router);
    let mut load = hold(200.0, Duration::from_secs(3), vec![get(&server.url("/"))]);
    load.connections = 4;
    let result = start(load).finish().await;
    assert_eq!(result.counts.ok, 600);
    let mut latency = Histogram::new();
    result.slices.iter().flat_map(|s| &s.steps).for_each(|s| latency.merge(&s.ok));
    assert!(latency.quantile(0.99).unwrap() > Duration::from_millis(700));
    assert!(latency.quantile(0.80).unwrap() > Duration::from_millis(150));
    assert!((1..=4).contains(&slow.load(Ordering::Relaxed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_connection_in_time_is_not_sent() {
    let router = Router::new()
        .route("/quick", on_get(async || "ok"))
        .route("/never", on_get(std::future::pending::<&str>));
    let server = Server::axum(router);
    let steps = vec![get(&server.url("/quick")), get(&server.url("/never"))];
    let mut load = hold(50.0, Duration::from_secs(1), steps);
    load.connections = 1;
    load.timeout = Duration::from_millis(300);
    let result = start(load).finish().await;
    assert_eq!(result.counts.scheduled, 50);
    assert_eq!(result.counts.ok, 0);
    assert!(result.counts.timed_out >= 1, "{:?}", result.counts);
    assert!(result.counts.not_sent >= 35, "{:?}", result.counts);
    let errors = result.errors();
    let not_sent: u64 = ["no free connection", "held back after an outage"]
        .iter()
        .filter_map(|text| errors.get(text))
        .sum();
    assert_eq!(not_sent, result.counts.not_sent, "{errors:?}");
    assert!(result.slices.iter().all(|s| s.connections <= 1 && s.in_flight <= 1));
}

/// The engine's own measure of itself: what an arrival's lateness is has nothing to do with the target.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_does_not_make_the_generator_late() {
    let server = Server::hanging();
    let mut load = hold(100.0, Duration::from_secs(2), vec![get(&server.url("/"))]);
    load.connections = 2;
    load.timeout = Duration::from_secs(1);
    let began = monotonic();
    let result = start(load).finish().await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(result.counts.errors(), 200);
    let mut lateness = Histogram::new();
    result.slices.iter().for_each(|s| lateness.merge(&s.lateness));
    assert_eq!(lateness.len(), 200);
    assert!(lateness.quantile(0.5).unwrap() < Duration::from_millis(300));
    let mut counts = result.counts;
    counts.count(Outcome::Ok);
    assert_ne!(counts.scheduled, counts.ended(), "the books must be able to disagree");
}
