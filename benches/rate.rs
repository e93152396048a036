//! How well the load engine holds a rate, and what that costs: `cargo bench --bench rate`.
//!
//! Each rate runs for ten seconds (`LONGHAUL_BENCH_SECONDS`) against nginx if it is installed, else against a small server in
//! a process of its own, both on loopback. The table is Markdown, ready for `docs/benchmarks.md`.
//!
//! `rate generate URL RATE SECONDS CONNECTIONS [eco]` is the engine alone: it puts that load on (`flat` as a rate: as fast as
//! the connections answer; `eco`: its pacing) and prints one JSON object. `benches/versus/run.py` holds it against other generators.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use longhaul::clock::Clock;
use longhaul::experiment::{
    CatchUp, Expect, HttpStep, Load, Method, Pacing, Part, Scenario, Segment, Step, Template,
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
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "generate") {
        return runtime.block_on(generate(&words[1..]));
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

/// More than any server answers to one core: who can't be sent waits for a connection.
const FLAT_OUT: f64 = 400_000.0;

async fn generate(words: &[String]) -> Anyhow<()> {
    let ([url, rate, seconds, connections], pacing) = (match words {
        [words @ .., eco] if eco == "eco" => (words, Pacing::Eco),
        words => (words, Pacing::Balanced),
    }) else {
        return Err("generate URL RATE SECONDS CONNECTIONS [eco]".into());
    };
    let flat = rate == "flat";
    let rate = if flat { FLAT_OUT } else { rate.parse()? };
    let lasts = Duration::from_secs_f64(seconds.parse()?);
    let mut load = load(rate, lasts, url);
    (load.connections, load.pacing) = (connections.parse()?, pacing);
    if flat {
        // Nobody is given up: as many are under way as there are connections, until the load is stopped.
        (load.catch_up, load.timeout, load.workers) =
            (CatchUp::Full, Duration::from_hours(1), Some(1));
    }
    let done = put_on(load, lasts, flat).await?;
    let us = |histogram: &Histogram, q| histogram.quantile(q).unwrap_or_default().as_micros();
    // Flat out, arrivals wait for a connection by design: as with closed clients, the time from the sending counts.
    let latency = if flat { &done.first_byte } else { &done.latency };
    writeln!(
        io::stdout(),
        r#"{{"requests":{},"ok":{},"in_time":{},"p50_us":{},"p99_us":{},"lateness_p99_us":{}}}"#,
        done.counts.ended() - done.counts.not_sent,
        done.counts.ok,
        done.in_time,
        us(latency, 0.5),
        us(latency, 0.99),
        us(&done.lateness, 0.99),
    )?;
    Ok(())
}

/// What became of a load.
#[derive(Default)]
struct Done {
    counts: Counts,
    /// Ended before the load did.
    in_time: u64,
    latency: Histogram,
    first_byte: Histogram,
    lateness: Histogram,
}

/// Puts a load on; stops it at its end if told, instead of waiting for who still waits.
async fn put_on(load: Load, lasts: Duration, cut: bool) -> Anyhow<Done> {
    let clock = Clock::start();
    let (_sender, endpoints) = watch::channel(Endpoints::default());
    let begin = clock.now() + Duration::from_millis(100);
    let stop = CancellationToken::new();
    let job = Job {
        load,
        secrets: std::sync::Arc::default(),
        seed: Seed(1),
        clock,
        begin,
        endpoints,
        stop: stop.clone(),
    };
    let mut running = LocalGenerator.start(job)?;
    let mut done = Done::default();
    let end = clock.sleep_until(begin + lasts);
    tokio::pin!(end);
    loop {
        let slice = tokio::select! {
            slice = running.slices.recv() => slice,
            () = &mut end, if cut && !stop.is_cancelled() => {
                stop.cancel();
                continue;
            }
        };
        let Some(slice) = slice else { break };
        done.counts.add(&slice.counts);
        done.lateness.merge(&slice.lateness);
        for step in &slice.steps {
            done.latency.merge(&step.ok);
            done.first_byte.merge(&step.first_byte);
        }
        if slice.to <= begin + lasts {
            done.in_time += slice.counts.ended();
        }
    }
    running.done.await?;
    Ok(done)
}

async fn measure(rate: f64, lasts: Duration, url: &str) -> Anyhow<String> {
    let load = load(rate, lasts, url);
    let target = load.timeline().due_before(lasts);
    let before = cpu()?;
    let Done { counts, in_time, latency, lateness, .. } = put_on(load, lasts, false).await?;
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
    let profile = vec![Segment::Hold { rate: Rate::per_second(rate), lasts }];
    Load {
        connections: 64,
        timeout: Duration::from_secs(5),
        ..Load::new(profile, vec![Scenario::new("bench", vec![Step::Http(step)])])
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
