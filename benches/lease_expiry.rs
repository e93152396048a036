//! How long a network stays cut after `kill -9` of the process that keeps the cut.
//!
//! `cargo bench --profile dev --bench lease_expiry -- [LEASE] [TRIALS]` (default `3s 10`), as root. Each
//! trial starts a process that arms a cut and renews it every third of the lease, kills it at another
//! point of that rhythm, and sends datagrams until the first arrives. Nobody acts meanwhile.
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]

#[path = "../tests/it/netlab.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod netlab;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use longhaul::clock::monotonic;
use longhaul::helper::{Cut, by_pid};
use longhaul::units::parse_duration;

use netlab::{Lab, deliver, send};

const TABLE: &str = "longhaul_bench";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["keep", pid, lease, source] => {
            keep(pid.parse().unwrap(), parse_duration(lease).unwrap(), source);
        }
        words => {
            let lease = parse_duration(words.first().unwrap_or(&"3s")).unwrap();
            let trials = words.get(1).map_or(10, |n| n.parse().unwrap());
            measure(lease, trials);
        }
    }
}

/// The process to be killed: arms, says so, renews for ever.
fn keep(pid: u32, lease: Duration, source: &str) {
    let cut = Cut { table: TABLE.into(), sources: vec![source.parse().unwrap()], lease };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let namespace = by_pid(pid);
        loop {
            namespace.arm(&cut).await.unwrap();
            println!("armed");
            std::io::stdout().flush().unwrap();
            tokio::time::sleep(lease / 3).await;
        }
    });
}

fn measure(lease: Duration, trials: u32) {
    let mut times: Vec<Duration> = (0..trials)
        .map(|trial| {
            // Spread over the rhythm, from just after a renewal to just before the next.
            let took = one(lease, lease / 3 * (2 * trial + 1) / (2 * trials));
            println!("trial {:>2}: {:.3} s", trial + 1, took.as_secs_f64());
            took
        })
        .collect();
    times.sort_unstable();
    let (least, most) = (times[0], times[times.len() - 1]);
    let median = (times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2;
    println!(
        "lease {:.1} s, renewed every {:.1} s, {trials} trials: kill -9 to traffic flowing: \
         min {:.3} s, median {:.3} s, max {:.3} s",
        lease.as_secs_f64(),
        (lease / 3).as_secs_f64(),
        least.as_secs_f64(),
        median.as_secs_f64(),
        most.as_secs_f64(),
    );
}

/// Time from the kill, `phase` after the second renewal, to the first datagram that arrives.
fn one(lease: Duration, phase: Duration) -> Duration {
    let lab = Lab::new();
    let (from, to) = (lab.near.udp(0), lab.far.udp(0));
    deliver(&from, &to);
    let mut keeper = Command::new(std::env::current_exe().unwrap())
        .args(["keep", &lab.far.pid().to_string()])
        .args([&format!("{}ms", lease.as_millis()), &lab.near.addresses[0].to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        assert_eq!(lines.next().unwrap().unwrap(), "armed");
    }
    std::thread::sleep(phase);
    keeper.kill().unwrap();
    let killed = monotonic();
    keeper.wait().unwrap();
    to.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut lost = 0;
    loop {
        send(&from, to.local_addr().unwrap(), 1);
        if to.recv(&mut [0; 8]).is_ok() {
            break;
        }
        lost += 1;
        assert!(killed.elapsed() < lease * 2, "still cut after {lost} datagrams");
    }
    assert!(lost > 0, "nothing was cut");
    killed.elapsed()
}
