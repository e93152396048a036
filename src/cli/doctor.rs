//! `longhaul doctor`

use serde::Serialize;

use super::args::Common;
use super::exit::Exit;
use super::print_json;
use crate::helper;
use crate::target::{Engine, compose_version};
use crate::units::Bytes;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Good,
    /// Something is not available here; what needs it says so.
    Limited,
    /// Container targets can't work.
    Bad,
}

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    found: String,
    hint: Option<&'static str>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Good, found: found.into(), hint: None }
    }

    fn short(
        name: &'static str,
        state: State,
        found: impl Into<String>,
        hint: &'static str,
    ) -> Self {
        Self { name, state, found: found.into(), hint: Some(hint) }
    }
}

/// Looks at what this machine can do; changes nothing.
pub(super) async fn doctor(common: &Common) -> anyhow::Result<Exit> {
    let engine = Engine::connect().await;
    let mut checks = vec![engine_check(&engine), compose().await];
    checks.push(cgroups());
    checks.push(network_rules(&engine).await);
    checks.push(disk(common));
    checks.push(open_files());
    checks.push(timer());
    checks.push(priority());
    if common.json {
        print_json(&checks)?;
    } else {
        for check in &checks {
            let mark = match check.state {
                State::Good => "ok     ",
                State::Limited => "limited",
                State::Bad => "MISSING",
            };
            say!("{mark}  {:<16} {}", check.name, check.found);
            if let Some(hint) = check.hint {
                say!("         hint: {hint}");
            }
        }
    }
    let bad = checks.iter().any(|c| c.state == State::Bad);
    Ok(if bad { Exit::NotReady } else { Exit::Pass })
}

fn engine_check(engine: &Result<Engine, crate::target::TargetError>) -> Check {
    match engine {
        Ok(engine) => {
            let info = engine.describe();
            Check::good("docker", format!("{info} at {}", info.host))
        }
        Err(e) => Check::short(
            "docker",
            State::Bad,
            e.to_string(),
            "start the engine or set DOCKER_HOST; process targets work without it (`longhaul demo --process`)",
        ),
    }
}

async fn compose() -> Check {
    match compose_version().await {
        Ok(version) => Check::good("compose", version),
        Err(e) => Check::short(
            "compose",
            State::Bad,
            e.to_string(),
            "install the compose plugin or docker-compose; external targets work without it",
        ),
    }
}

fn cgroups() -> Check {
    let v2 = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let v1 = std::path::Path::new("/sys/fs/cgroup/memory").exists();
    match (v1, v2) {
        (_, true) => Check::good("cgroups", "version 2, readable"),
        (true, false) => Check::good("cgroups", "version 1, readable"),
        (false, false) => Check::short(
            "cgroups",
            State::Limited,
            "no cgroup files here",
            "containers are sampled by the engine's statistics: once a second, fewer figures",
        ),
    }
}

async fn network_rules(engine: &Result<Engine, crate::target::TargetError>) -> Check {
    let name = "partitions";
    let container_way = "a helper container of longhaul's own image does it instead";
    let local = engine.as_ref().is_ok_and(|e| e.describe().local);
    match helper::available(std::process::id()).await {
        Ok(()) if local => Check::good(name, "nftables rules from this host, by process id"),
        Ok(()) => {
            Check::short(name, State::Limited, "the engine is not on this host", container_way)
        }
        Err(e) => {
            Check::short(name, State::Limited, format!("not from this process: {e}"), container_way)
        }
    }
}

fn disk(common: &Common) -> Check {
    let name = "disk";
    let folder =
        if common.data.exists() { common.data.as_path() } else { std::path::Path::new(".") };
    match rustix::fs::statvfs(folder) {
        Ok(stat) => {
            let free = Bytes(stat.f_bavail.saturating_mul(stat.f_frsize));
            let found = format!("{} free for {}", free.human(), common.data.display());
            if free.0 > 500_000_000 {
                Check::good(name, found)
            } else {
                Check::short(
                    name,
                    State::Limited,
                    found,
                    "a night of records takes up to 100 MB; make room",
                )
            }
        }
        Err(e) => Check::short(name, State::Limited, e.to_string(), "check --data"),
    }
}

fn open_files() -> Check {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let found = limit.map_or("no limit".to_owned(), |n| n.to_string());
    if limit.is_none_or(|n| n >= 4096) {
        Check::good("open files", found)
    } else {
        Check::short(
            "open files",
            State::Limited,
            found,
            "raise it (ulimit -n 65536) for many connections",
        )
    }
}

/// How late this machine wakes a sleeper: what limits the fidelity of the load.
fn timer() -> Check {
    let mut late: Vec<u128> = (0..50)
        .map(|_| {
            let start = crate::clock::monotonic();
            std::thread::sleep(std::time::Duration::from_millis(2));
            start.elapsed().as_micros().saturating_sub(2000)
        })
        .collect();
    late.sort_unstable();
    let (p50, max) = (late[25], late[49]);
    let found = format!("wakes {p50} us late (median), {max} us (longest of 50)");
    if max < 5000 {
        Check::good("timer", found)
    } else {
        Check::short(
            "timer",
            State::Limited,
            found,
            "the host is busy: figures of a run here may be inconclusive",
        )
    }
}

/// Whether the load may go before everything else on this machine.
fn priority() -> Check {
    let name = "priority";
    match crate::load::realtime() {
        Ok(()) => Check::good(name, "real-time, for experiments with `priority: realtime`"),
        Err(why) => Check::short(
            name,
            State::Limited,
            format!("the usual one only: {why}"),
            "beside a busy system the load may be late; root, CAP_SYS_NICE or a limit `rtprio` allow `priority: realtime`",
        ),
    }
}
