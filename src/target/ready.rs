//! Waiting until a target is ready.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::{LiveTarget, TargetError};
use crate::clock;
use crate::experiment::{Probe, Ready};
use crate::record::{Health, Instance, InstanceState, Roster};

const ASK_EVERY: Duration = Duration::from_millis(200);
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
const TELL_EVERY: Duration = Duration::from_secs(2);
const LOG_LINES: usize = 20;

/// Who is not ready yet, and why. The label of an instance, a service or an address.
type Waiting = BTreeMap<String, String>;

/// Waits for all conditions at once, each within its own time.
pub(super) async fn wait(
    target: &LiveTarget,
    ready: &[Ready],
    progress: &mpsc::Sender<String>,
) -> Result<(), TargetError> {
    let client = client();
    let board: Mutex<Vec<Waiting>> = Mutex::new(vec![Waiting::new(); ready.len()]);
    let note = |at: usize, waiting: Waiting| {
        board.lock().unwrap_or_else(PoisonError::into_inner)[at] = waiting;
    };
    let conditions = futures_util::future::try_join_all(
        ready.iter().enumerate().map(|(at, ready)| until(target, &client, ready, at, &note)),
    );
    let tell = async {
        loop {
            tokio::time::sleep(TELL_EVERY).await;
            let all: Waiting = board
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .flatten()
                .map(|(who, why)| (who.clone(), why.clone()))
                .collect();
            if !all.is_empty() {
                progress.try_send(format!("waiting for {}", in_words(&all))).ok();
            }
        }
    };
    let (within, waiting) = tokio::select! {
        outcome = conditions => match outcome {
            Ok(_) => return Ok(()),
            Err(late) => late,
        },
        () = tell => return Ok(()),
    };
    let mut logs = String::new();
    for service in services(&target.roster().borrow(), &waiting) {
        use std::fmt::Write as _;
        let tail = target.logs_tail(&service, LOG_LINES).await;
        write!(logs, "\n--- the last lines of {service}:\n{}", tail.trim_end()).ok();
    }
    Err(TargetError::NotReady { within, waiting: in_words(&waiting), logs })
}

/// Asks until the condition holds; on time-out gives the time and who was not ready.
async fn until(
    target: &LiveTarget,
    client: &Result<reqwest::Client, String>,
    ready: &Ready,
    at: usize,
    note: &impl Fn(usize, Waiting),
) -> Result<(), (Duration, Waiting)> {
    let begun = clock::monotonic();
    loop {
        let roster = target.roster().borrow().clone();
        let waiting = ask(client, &ready.probe, &roster).await;
        if waiting.is_empty() {
            note(at, waiting);
            return Ok(());
        }
        if begun.elapsed() >= ready.within {
            return Err((ready.within, waiting));
        }
        note(at, waiting);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn ask(client: &Result<reqwest::Client, String>, probe: &Probe, roster: &Roster) -> Waiting {
    match probe {
        Probe::Http(url) => match (reqwest::Url::parse(url), client) {
            (Err(error), _) => [(url.clone(), error.to_string())].into(),
            (_, Err(error)) => [(url.clone(), error.clone())].into(),
            (Ok(parsed), Ok(client)) => ask_http(client, url, &parsed, roster).await,
        },
        Probe::Tcp(address) => ask_tcp(address, roster).await,
        Probe::Healthy(services) => healthy(services, roster),
    }
}

/// The service of a host name `<service>.target`.
fn service_of(host: &str) -> Option<&str> {
    host.strip_suffix(".target")
}

/// Where to ask each instance of a service, or why it can't be asked yet.
fn instances(
    service: &str,
    port: u16,
    roster: &Roster,
) -> Vec<(String, Result<SocketAddr, &'static str>)> {
    let address = |instance: &Instance| match instance.state {
        InstanceState::Stopped => Err("it is not running"),
        InstanceState::Paused => Err("it is paused"),
        InstanceState::Running => instance.address(port).ok_or("it has no address"),
    };
    let all: Vec<_> = roster.service(service).map(|i| (i.label(), address(i))).collect();
    if all.is_empty() { vec![(service.to_owned(), Err("it has no instance"))] } else { all }
}

async fn ask_http(
    client: &reqwest::Client,
    url: &str,
    parsed: &reqwest::Url,
    roster: &Roster,
) -> Waiting {
    let host = parsed.host_str().unwrap_or_default();
    let Some(service) = service_of(host) else {
        let answer = get(client, parsed.clone(), None).await;
        return answer.err().map(|why| (url.to_owned(), why)).into_iter().collect();
    };
    let port = parsed.port_or_known_default().unwrap_or(80);
    let named = parsed.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let mut waiting = Waiting::new();
    for (label, address) in instances(service, port, roster) {
        let answer = match address {
            Err(why) => Err(why.to_owned()),
            Ok(address) => {
                let mut own = parsed.clone();
                match (own.set_ip_host(address.ip()), own.set_port(Some(address.port()))) {
                    (Ok(()), Ok(())) => get(client, own, Some(&named)).await,
                    _ => Err(format!("{url} can't be asked at {address}")),
                }
            }
        };
        if let Err(why) = answer {
            waiting.insert(label, why);
        }
    }
    waiting
}

async fn get(
    client: &reqwest::Client,
    url: reqwest::Url,
    host: Option<&str>,
) -> Result<(), String> {
    let mut request = client.get(url);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answers {}", answer.status())),
        Err(error) => Err(root_cause(&error)),
    }
}

/// The innermost cause: `connection refused`, not the four frames around it.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string().to_lowercase()
}

async fn ask_tcp(address: &str, roster: &Roster) -> Waiting {
    let refused = |why: String| -> Waiting { [(address.to_owned(), why)].into() };
    let Some((host, port)) = address.rsplit_once(':') else {
        return refused("it has no port".to_owned());
    };
    let Ok(port) = port.parse::<u16>() else { return refused(format!("{port} is not a port")) };
    let Some(service) = service_of(host) else {
        return connect(address).await.err().map_or_else(Waiting::new, refused);
    };
    let mut waiting = Waiting::new();
    for (label, at) in instances(service, port, roster) {
        let answer = match at {
            Err(why) => Err(why.to_owned()),
            Ok(at) => connect(at).await,
        };
        if let Err(why) = answer {
            waiting.insert(label, why);
        }
    }
    waiting
}

async fn connect(address: impl tokio::net::ToSocketAddrs) -> Result<(), String> {
    match tokio::time::timeout(ASK_TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(root_cause(&error)),
        Err(_) => Err("no answer within 2s".to_owned()),
    }
}

fn healthy(wanted: &[String], roster: &Roster) -> Waiting {
    let mut waiting = Waiting::new();
    for service in wanted {
        if roster.service(service).next().is_none() {
            waiting.insert(service.clone(), "it has no instance".to_owned());
        }
        for instance in roster.service(service) {
            let why = match (instance.state, instance.health) {
                (InstanceState::Running, Health::Healthy) => continue,
                (InstanceState::Stopped, _) => "it is not running",
                (InstanceState::Paused, _) => "it is paused",
                (_, Health::None) => "it has no health check",
                (_, Health::Starting) => "its health check has not passed yet",
                (_, Health::Unhealthy) => "its health check fails",
            };
            waiting.insert(instance.label(), why.to_owned());
        }
    }
    waiting
}

/// The services whose logs may tell why: those waited for, or all when an address is no service's.
fn services(roster: &Roster, waiting: &Waiting) -> Vec<String> {
    let mut all: Vec<String> = roster.instances.iter().map(|i| i.service.clone()).collect();
    all.dedup();
    let named = |service: &String| {
        waiting.keys().any(|who| who == service || who.starts_with(&format!("{service}#")))
    };
    if waiting.keys().all(|who| all.iter().any(|s| who == s || who.starts_with(&format!("{s}#")))) {
        all.retain(named);
    }
    all
}

fn in_words(waiting: &Waiting) -> String {
    let each: Vec<String> = waiting.iter().map(|(who, why)| format!("{who} ({why})")).collect();
    each.join(", ")
}

/// A client for readiness questions. It does not check certificates: whether the target is up does not
/// depend on who vouches for it, and a static binary in an empty image has no authorities to ask.
fn client() -> Result<reqwest::Client, String> {
    // Another room may have installed one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
        .timeout(ASK_TIMEOUT)
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(|e| root_cause(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(service: &str, ordinal: u32, state: InstanceState, health: Health) -> Instance {
        Instance {
            service: service.to_owned(),
            ordinal,
            id: format!("{service}{ordinal}"),
            pid: None,
            addresses: [("loopback".to_owned(), [127, 0, 0, 1].into())].into(),
            port: None,
            started_at: None,
            state,
            health,
            restarts: 0,
        }
    }

    #[test]
    fn every_instance_must_be_healthy() {
        let roster = Roster {
            instances: vec![
                instance("api", 1, InstanceState::Running, Health::Healthy),
                instance("api", 2, InstanceState::Running, Health::Starting),
                instance("db", 1, InstanceState::Stopped, Health::Healthy),
            ],
        };
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let waiting = healthy(&names(&["api", "db", "cache"]), &roster);
        assert_eq!(
            in_words(&waiting),
            "api#2 (its health check has not passed yet), cache (it has no instance), \
             db#1 (it is not running)"
        );
        assert_eq!(services(&roster, &waiting), ["api", "db"].map(str::to_owned));
        let elsewhere = [("http://x/".to_owned(), String::new())].into();
        assert_eq!(services(&roster, &elsewhere).len(), 2);
    }

    #[tokio::test]
    async fn tcp_asks_each_instance_at_its_own_port() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut up = instance("api", 1, InstanceState::Running, Health::None);
        up.port = Some(port);
        let mut down = instance("api", 2, InstanceState::Running, Health::None);
        // A port that was free a moment ago and below the kernel's own range.
        down.port = Some(1);
        let roster = Roster { instances: vec![up, down] };
        let waiting = ask_tcp("api.target:80", &roster).await;
        assert_eq!(waiting.keys().collect::<Vec<_>>(), ["api#2"]);
        assert!(waiting["api#2"].contains("refused"), "{waiting:?}");
        assert!(ask_tcp(&format!("127.0.0.1:{port}"), &roster).await.is_empty());
    }
}
