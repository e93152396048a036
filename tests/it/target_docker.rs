//! The target room against a real engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use longhaul::clock::Clock;
use longhaul::experiment::{Compose, External, Probe, Ready, Signal, System, Target};
use longhaul::ids::RunId;
use longhaul::record::{InstanceState, Roster, TargetAction, Victim};
use longhaul::target::{
    BringUp, ControlError, Engine, LiveTarget, TargetError, TargetEvent, TargetEventKind, bring_up,
    replicas,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::engine::{Afterwards, Swept, docker, ours, required};
use crate::program::{Program, longhaul, run_id};

const TWO_SERVICES: &str = r#"
version: "3.8"
services:
  store:
    image: "${LONGHAUL_IMAGE}"
    command: [demo-target, store]
    environment: { LISTEN: "0.0.0.0:7000" }
    volumes: ["data:/data"]
    networks: { back: { aliases: [keeper] } }
  api:
    image: "${LONGHAUL_IMAGE}"
    command: [demo-target, api]
    environment: { LISTEN: "0.0.0.0:8080", STORE_ADDR: "store:7000" }
    healthcheck: { test: [CMD, /longhaul, demo-target, check, "http://127.0.0.1:8080/health"], interval: 1s }
    networks: [back]
networks:
  back: { labels: { mine: "1" } }
volumes:
  data: {}
"#;

fn compose(dir: &Path, run: &RunId, text: &str, scale: &[(&str, u32)]) -> Target {
    let file = dir.join("compose.yaml");
    std::fs::write(&file, text).unwrap();
    let compose = Compose {
        file,
        project: project(run),
        build: false,
        scale: scale.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        env: BTreeMap::new(),
    };
    Target { system: System::Compose(compose), ready: Vec::new() }
}

fn project(run: &RunId) -> String {
    format!("lh{}", run.as_str().to_lowercase())
}

fn opts(run: &RunId, dir: &Path) -> (BringUp, mpsc::Receiver<String>) {
    let (progress, lines) = mpsc::channel(1000);
    let opts = BringUp {
        run: run.clone(),
        dir: dir.join("run"),
        secrets: Arc::default(),
        linker: None,
        progress,
        clock: Clock::start(),
        stop: CancellationToken::new(),
        keep_up: false,
        hurry: CancellationToken::new(),
    };
    (opts, lines)
}

fn ready(probe: Probe, secs: u64) -> Vec<Ready> {
    vec![Ready { probe, within: Duration::from_secs(secs) }]
}

fn victim(service: &str, ordinal: u32) -> Victim {
    Victim { service: service.to_owned(), ordinal }
}

async fn until(roster: &mut watch::Receiver<Arc<Roster>>, holds: impl Fn(&Roster) -> bool) {
    let seen = roster.wait_for(|r| holds(r));
    let seen = tokio::time::timeout(Duration::from_secs(20), seen).await;
    seen.expect("the roster shows it in time").expect("the roster lives");
}

async fn action(
    events: &mut mpsc::Receiver<TargetEvent>,
    wanted: impl Fn(&TargetAction) -> bool,
) -> (Victim, TargetAction) {
    let search = async {
        loop {
            let event = events.recv().await.expect("the events live");
            if let TargetEventKind::Action { victim, action, engine_time } = event.kind
                && wanted(&action)
            {
                assert!(engine_time.is_some());
                return (victim, action);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), search).await.expect("the event comes in time")
}

fn of(live: &LiveTarget, service: &str, ordinal: u32) -> longhaul::record::Instance {
    live.control().find(&victim(service, ordinal)).unwrap()
}

#[tokio::test]
async fn a_project_comes_up_is_acted_on_and_leaves_nothing() {
    if !required() {
        return;
    }
    longhaul();
    let (run, dir) = (run_id("up"), tempfile::tempdir().unwrap());
    let _swept = Swept(run.clone());
    let target = compose(dir.path(), &run, TWO_SERVICES, &[("api", 2)]);
    let (opts, _lines) = opts(&run, dir.path());
    let progress = opts.progress.clone();
    let mut live = bring_up(&target, opts).await.unwrap();

    let expected = replicas(&target).await;
    let roster = live.roster().borrow().clone();
    for (service, count) in &expected {
        assert_eq!(roster.service(service).count() as u32, *count, "{service}");
    }
    assert_eq!(expected["api"], 2);
    assert!(live.images()["api"].starts_with("sha256:"));
    for kind in ["container", "network", "volume"] {
        assert!(
            ours(run.as_str()).iter().any(|thing| thing.starts_with(kind)),
            "a {kind} carries the run's label"
        );
    }

    live.wait_ready(&ready(Probe::Http("http://api.target:8080/health".to_owned()), 60), &progress)
        .await
        .unwrap();
    live.wait_ready(&ready(Probe::Healthy(vec!["api".to_owned()]), 60), &progress).await.unwrap();
    live.wait_ready(&ready(Probe::Tcp("store.target:7000".to_owned()), 60), &progress)
        .await
        .unwrap();
    assert_eq!(live.endpoints().borrow().0["api"].len(), 2);

    kill_and_start(&mut live).await;
    freeze_and_stop(&live).await;
    detach_and_attach(&live).await;
    helper_and_statistics(&live, &run).await;

    live.down().await.unwrap();
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
}

async fn kill_and_start(live: &mut LiveTarget) {
    let (mut events, mut roster, control) = (live.events(), live.roster(), live.control());
    let before = of(live, "api", 1);
    control.signal(&before.id, &Signal("SIGKILL".to_owned())).await.unwrap();
    let (who, what) = action(&mut events, |a| matches!(a, TargetAction::Die { .. })).await;
    assert_eq!((who, what), (victim("api", 1), TargetAction::Die { exit_code: Some(137) }));
    until(&mut roster, |r| r.instances[0].state == InstanceState::Stopped).await;
    assert_eq!(live.endpoints().borrow().0["api"].len(), 1);
    let dead = control.signal(&before.id, &Signal("SIGKILL".to_owned())).await;
    assert!(matches!(dead, Err(ControlError::Refused(_))), "{dead:?}");

    control.start(&before.id).await.unwrap();
    control.start(&before.id).await.unwrap();
    action(&mut events, |a| *a == TargetAction::Start).await;
    until(&mut roster, |r| {
        let api = &r.instances[0];
        api.state == InstanceState::Running
            && api.restarts == 1
            && api.started_at > before.started_at
    })
    .await;
    assert_ne!(of(live, "api", 1).pid, before.pid);
}

async fn freeze_and_stop(live: &LiveTarget) {
    let (control, mut roster) = (live.control(), live.roster());
    let id = of(live, "api", 2).id;
    for _ in 0..2 {
        control.pause(&id).await.unwrap();
    }
    assert_eq!(control.instance(&id).await.unwrap().state, InstanceState::Paused);
    until(&mut roster, |r| r.instances[1].state == InstanceState::Paused).await;
    for _ in 0..2 {
        control.unpause(&id).await.unwrap();
    }
    for _ in 0..2 {
        control.stop(&id, Duration::from_secs(5)).await.unwrap();
    }
    assert_eq!(control.instance(&id).await.unwrap().state, InstanceState::Stopped);
    assert!(matches!(control.pause(&id).await, Err(ControlError::Refused(_))));
    control.start(&id).await.unwrap();
    control.restart(&id, Duration::from_secs(5)).await.unwrap();
    until(&mut roster, |r| r.instances[1].restarts == 2).await;
    let gone = control.instance("longhaul-no-such-container").await;
    assert_eq!(gone, Err(ControlError::Gone));
    assert_eq!(control.start("longhaul-no-such-container").await, Err(ControlError::Gone));
}

async fn detach_and_attach(live: &LiveTarget) {
    let (control, mut roster) = (live.control(), live.roster());
    let id = of(live, "store", 1).id;
    let before = control.attachments(&id).await.unwrap();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].key.as_deref(), Some("back"));
    assert!(before[0].aliases.iter().any(|a| a == "keeper"), "{before:?}");
    for _ in 0..2 {
        control.detach(&id, &before[0].network).await.unwrap();
    }
    assert_eq!(control.attachments(&id).await.unwrap(), []);
    let store = |r: &Roster| r.service("store").next().unwrap().addresses.clone();
    until(&mut roster, |r| store(r).is_empty()).await;
    for _ in 0..2 {
        control.attach(&id, &before[0]).await.unwrap();
    }
    until(&mut roster, |r| !store(r).is_empty()).await;
    let after = control.attachments(&id).await.unwrap();
    let aliases = |list: &[longhaul::target::Attachment]| {
        list[0].aliases.iter().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(aliases(&after), aliases(&before));
    assert_eq!(after[0].network_id, before[0].network_id);
}

async fn helper_and_statistics(live: &LiveTarget, run: &RunId) {
    let engine = live.engine().unwrap();
    let id = of(live, "api", 1).id;
    let words = ["helper", "nonsense"].map(str::to_owned).to_vec();
    let output = engine.one_shot(&id, words, run).await.unwrap();
    assert_eq!(output.exit_code, 2, "{output:?}");
    // A person with force is stronger than the run's hold.
    docker(&["rmi", "-f", &engine.self_image().await.unwrap()]);
    let words = ["helper", "nonsense"].map(str::to_owned).to_vec();
    let output = engine.one_shot(&id, words, run).await.unwrap();
    assert_eq!(output.exit_code, 2, "the image is built again: {output:?}");
    assert!(
        !docker(&["ps", "-a", "--format", "{{.Labels}}"]).contains(&format!("{run},longhaul.role"))
    );
    let reading = engine.stats(&id).next().await.unwrap().unwrap();
    assert!(reading.memory_usage > Some(0) && reading.cpu_ns > Some(0), "{reading:?}");
    let log = live.logs_tail("api", 5).await;
    assert!(log.is_empty() || log.starts_with("api#1 | "), "{log}");
}

#[tokio::test]
async fn leftovers_of_a_run_are_removed_and_foreign_things_are_not_touched() {
    if !required() {
        return;
    }
    longhaul();
    let (run, old) = (run_id("next"), run_id("old"));
    let dir = tempfile::tempdir().unwrap();
    let (_swept, _old_swept) = (Swept(run.clone()), Swept(old.clone()));
    let project_label = format!("com.docker.compose.project={}", project(&run));
    let network = format!("{}_foreign", project(&run));
    docker(&["network", "create", "--label", &project_label, &network]);
    let _network = Afterwards(vec!["network".to_owned(), "rm".to_owned(), network.clone()]);
    let volume = format!("{}_left", project(&run));
    let old_label = format!("longhaul.run={old}");
    docker(&["volume", "create", "--label", &project_label, "--label", &old_label, &volume]);

    let target = compose(dir.path(), &run, TWO_SERVICES, &[]);
    let (first, _lines) = opts(&run, dir.path());
    let Err(error) = bring_up(&target, first).await else {
        panic!("a foreign network is in the way")
    };
    assert!(matches!(&error, TargetError::Foreign { found, .. } if found.len() == 1), "{error}");
    assert!(error.to_string().contains(&network), "{error}");
    assert!(ours(old.as_str()).iter().any(|thing| thing.contains(&volume)), "nothing was touched");
    docker(&["network", "rm", &network]);

    let (second, mut lines) = opts(&run, dir.path());
    let live = bring_up(&target, second).await.unwrap();
    assert_eq!(ours(old.as_str()), Vec::<String>::new());
    let mut told = false;
    while let Ok(line) = lines.try_recv() {
        told |= line.contains(old.as_str()) && line.contains(&volume);
    }
    assert!(told, "a progress line tells of the leftover");

    let (third, _lines) = opts(&run_id("third"), dir.path());
    let Err(error) = bring_up(&target, third).await else { panic!("the project is in use") };
    assert!(matches!(error, TargetError::Busy { .. }), "{error}");
    live.down().await.unwrap();
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
}

#[tokio::test]
async fn a_volume_of_somebody_else_is_not_used_and_stays() {
    if !required() {
        return;
    }
    longhaul();
    let run = run_id("volume");
    let dir = tempfile::tempdir().unwrap();
    let _swept = Swept(run.clone());
    let volume = format!("{}-precious", project(&run));
    docker(&["volume", "create", &volume]);
    let _volume = Afterwards(vec!["volume".to_owned(), "rm".to_owned(), volume.clone()]);
    let text = TWO_SERVICES.replace("data: {}", &format!("data: {{ name: {volume} }}"));
    let target = compose(dir.path(), &run, &text, &[]);
    let (opts, _lines) = opts(&run, dir.path());
    let Err(error) = bring_up(&target, opts).await else { panic!("the volume would be removed") };
    assert!(matches!(&error, TargetError::Foreign { found, .. } if found.len() == 1), "{error}");
    assert!(error.to_string().contains(&volume), "{error}");
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]), volume);
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
}

#[tokio::test]
async fn a_target_that_fails_says_why_and_leaves_nothing() {
    if !required() {
        return;
    }
    longhaul();
    let (run, dir) = (run_id("fails"), tempfile::tempdir().unwrap());
    let _swept = Swept(run.clone());
    let text = r#"
services:
  broken:
    image: "${LONGHAUL_IMAGE}"
    command: [demo-target, store]
    healthcheck: { test: [CMD, /longhaul, helper, nonsense], interval: 1s, retries: 1 }
  waits:
    image: "${LONGHAUL_IMAGE}"
    command: [demo-target, store]
    depends_on: { broken: { condition: service_healthy } }
"#;
    let target = compose(dir.path(), &run, text, &[]);
    let (first, _lines) = opts(&run, dir.path());
    let Err(error) = bring_up(&target, first).await else { panic!("it can't come up") };
    let shown = error.to_string();
    assert!(shown.contains("broken#1") && shown.contains("demo-target store"), "{shown}");
    assert_eq!(ours(run.as_str()), Vec::<String>::new());

    // A service that ends at once, without anybody waiting for it: it comes up and is never ready.
    let text = r#"
services:
  broken:
    image: "${LONGHAUL_IMAGE}"
    command: [helper, child, --, /no/such/program]
"#;
    let target = compose(dir.path(), &run, text, &[]);
    let (second, mut lines) = opts(&run, dir.path());
    let (progress, stop) = (second.progress.clone(), second.stop.clone());
    let live = bring_up(&target, second).await.unwrap();
    let never = ready(Probe::Tcp("broken.target:80".to_owned()), 3);
    let error = live.wait_ready(&never, &progress).await.unwrap_err().to_string();
    assert!(error.contains("broken#1 (it is not running)"), "{error}");
    assert!(error.contains("/no/such/program"), "{error}");
    let mut told = false;
    while let Ok(line) = lines.try_recv() {
        told |= line.starts_with("waiting for broken#1");
    }
    assert!(told, "a progress line names who is waited for");
    stop.cancel();
    let stopped = live.wait_ready(&never, &progress).await;
    assert!(matches!(stopped, Err(TargetError::Stopped)), "{stopped:?}");
    live.down().await.unwrap();
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
}

#[tokio::test]
async fn a_stop_ends_the_command_that_brings_it_up() {
    if !required() {
        return;
    }
    longhaul();
    let (run, dir) = (run_id("stop"), tempfile::tempdir().unwrap());
    let _swept = Swept(run.clone());
    let target = compose(dir.path(), &run, TWO_SERVICES, &[("api", 4)]);
    let (opts, mut lines) = opts(&run, dir.path());
    let stop = opts.stop.clone();
    let stopper = async {
        // Compose speaks first when it makes something.
        while let Some(line) = lines.recv().await {
            if line.starts_with("Creating") || line.contains("Network") {
                break;
            }
        }
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(bring_up(&target, opts), stopper);
    assert!(matches!(outcome, Err(TargetError::Stopped)));
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
}

/// Containers that don't care for the signal that asks them to end.
const DEAF: &str = r#"
services:
  store:
    image: "${LONGHAUL_IMAGE}"
    command: [demo-target, store]
    stop_signal: SIGWINCH
"#;

#[tokio::test]
async fn in_a_hurry_nobody_has_time_to_end_in_order() {
    if !required() {
        return;
    }
    longhaul();
    let (run, dir) = (run_id("hurry"), tempfile::tempdir().unwrap());
    let _swept = Swept(run.clone());
    let target = compose(dir.path(), &run, DEAF, &[("store", 2)]);

    let (first, _lines) = opts(&run, dir.path());
    let hurry = first.hurry.clone();
    let live = bring_up(&target, first).await.unwrap();
    let begun = longhaul::clock::wall().as_second() - 1;
    hurry.cancel();
    live.down().await.unwrap();
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
    // By the engine's own clock: from the polite signal to the one that nobody survives.
    let (mut asked, mut ended) = (Vec::new(), Vec::new());
    let now = longhaul::clock::wall().as_second() + 1;
    let label = format!("label=longhaul.run={run}");
    let events = docker(&[
        "events",
        "--since",
        &begun.to_string(),
        "--until",
        &now.to_string(),
        "--filter",
        &label,
        "--filter",
        "event=kill",
        "--format",
        "{{.TimeNano}} {{.Actor.Attributes.signal}}",
    ]);
    for line in events.lines() {
        let (at, signal) = line.split_once(' ').unwrap();
        let list = if signal == "9" { &mut ended } else { &mut asked };
        list.push(at.parse::<i64>().unwrap());
    }
    assert!(asked.len() >= 2 && ended.len() >= 2, "{events}");
    let took = *ended.iter().max().unwrap() - *asked.iter().min().unwrap();
    assert!(took < 4_000_000_000, "they had a grace of {took} ns: {events}");

    // Midway, and then nothing is left either.
    let (second, mut lines) = opts(&run, dir.path());
    let hurry = second.hurry.clone();
    let live = bring_up(&target, second).await.unwrap();
    let hurrying = async {
        while let Some(line) = lines.recv().await {
            if line.contains("Stopping") {
                hurry.cancel();
            }
        }
    };
    let (outcome, ()) = tokio::join!(live.down(), hurrying);
    outcome.unwrap();
    assert!(hurry.is_cancelled());
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_a_run_holds_survives_the_cleanup_of_another_data_folder() {
    if !required() {
        return;
    }
    longhaul();
    let (run, engine) = (run_id("hold"), Engine::connect().await.unwrap());
    let _swept = Swept(run.clone());
    let image = engine.hold_image(&run).await.unwrap();
    assert_eq!(engine.hold_image(&run).await.unwrap(), image, "twice is once");
    let other = Program::new();
    let cleaned = other.done(["cleanup", "--json"]).expect(0);
    assert!(cleaned.stdout.contains(&format!("kept image {image}")), "{}", cleaned.stdout);
    assert_eq!(docker(&["image", "inspect", "-f", "{{index .RepoTags 0}}", &image]), image);

    engine.sweep(Some(&run), false).await.unwrap();
    assert_eq!(ours(run.as_str()), Vec::<String>::new());
    let cleaned = other.done(["cleanup", "--json"]).expect(0);
    assert!(cleaned.stdout.contains(&format!("removed image {image}")), "{}", cleaned.stdout);
    // And a run that finds it gone makes it again.
    assert_eq!(engine.hold_image(&run).await.unwrap(), image);
}

#[tokio::test]
async fn external_containers_are_watched_and_stay() {
    if !required() {
        return;
    }
    longhaul();
    let (run, dir) = (run_id("external"), tempfile::tempdir().unwrap());
    let image = Engine::connect().await.unwrap().self_image().await.unwrap();
    let name = format!("lh-external-{}", std::process::id());
    docker(&["run", "-d", "--name", &name, &image, "demo-target", "store"]);
    let _container = Afterwards(vec!["rm".to_owned(), "-f".to_owned(), name.clone()]);
    let external = |names: &[&str]| Target {
        system: System::External(External {
            containers: [("store".to_owned(), names.iter().map(|n| (*n).to_owned()).collect())]
                .into(),
        }),
        ready: Vec::new(),
    };
    let (first, _lines) = opts(&run, dir.path());
    let Err(error) = bring_up(&external(&[&name, "lh-not-there"]), first).await else {
        panic!("one is missing")
    };
    assert!(error.to_string().contains("lh-not-there"), "{error}");

    let (second, _lines) = opts(&run, dir.path());
    let mut live = bring_up(&external(&[&name]), second).await.unwrap();
    let seen = of(&live, "store", 1);
    assert_eq!(seen.state, InstanceState::Running);
    let mut events = live.events();
    live.control().signal(&seen.id, &Signal("SIGTERM".to_owned())).await.unwrap();
    let (who, _) = action(&mut events, |a| matches!(a, TargetAction::Die { .. })).await;
    assert_eq!(who, victim("store", 1));
    live.control().start(&seen.id).await.unwrap();
    live.down().await.unwrap();
    assert_eq!(docker(&["inspect", "-f", "{{.State.Running}}", &name]), "true");
}
