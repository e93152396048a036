//! Targets that die, move, hang up or are given up on: the books stay in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longhaul::experiment::Method;
use longhaul::record::{Endpoint, Endpoints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::counting;
use super::rig::{Server, get, hold, http, start, start_with};

pub(super) fn endpoints(addrs: &[SocketAddr]) -> Endpoints {
    let list = addrs.iter().map(|a| Endpoint { ip: a.ip(), port: Some(a.port()) }).collect();
    Endpoints(Arc::new(BTreeMap::from([("api".to_owned(), list)])))
}

pub(super) async fn reach(seen: &AtomicU64, n: u64) {
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    while seen.load(Ordering::SeqCst) < n {
        tick.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_leaves_every_arrival_accounted_for() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let rig = start(hold(200.0, Duration::from_secs(2), vec![get(&server.url("/"))]));
    reach(&seen, 100).await;
    drop(server);
    let result = rig.finish().await;
    assert_eq!(result.counts.scheduled, 400);
    assert!(result.counts.ok >= 99, "{:?}", result.counts);
    assert!(result.counts.failed > 0);
    let known = ["connection refused", "connection reset", "connection closed"];
    for text in result.errors().keys() {
        assert!(known.contains(text), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_follow_the_instances() {
    let ((router_a, seen_a), (router_b, seen_b)) = (counting(), counting());
    let (a, b) = (Server::axum(router_a), Server::axum(router_b));
    let load = hold(200.0, Duration::from_secs(3), vec![get("http://api.target:80/")]);
    let rig = start_with(load, endpoints(&[a.addr]));
    reach(&seen_a, 100).await;
    assert_eq!(seen_b.load(Ordering::SeqCst), 0);
    rig.endpoints.send(endpoints(&[a.addr, b.addr])).unwrap();
    let (half, moved) = (seen_a.load(Ordering::SeqCst), 50);
    reach(&seen_b, moved).await;
    let turns = seen_a.load(Ordering::SeqCst) - half;
    assert!((moved / 2..=moved * 2).contains(&turns), "{turns}");
    rig.endpoints.send(endpoints(&[b.addr])).unwrap();
    reach(&seen_b, 100).await;
    let left = seen_a.load(Ordering::SeqCst);
    reach(&seen_b, 150).await;
    assert_eq!(seen_a.load(Ordering::SeqCst), left);
    rig.endpoints.send(endpoints(&[])).unwrap();
    let result = rig.finish().await;
    assert_eq!(result.counts.scheduled, 600);
    let none = result.errors().get("no running instance of api").copied();
    assert_eq!(none, Some(result.counts.failed));
    assert_eq!(
        result.counts.ok,
        seen_a.load(Ordering::SeqCst) + seen_b.load(Ordering::SeqCst),
        "{:?}",
        result.errors()
    );
    assert_eq!(result.slices.last().map(|s| s.connections), Some(0));
}

/// Answers the first request of each connection and hangs up on the second, unanswered.
async fn hang_up_on_the_second(listener: TcpListener) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let mut tasks = tokio::task::JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        tasks.spawn(async move {
            let mut buf = [0; 4096];
            if stream.read(&mut buf).await.is_ok_and(|n| n > 0) {
                stream.write_all(answer).await.unwrap();
                drop(stream.read(&mut buf).await);
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_connection_is_replaced_where_that_is_safe() {
    let server = Server::start(hang_up_on_the_second);
    let second = Duration::from_secs(1);
    let result = start(hold(50.0, second, vec![get(&server.url("/"))])).finish().await;
    assert_eq!(result.counts.ok, 50, "{:?}", result.errors());
    assert!(result.retried >= 10, "{}", result.retried);
    let post = http("post", Method::Post, &server.url("/"));
    let result = start(hold(50.0, second, vec![post])).finish().await;
    assert!(result.counts.failed >= 10, "a request that may have been acted on is not repeated");
    assert!(result.counts.ok >= 10);
    assert!(result.errors().contains_key("connection closed"), "{:?}", result.errors());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_load_soon_and_counts_everything() {
    let server = Server::hanging();
    let rig = start(hold(100.0, Duration::from_hours(1), vec![get(&server.url("/"))]));
    let (stop, clock) = (rig.stop.clone(), rig.clock);
    clock.sleep_until(clock.now() + Duration::from_millis(400)).await;
    stop.cancel();
    let stopped = clock.now();
    let result = rig.finish().await;
    assert!(clock.now().since(stopped) < Duration::from_secs(8));
    assert!(result.counts.scheduled > 10 && result.counts.scheduled < 500, "{:?}", result.counts);
    assert_eq!(result.errors().get("run stopped"), Some(&result.counts.scheduled));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_whose_slices_nobody_takes_ends() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let rig = start(hold(50.0, Duration::from_hours(1), vec![get(&server.url("/"))]));
    reach(&seen, 5).await;
    drop(rig.running.slices);
    let counts = rig.running.done.await.unwrap();
    assert_eq!(counts.scheduled, counts.ended());
    assert!(counts.ok >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_consumer_loses_no_counts() {
    let (router, seen) = counting();
    let server = Server::axum(router);
    let mut rig = start(hold(100.0, Duration::from_secs(2), vec![get(&server.url("/"))]));
    reach(&seen, 200).await;
    let mut sum = 0;
    while let Some(slice) = rig.running.slices.recv().await {
        sum += slice.counts.ok;
    }
    assert_eq!((sum, rig.running.done.await.unwrap().ok), (200, 200));
}

/// Whatever the moment at which target and load end, `scheduled = ok + failed + timed_out + not_sent`.
#[tokio::test(flavor = "multi_thread")]
async fn the_books_balance_through_any_end() {
    for round in 0..6_u64 {
        let (router, seen) = counting();
        let server = Server::axum(router);
        let mut load = hold(
            400.0,
            Duration::from_secs(1),
            vec![get(&server.url("/")), get(&server.url("/2"))],
        );
        load.connections = 1 + (round as u32 * 7) % 20;
        load.timeout = Duration::from_millis(50 + round * 40);
        let rig = start(load);
        reach(&seen, 20 + round * 60).await;
        let stop = rig.stop.clone();
        if round % 2 == 0 {
            drop(server);
            let clock = rig.clock;
            clock.sleep_until(clock.now() + Duration::from_millis(round * 11)).await;
        }
        stop.cancel();
        let result = rig.finish().await;
        assert!(result.counts.scheduled > 0 && result.counts.scheduled <= 400);
    }
}
