//! What becomes of what fell due while the target answered nothing, and of instances that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longhaul::clock::Clock;
use longhaul::experiment::CatchUp;

use super::counting;
use super::disturbed::{endpoints, reach};
use super::rig::{Gate, Result, Server, get, hold, start, start_with};

const RATE: f64 = 200.0;
const LASTS: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 4;
const SKIPPED: &str = "skipped: more than 100 ms late";

/// A load with few connections through an outage.
async fn through(server: &Server, catch_up: CatchUp) -> Result {
    let mut load = hold(RATE, LASTS, vec![get(&server.url("/"))]);
    (load.connections, load.catch_up) = (CONNECTIONS, catch_up);
    start(load).finish().await
}

/// The most arrivals that ended in one second.
fn peak(result: &Result) -> u64 {
    result.slices.iter().map(|s| s.counts.ended()).max().unwrap_or_default()
}

/// The target answers nothing for two seconds of five. What fell due meanwhile goes out at once, at 1.5 times the
/// rate, or not at all; and each of these arrivals is counted.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_held_up_is_caught_up_with_or_skipped_as_told() {
    let (clock, gate) = (Clock::start(), Gate::new());
    let server = Server::gated(&gate);
    let begin = clock.now();
    let outage = async {
        clock.sleep_until(begin + Duration::from_secs(1)).await;
        gate.shut();
        clock.sleep_until(begin + Duration::from_secs(3)).await;
        gate.open();
    };
    let ((), full, capped, skip) = tokio::join!(
        outage,
        through(&server, CatchUp::Full),
        through(&server, CatchUp::Capped),
        through(&server, CatchUp::Skip),
    );
    for all in [&full, &capped] {
        assert_eq!((all.counts.ok, all.counts.scheduled), (1000, 1000), "{:?}", all.errors());
    }
    // In a second 1.5 times the rate, what may go at once, and what was under way as it began.
    let most = (RATE * 1.5 * 1.01) as u64 + u64::from(CONNECTIONS);
    assert!(peak(&capped) <= most, "{} of {most}", peak(&capped));
    assert!(peak(&full) > most, "{} of {most}", peak(&full));
    let skipped = skip.errors().get(SKIPPED).copied().unwrap_or_default();
    assert_eq!((skip.counts.not_sent, skip.counts.ok), (skipped, 1000 - skipped));
    assert!((300..=600).contains(&skipped), "{skipped}");
    assert!(peak(&skip) <= most, "{}", peak(&skip));
}

/// Instances vanish without a word, are gone, come back on another address, become three, and one again.
#[tokio::test(flavor = "multi_thread")]
async fn instances_vanish_come_back_elsewhere_and_scale() {
    let servers: Vec<(Server, Arc<AtomicU64>)> = (0..4)
        .map(|_| {
            let (router, seen) = counting();
            (Server::axum(router), seen)
        })
        .collect();
    let mut servers = servers.into_iter();
    let (first, seen_first) = servers.next().unwrap();
    let others: Vec<(Server, Arc<AtomicU64>)> = servers.collect();
    let addr = |n: usize| others[n].0.addr;
    let seen = |n: usize| others[n].1.load(Ordering::SeqCst);
    let load = hold(RATE, Duration::from_secs(6), vec![get("http://api.target:80/")]);
    let rig = start_with(load, endpoints(&[first.addr]));
    let (clock, pause) = (rig.clock, Duration::from_millis(300));
    reach(&seen_first, 60).await;
    drop(first);
    clock.sleep_until(clock.now() + pause).await;
    rig.endpoints.send(endpoints(&[])).unwrap();
    clock.sleep_until(clock.now() + pause).await;
    rig.endpoints.send(endpoints(&[addr(0)])).unwrap();
    reach(&others[0].1, 60).await;
    let back = clock.now();
    let before = seen(0);
    rig.endpoints.send(endpoints(&[addr(0), addr(1), addr(2)])).unwrap();
    for n in [1, 2] {
        reach(&others[n].1, 60).await;
    }
    for share in [seen(0) - before, seen(1), seen(2)] {
        assert!((50..=100).contains(&share), "{share} of about 60 each");
    }
    rig.endpoints.send(endpoints(&[addr(1)])).unwrap();
    reach(&others[1].1, seen(1) + 30).await;
    let left = (seen(0), seen(2));
    reach(&others[1].1, seen(1) + 30).await;
    assert_eq!((seen(0), seen(2)), left, "they are in use no more");
    let result = rig.finish().await;
    assert_eq!(result.counts.scheduled, 1200);
    let errors = result.errors();
    assert!(errors.contains_key("connection refused"), "{errors:?}");
    assert!(errors.contains_key("no running instance of api"), "{errors:?}");
    let known = ["connection refused", "connection reset", "connection closed"];
    for text in errors.keys().filter(|text| !text.starts_with("no running instance")) {
        assert!(known.contains(text), "{text}");
    }
    for slice in result.slices.iter().filter(|s| s.from > back) {
        assert_eq!(slice.counts.errors(), 0, "{:?}", slice.errors);
    }
    let answered = seen_first.load(Ordering::SeqCst) + (0..3).map(seen).sum::<u64>();
    assert!(result.counts.ok <= answered && answered - result.counts.ok < 100, "{answered}");
}
