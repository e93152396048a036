//! How well the load engine holds a rate, and what that costs: `cargo bench --bench rate`.
//!
//! Each rate runs for ten seconds (`LONGHAUL_BENCH_SECONDS`) against nginx if it is installed, else against a small server in
//! a process of its own, both on loopback. The table is Markdown, ready for `docs/benchmarks.md`.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use longhaul::clock::Clock;
use longhaul::experiment::{
    Arrival, CatchUp, Expect, HttpStep, Load, Method, Pacing, Part, Scenario, Segment, Step,
    Template, Tls,
};
use longhaul::load::{Generator, Job, LocalGenerator};
use longhaul::record::{Counts, Endpoints, Histogram};
use longhaul::seed::Seed;
use longhaul::units::Rate;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const RATES: [f64; 3] = [50.0, 1000.0, 5000.0];
const NGINX: &str = "/usr/sbin/nginx";
const SERVE: &str = "LONGHAUL_BENCH_SERVE";
/// The kernel's unit in `/proc/<pid>/stat`, fixed on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

type Anyhow<T> = Result<T, Box<dyn Error>>;

fn main() -> Anyhow<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if std::env::var_os(SERVE).is_some() {
        return runtime.block_on(serve());
    }
    let seconds = std::env::var("LONGHAUL_BENCH_SECONDS").map_or(Ok(10), |s| s.parse())?;
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let mut out = io::stdout();
    writeln!(out, "Against {}, {seconds} s each.\n", server.kind)?;
    writeln!(
        out,
        "| rate | achieved/target | not ok | p50 | p99 | lateness p50 | lateness p99 | CPU us/request | RSS |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for rate in RATES {
        let row = runtime.block_on(measure(rate, Duration::from_secs(seconds), &server.url))?;
        writeln!(out, "{row}")?;
    }
    Ok(())
}

async fn measure(rate: f64, lasts: Duration, url: &str) -> Anyhow<String> {
    let clock = Clock::start();
    let (_sender, endpoints) = watch::channel(Endpoints::default());
    let load = load(rate, lasts, url);
    let target = load.timeline().due_before(lasts);
    let begin = clock.now() + Duration::from_millis(100);
    let stop = CancellationToken::new();
    let before = cpu()?;
    let mut running =
        LocalGenerator.start(Job { load, seed: Seed(1), clock, begin, endpoints, stop })?;
    let (mut counts, mut latency, mut lateness) =
        (Counts::default(), Histogram::new(), Histogram::new());
    let mut in_time = 0;
    while let Some(slice) = running.slices.recv().await {
        counts.add(&slice.counts);
        lateness.merge(&slice.lateness);
        slice.steps.iter().for_each(|step| latency.merge(&step.ok));
        if slice.to <= begin + lasts {
            in_time += slice.counts.ended();
        }
    }
    running.done.await?;
    let cpu = (cpu()? - before) * 1e6 / counts.ended().max(1) as f64;
    let us = |histogram: &Histogram, q| {
        format!("{} us", histogram.quantile(q).unwrap_or_default().as_micros())
    };
    Ok(format!(
        "| {rate}/s | {:.4} | {} | {} | {} | {} | {} | {cpu:.1} | {:.1} MiB |",
        in_time as f64 / target,
        counts.errors(),
        us(&latency, 0.5),
        us(&latency, 0.99),
        us(&lateness, 0.5),
        us(&lateness, 0.99),
        resident()? / 1_048_576.0,
    ))
}

fn load(rate: f64, lasts: Duration, url: &str) -> Load {
    let step = HttpStep {
        name: "get".to_owned(),
        method: Method::Get,
        url: Template { parts: vec![Part::Text(url.to_owned())] },
        headers: Vec::new(),
        body: None,
        expect: Expect::default(),
        capture: Vec::new(),
        timeout: None,
    };
    let steps = vec![Step::Http(step)];
    Load {
        settle: Duration::ZERO,
        warmup: Duration::ZERO,
        profile: vec![Segment::Hold { rate: Rate::per_second(rate), lasts }],
        arrival: Arrival::Constant,
        pacing: Pacing::Balanced,
        catch_up: CatchUp::Capped,
        workers: None,
        connections: 64,
        timeout: Duration::from_secs(5),
        cooldown: Duration::ZERO,
        tls: Tls::default(),
        scenarios: vec![Scenario {
            name: "bench".to_owned(),
            weight: 1,
            session: Vec::new(),
            steps,
        }],
    }
}

/// CPU seconds of this process so far.
fn cpu() -> Anyhow<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// Resident bytes of this process.
fn resident() -> Anyhow<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib = line.split_whitespace().nth(1).ok_or("no figure")?;
    Ok(kib.parse::<f64>()? * 1024.0)
}

/// What the load goes to: a child process that ends with this value.
struct Server {
    child: Child,
    kind: &'static str,
    url: String,
}

impl Server {
    fn start(dir: &Path) -> Anyhow<Self> {
        if !Path::new(NGINX).exists() {
            let mut child = Command::new(std::env::current_exe()?)
                .env(SERVE, "1")
                .stdout(Stdio::piped())
                .spawn()?;
            let mut addr = String::new();
            let stdout = child.stdout.take().ok_or("no output")?;
            BufReader::new(stdout).read_line(&mut addr)?;
            let url = format!("http://{}/", addr.trim());
            return Ok(Self { child, kind: "a server of one thread", url });
        }
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (conf, here) = (dir.join("nginx.conf"), dir.display());
        std::fs::write(
            &conf,
            format!(
                "worker_processes 1; daemon off; pid {here}/pid; error_log {here}/error.log;
                events {{ worker_connections 1024; }}
                http {{ access_log off; keepalive_requests 1000000000;
                client_body_temp_path {here}/b; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f;
                uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
                server {{ listen {addr}; return 200 \"{}\"; }} }}",
                "x".repeat(150)
            ),
        )?;
        let child = Command::new(NGINX).arg("-p").arg(dir).arg("-c").arg(&conf).spawn()?;
        let server =
            Self { child, kind: "nginx, 1 worker, 150-byte body", url: format!("http://{addr}/") };
        for _ in 0..500 {
            if std::net::TcpStream::connect(addr).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("nginx did not start".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A master killed outright would leave its worker behind.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        }
        drop(self.child.wait());
    }
}

async fn serve() -> Anyhow<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let body = "x".repeat(150);
    let router = axum::Router::new().fallback(move || std::future::ready(body.clone()));
    axum::serve(listener, router).await?;
    Ok(())
}
