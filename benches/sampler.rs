//! What sampling costs: ten real containers, read as in a run, against the CPU time this process used.
//!
//! `cargo bench --bench sampler`. Needs a local Docker engine; the containers are made of longhaul's own
//! image, or of `LONGHAUL_IMAGE`, and removed at the end. Fails past 1 % of a core at one tick a second.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use longhaul::clock::{Clock, monotonic};
use longhaul::record::{Health, Instance, InstanceState, Roster};
use longhaul::{sample, target};
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

const CONTAINERS: u32 = 10;

fn main() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(run())
}

async fn run() -> Result<()> {
    target::use_executable(env!("CARGO_BIN_EXE_longhaul"));
    let engine = target::Engine::connect().await?;
    let image = match std::env::var("LONGHAUL_IMAGE") {
        Ok(image) => image,
        Err(_) => engine.self_image().await?,
    };
    let mut containers = Containers(Vec::new());
    let mut roster = Roster::default();
    for ordinal in 1..=CONTAINERS {
        let id = docker(&["run", "--detach", "--memory=64m", &image, "demo-target", "api"])?;
        containers.0.push(id.clone());
        let pid = docker(&["inspect", "--format={{.State.Pid}}", &id])?.parse()?;
        roster.instances.push(instance(ordinal, id, pid));
    }
    for (interval, ticks) in [(1000, 10), (100, 100)] {
        measure(&roster, Duration::from_millis(interval), ticks).await?;
    }
    Ok(())
}

async fn measure(roster: &Roster, interval: Duration, ticks: u32) -> Result<()> {
    let (_roster, watch) = tokio::sync::watch::channel(Arc::new(roster.clone()));
    let stop = CancellationToken::new();
    let mut samples = sample::start(sample::Setup {
        roster: watch,
        clock: Clock::start(),
        interval,
        disk: "/".into(),
        engine: None,
        stop: stop.clone(),
    });
    // The first tick opens the files.
    samples.recv().await.context("no first tick")?;
    let (wall, cpu) = (monotonic(), cpu_us());
    for _ in 0..ticks {
        let tick = samples.recv().await.context("sampling ended")?;
        ensure!(tick.len() == CONTAINERS as usize + 2, "only {} subjects were read", tick.len());
        for sample in &tick[..CONTAINERS as usize] {
            let r = &sample.reading;
            let whole = [r.anon, r.cpu_us, r.pids, r.fds, r.net_rx, r.limit];
            ensure!(whole.iter().all(Option::is_some), "figures are missing: {r:?}");
        }
    }
    let used = cpu_us() - cpu;
    let share = used as f64 / monotonic().saturating_duration_since(wall).as_micros() as f64;
    stop.cancel();
    println!(
        "{CONTAINERS} containers every {interval:?}: {:.0} us a container and reading, {:.3} % of a core, {} ticks missed",
        used as f64 / f64::from(ticks * CONTAINERS),
        share * 100.0,
        samples.missed(),
    );
    ensure!(interval < Duration::from_secs(1) || share <= 0.01, "past 1 % of a core");
    Ok(())
}

fn cpu_us() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

fn instance(ordinal: u32, id: String, pid: u32) -> Instance {
    Instance {
        service: "api".to_owned(),
        ordinal,
        id,
        pid: Some(pid),
        addresses: BTreeMap::new(),
        port: None,
        started_at: None,
        state: InstanceState::Running,
        health: Health::None,
        restarts: 0,
    }
}

fn docker(args: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(args).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure!(output.status.success(), "docker {}: {}", args[0], text(&output.stderr));
    Ok(text(&output.stdout))
}

/// Removed in any case.
struct Containers(Vec<String>);

impl Drop for Containers {
    fn drop(&mut self) {
        for id in &self.0 {
            if let Err(error) = docker(&["rm", "--force", "--volumes", id]) {
                println!("could not remove {id}: {error}");
            }
        }
    }
}
