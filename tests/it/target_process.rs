//! Process targets with real children.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use longhaul::clock::Clock;
use longhaul::experiment::{Probe, Process, ProcessService, Ready, Signal, System, Target};
use longhaul::record::{InstanceState, TargetAction, Victim};
use longhaul::target::{
    BringUp, ControlError, LiveTarget, TargetError, TargetEventKind, bring_up, sweep_processes,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::program::{longhaul, run_id};

fn service(command: &[&str], replicas: u32, links: &[(&str, &str)]) -> ProcessService {
    ProcessService {
        command: command.iter().map(|w| (*w).to_owned()).collect(),
        env: [("LISTEN".to_owned(), "{{listen}}".to_owned())].into(),
        replicas,
        port: None,
        links: links.iter().map(|(v, s)| ((*v).to_owned(), (*s).to_owned())).collect(),
        dir: None,
    }
}

async fn up(
    services: &[(&str, ProcessService)],
    dir: &Path,
) -> Result<(LiveTarget, mpsc::Sender<String>), TargetError> {
    up_with_hurry(services, dir).await.map(|(live, progress, _)| (live, progress))
}

async fn up_with_hurry(
    services: &[(&str, ProcessService)],
    dir: &Path,
) -> Result<(LiveTarget, mpsc::Sender<String>, CancellationToken), TargetError> {
    longhaul();
    let services: BTreeMap<_, _> =
        services.iter().map(|(name, s)| ((*name).to_owned(), s.clone())).collect();
    let target = Target { system: System::Process(Process { services }), ready: Vec::new() };
    let (progress, lines) = mpsc::channel(100);
    drop(lines);
    let opts = BringUp {
        run: run_id("process"),
        dir: dir.to_owned(),
        secrets: Arc::default(),
        linker: None,
        progress: progress.clone(),
        clock: Clock::start(),
        stop: CancellationToken::new(),
        keep_up: false,
        hurry: CancellationToken::new(),
    };
    let hurry = opts.hurry.clone();
    Ok((bring_up(&target, opts).await?, progress, hurry))
}

fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

fn dies(pid: u32) -> bool {
    let begun = longhaul::clock::monotonic();
    while alive(pid) && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    !alive(pid)
}

#[tokio::test]
async fn children_come_up_are_acted_on_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let mut store = service(&["{{self}}", "demo-target", "store"], 1, &[]);
    store.env.insert("DATA_DIR".to_owned(), data);
    let api = service(&["{{self}}", "demo-target", "api"], 2, &[("STORE_ADDR", "store")]);
    let (mut live, progress) = up(&[("store", store), ("api", api)], dir.path()).await.unwrap();
    let ready = Ready {
        probe: Probe::Http("http://api.target:8080/health".to_owned()),
        within: Duration::from_secs(30),
    };
    live.wait_ready(std::slice::from_ref(&ready), &progress).await.unwrap();
    let control = live.control();
    let victim = Victim { service: "api".to_owned(), ordinal: 2 };
    let before = control.find(&victim).unwrap();
    assert_eq!((before.id.as_str(), before.state), ("api#2", InstanceState::Running));
    assert_eq!(live.endpoints().borrow().0["api"].len(), 2);

    let mut events = live.events();
    while let Ok(event) = events.try_recv() {
        let kind = event.kind;
        assert!(matches!(kind, TargetEventKind::Action { action: TargetAction::Start, .. }));
    }
    control.signal("api#2", &Signal("SIGKILL".to_owned())).await.unwrap();
    let TargetEventKind::Action { action, victim: who, .. } = events.recv().await.unwrap().kind
    else {
        panic!("an end")
    };
    assert_eq!((action, &who), (TargetAction::Die { exit_code: Some(137) }, &victim));
    assert_eq!(control.instance("api#2").await.unwrap().state, InstanceState::Stopped);
    let dead = control.signal("api#2", &Signal("SIGTERM".to_owned())).await;
    assert!(matches!(dead, Err(ControlError::Refused(_))));
    for _ in 0..2 {
        control.start("api#2").await.unwrap();
    }
    let after = control.instance("api#2").await.unwrap();
    assert_eq!((after.port, after.restarts), (before.port, 1));
    assert_ne!(after.pid, before.pid);
    live.wait_ready(&[ready], &progress).await.unwrap();

    for _ in 0..2 {
        control.pause("api#1").await.unwrap();
    }
    assert_eq!(control.instance("api#1").await.unwrap().state, InstanceState::Paused);
    assert_eq!(live.endpoints().borrow().0["api"].len(), 2, "a client can't see that it is frozen");
    for _ in 0..2 {
        control.unpause("api#1").await.unwrap();
    }
    assert_eq!(control.instance("api#1").await.unwrap().state, InstanceState::Running);
    control.restart("api#1", Duration::from_secs(5)).await.unwrap();
    assert_eq!(control.instance("api#1").await.unwrap().restarts, 1);
    assert_eq!(control.instance("web#1").await, Err(ControlError::Gone));
    assert_eq!(control.attachments("api#1").await, Ok(Vec::new()));

    let pids: Vec<u32> = live.roster().borrow().instances.iter().filter_map(|i| i.pid).collect();
    assert_eq!(pids.len(), 3);
    live.down().await.unwrap();
    assert!(pids.into_iter().all(|pid| !alive(pid)));
    assert_eq!(sweep_processes(dir.path(), true).lines, Vec::<String>::new());
}

/// A process of a group besides its leader, as soon as there is one.
fn member(group: u32) -> u32 {
    let begun = longhaul::clock::monotonic();
    loop {
        let pids = std::fs::read_dir("/proc").unwrap().flatten();
        let found = pids.filter_map(|e| e.file_name().to_str()?.parse().ok()).find(|pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            *pid != group && fields.into_iter().nth(2) == Some(group.to_string().as_str())
        });
        if let Some(pid) = found {
            return pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody is in the group {group}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn what_a_killed_child_has_started_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let forking = service(&["sh", "-c", "sleep 600 & exec sleep 601"], 1, &[]);
    let (live, _progress) = up(&[("app", forking)], dir.path()).await.unwrap();
    let control = live.control();
    let leader = control.instance("app#1").await.unwrap().pid.unwrap();
    let other = member(leader);
    control.signal("app#1", &Signal("SIGKILL".to_owned())).await.unwrap();
    assert!(dies(leader) && dies(other), "a worker stays behind");
    live.down().await.unwrap();
}

#[tokio::test]
async fn a_child_that_ends_at_once_is_shown_with_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let services = [("app", service(&["sh", "-c", "echo no such table; exit 3"], 1, &[]))];
    let (live, progress) = up(&services, dir.path()).await.unwrap();
    let ready =
        Ready { probe: Probe::Tcp("app.target:80".to_owned()), within: Duration::from_millis(500) };
    let error = live.wait_ready(&[ready], &progress).await.unwrap_err().to_string();
    assert!(error.contains("app#1 (it is not running)"), "{error}");
    assert!(error.contains("no such table") && error.contains("exit status 3"), "{error}");
    live.down().await.unwrap();
}

#[tokio::test]
async fn when_one_can_not_start_none_stays() {
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("pid");
    let first = format!("echo $$ > {}; exec sleep 100", note.display());
    let services = [
        ("a", service(&["sh", "-c", &first], 1, &[])),
        ("b", service(&["longhaul-no-such-program"], 1, &[("A", "a")])),
    ];
    let Err(error) = up(&services, dir.path()).await else { panic!("b can't start") };
    assert!(error.to_string().contains("start b#1: there is no program"), "{error}");
    // It may have been ended before it could write its note.
    if let Ok(pid) = std::fs::read_to_string(note) {
        assert!(dies(pid.trim().parse().unwrap()));
    }
}

#[tokio::test]
async fn a_target_that_is_dropped_takes_its_children_along() {
    let dir = tempfile::tempdir().unwrap();
    let services = [("app", service(&["sleep", "100"], 1, &[]))];
    let (live, _) = up(&services, dir.path()).await.unwrap();
    let pid = live.roster().borrow().instances[0].pid.unwrap();
    drop(live);
    tokio::task::spawn_blocking(move || assert!(dies(pid))).await.unwrap();
}

#[tokio::test]
async fn a_child_that_starts_while_the_target_is_taken_down_does_not_stay() {
    let dir = tempfile::tempdir().unwrap();
    let services = [("app", service(&["sleep", "100"], 1, &[]))];
    let (live, _) = up(&services, dir.path()).await.unwrap();
    let control = live.control();
    control.stop("app#1", Duration::ZERO).await.unwrap();
    // The start has begun when the end comes, and has no process yet.
    let (started, down) = tokio::join!(control.start("app#1"), live.down());
    down.unwrap();
    let pid = control.instance("app#1").await.unwrap().pid;
    assert!(pid.is_none_or(|pid| !alive(pid)), "{started:?}");
}

#[test]
fn a_child_dies_with_a_parent_that_is_killed() {
    let script = format!("{} helper child -- sleep 100 & echo $!; wait", longhaul().display());
    let mut parent =
        Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    let begun = longhaul::clock::monotonic();
    let is_sleep = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n";
    while !is_sleep() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(is_sleep());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(dies(pid));
}

#[test]
fn a_child_whose_parent_is_gone_does_not_start() {
    let output = Command::new(longhaul())
        .args(["helper", "child", "--", "echo", "started"])
        .env("LONGHAUL_CHILD_PARENT", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(137));
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_hurry_ends_the_grace_that_is_running() {
    let dir = tempfile::tempdir().unwrap();
    let deaf = dir.path().join("deaf");
    let script = format!("trap '' TERM; : > {}; while :; do sleep 1; done", deaf.display());
    let service = service(&["sh", "-c", &script], 1, &[]);
    let (live, _progress, hurry) = up_with_hurry(&[("deaf", service)], dir.path()).await.unwrap();
    while !deaf.exists() {
        tokio::task::yield_now().await;
    }
    let victim = Victim { service: "deaf".to_owned(), ordinal: 1 };
    let pid = live.control().find(&victim).unwrap().pid.unwrap();
    let mut down = std::pin::pin!(live.down());
    // It has its grace, and nobody hurries it.
    let patient = tokio::time::timeout(Duration::from_millis(300), &mut down).await;
    assert!(patient.is_err() && alive(pid), "it ended by itself: this shows nothing");
    let asked = longhaul::clock::monotonic();
    hurry.cancel();
    down.await.unwrap();
    assert!(dies(pid));
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(3), "its grace of 5 s went on for {took:?}");
}
