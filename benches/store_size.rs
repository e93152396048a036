//! Measures the database of a 24 h run: 10 containers, the host and longhaul read every second, 5 steps.
//!
//! `cargo bench --bench store_size [-- HOURS]` writes synthetic records with the noise of real ones as fast as the
//! store takes them, and prints size and time. Fewer hours are scaled up to 24.

use std::time::Duration;

use longhaul::clock::{Offset, monotonic};
use longhaul::record::{
    Counts, Event, EventKind, Histogram, LoadSlice, Phase, Reading, RunRecord, Sample, StepId,
    StepSlice, Subject,
};
use longhaul::seed::Seed;
use longhaul::store::Store;

const CONTAINERS: u32 = 10;
const STEPS: u16 = 5;
const RATE: u64 = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hours: u64 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(24);
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path())?;
    let run = run();
    let begun = monotonic();
    let writer = store.begin(&run)?;
    writer
        .event(Event { at: Offset::ZERO, kind: EventKind::Phase { phase: Phase::Holding } })
        .await;
    let mut source = Source::new();
    for second in 0..hours * 3600 {
        writer.slice(source.slice(second)).await;
        writer.samples(source.samples(second)).await;
    }
    let lost = writer.lost();
    writer.close().await?;
    let wrote = begun.elapsed();
    let begun = monotonic();
    let data = store.load(&run.id)?;
    let read = begun.elapsed();
    let bytes: u64 = std::fs::read_dir(dir.path())?
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|m| m.len())
        .sum();
    let points: usize = data.series.iter().map(|s| s.points.len()).sum();
    let day = bytes as f64 / 1e6 * 24.0 / hours as f64;
    report(&format!(
        "{hours} h: {:.1} MB, so {day:.1} MB for 24 h; {} slices, {} histogram rows, {points} samples, {lost} lost; \
         written in {wrote:.1?}, loaded in {read:.1?}",
        bytes as f64 / 1e6,
        data.slices.len(),
        data.histograms.len(),
    ));
    if day < 100.0 && lost == 0 {
        Ok(())
    } else {
        Err("over 100 MB for 24 h, or records lost".into())
    }
}

#[expect(clippy::print_stdout, reason = "a measurement prints its figures")]
fn report(line: &str) {
    println!("{line}");
}

fn run() -> RunRecord {
    serde_json::from_value(serde_json::json!({
        "id": "size", "anchor": "2026-11-21T02:00:00Z", "status": "running", "verdict": null, "faults": [],
        "provenance": { "longhaul": "", "host": "", "kernel": "", "cpu": "", "memory": 0, "engine": null,
                        "images": {}, "experiment_sha256": "" },
        "experiment": {
            "version": 1, "name": "size", "description": null, "tags": {}, "seed": 1, "variables": {},
            "target": { "process": { "services": {} }, "ready": [] },
            "load": {
                "warmup": "0s", "profile": [{ "hold": { "rate": "50/s", "for": "24h" } }],
                "arrival": "constant", "connections": 1, "timeout": "1s", "cooldown": "0s",
                "tls": { "ca_file": null, "cert_file": null, "key_file": null }, "scenarios": []
            },
            "faults": [], "overlap": "forbid", "steady_state": null, "limits": [], "abort_when": [],
            "sampling": { "interval": "1s", "ledger": null }
        }
    }))
    .expect("the run is valid")
}

/// Figures that move as those of real services do: memory in pages, counters by noisy steps, latencies log-normal.
struct Source {
    rng: longhaul::seed::Rng,
    readings: Vec<Reading>,
    ok: Histogram,
}

impl Source {
    fn new() -> Self {
        let subject = Reading {
            anon: Some(200 << 20),
            file: Some(60 << 20),
            kernel: Some(6 << 20),
            working_set: Some(240 << 20),
            limit: Some(512 << 20),
            cpu_us: Some(0),
            throttled_us: Some(0),
            pids: Some(12),
            fds: Some(60),
            net_rx: Some(0),
            net_tx: Some(0),
            blk_read: Some(0),
            blk_write: Some(0),
            oom_kills: Some(0),
            restarts: Some(0),
            ..Reading::default()
        };
        let readings = vec![subject; CONTAINERS as usize + 2];
        Self { rng: Seed(7).rng(), readings, ok: Histogram::new() }
    }

    /// Uniform below `n`.
    fn below(&mut self, n: u64) -> u64 {
        use rand::Rng as _;
        ((u128::from(self.rng.next_u64()) * u128::from(n)) >> 64) as u64
    }

    fn samples(&mut self, second: u64) -> Vec<Sample> {
        let at = Offset::from_micros(second * 1_000_000) + Duration::from_micros(self.below(1500));
        (0..CONTAINERS + 2)
            .map(|n| {
                let noise: [u64; 8] = std::array::from_fn(|i| {
                    self.below([200, 12, 8, 9_000, 30_000, 30_000, 4, 3][i])
                });
                let r = &mut self.readings[n as usize];
                let add = |figure: &mut Option<u64>, by: u64| *figure = figure.map(|f| f + by);
                // A saw-tooth on a slow growth, in pages.
                let anon = (200 << 20)
                    + (second % 97) * 40_960
                    + noise[0] * 4096
                    + second * 50 / 4096 * 4096;
                r.anon = Some(anon);
                r.file = Some((60 << 20) + second / 30 * 4096 + noise[1] / 10 * 4096);
                r.kernel = Some((6 << 20) + noise[2] * 4096);
                r.working_set = Some(anon + (40 << 20) + noise[1] * 4096);
                add(&mut r.cpu_us, 80_000 + noise[3]);
                add(&mut r.net_rx, 400_000 + noise[4]);
                add(&mut r.net_tx, 900_000 + noise[5]);
                if noise[6] == 0 {
                    add(&mut r.blk_write, 4096 * (1 + noise[1]));
                }
                r.fds = Some(60 + noise[7]);
                r.load_milli = (n == CONTAINERS).then_some(700 + noise[0]);
                r.disk_free = (n == CONTAINERS).then_some((40 << 30) - second * 4096);
                let subject = match n {
                    CONTAINERS => Subject::Host,
                    n if n > CONTAINERS => Subject::Longhaul,
                    n => Subject::Instance {
                        service: format!("service-{}", n / 2),
                        ordinal: 1 + n % 2,
                    },
                };
                Sample { at, subject, epoch: 0, reading: *r }
            })
            .collect()
    }

    fn slice(&mut self, second: u64) -> LoadSlice {
        let each = RATE / u64::from(STEPS);
        let counts = |n| Counts { scheduled: n, ok: n, ..Counts::default() };
        let steps = (0..STEPS)
            .map(|step| {
                self.ok.clear();
                for _ in 0..each {
                    // A sum of uniforms in the exponent is near log-normal: median about 3 ms.
                    let exponent =
                        (0..6).map(|_| self.below(1000)).sum::<u64>() as f64 / 1000.0 - 3.0;
                    self.ok.record(Duration::from_micros((3000.0 * exponent.exp()) as u64));
                }
                StepSlice {
                    counts: counts(each),
                    ok: self.ok.clone(),
                    ..StepSlice::new(StepId(step))
                }
            })
            .collect();
        LoadSlice {
            from: Offset::from_micros(second * 1_000_000),
            to: Offset::from_micros((second + 1) * 1_000_000),
            counts: counts(RATE),
            in_flight: self.below(4) as u32,
            waiting: 0,
            connections: 20,
            bytes_in: 60_000 + self.below(3_000),
            bytes_out: 12_000 + self.below(500),
            lateness: self.ok.clone(),
            steps,
            errors: Vec::new(),
        }
    }
}
