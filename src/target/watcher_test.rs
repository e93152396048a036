//! The watcher against an engine of this test's own, which drops its streams and goes away.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::watcher::{Members, Watcher};
use super::{Engine, TargetEvent, TargetEventKind};
use crate::record::{InstanceState, Roster, TargetAction};

/// What the engine would say, and its past events.
struct Facts {
    containers: Vec<Value>,
    past: Vec<Value>,
    asked: Vec<String>,
}

/// An engine that answers what the watcher asks. Cancelling `streams` ends every open event stream.
struct FakeEngine {
    facts: Mutex<Facts>,
    live: tokio::sync::broadcast::Sender<Value>,
    streams: Mutex<CancellationToken>,
}

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_800_000_000 + second, 0).unwrap()
}

fn container(state: &str, started: i64, finished: i64, exit_code: i64) -> Value {
    json!({ "Id": "c1", "Name": "/p_api_1",
        "Config": { "Labels": { "com.docker.compose.project": "p",
            "com.docker.compose.service": "api", "com.docker.compose.container-number": "1" } },
        "State": { "Status": state, "Running": state == "running", "Pid": 0, "ExitCode": exit_code,
            "StartedAt": at(started).to_string(), "FinishedAt": at(finished).to_string() },
        "NetworkSettings": { "Networks": {} } })
}

fn event(action: &str, second: i64) -> Value {
    json!({ "Type": "container", "Action": action, "timeNano": at(second).as_nanosecond() as i64,
        "Actor": { "ID": "c1", "Attributes": { "exitCode": "9" } } })
}

impl FakeEngine {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            facts: Mutex::new(Facts {
                containers: vec![container("running", 0, -100, 0)],
                past: Vec::new(),
                asked: Vec::new(),
            }),
            live: tokio::sync::broadcast::Sender::new(16),
            streams: Mutex::new(CancellationToken::new()),
        })
    }

    fn set(&self, container: Value, past: Vec<Value>) {
        let mut facts = self.facts.lock().unwrap();
        facts.containers = vec![container];
        facts.past = past;
    }

    fn drop_streams(&self) {
        std::mem::take(&mut *self.streams.lock().unwrap()).cancel();
    }

    fn listen(self: &Arc<Self>, path: &Path, tasks: &TaskTracker, stop: &CancellationToken) {
        let listener = UnixListener::bind(path).unwrap();
        let (engine, tracker, stop) = (self.clone(), tasks.clone(), stop.clone());
        tasks.spawn(async move {
            loop {
                let stream = tokio::select! {
                    () = stop.cancelled() => return,
                    stream = listener.accept() => stream.unwrap().0,
                };
                let (engine, stop) = (engine.clone(), stop.clone());
                tracker.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        _ = engine.answer(stream) => {}
                    }
                });
            }
        });
    }

    async fn answer(&self, stream: UnixStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let mut request = String::new();
            if stream.read_line(&mut request).await? == 0 {
                return Ok(());
            }
            let mut line = String::new();
            while stream.read_line(&mut line).await? > 2 {
                line.clear();
            }
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            if path.contains("/events") {
                return self.events(&path, stream.into_inner()).await;
            }
            let (status, body) = self.body(&path);
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
            let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.get_mut().write_all(text.as_bytes()).await?;
        }
    }

    fn body(&self, path: &str) -> (&'static str, String) {
        let facts = self.facts.lock().unwrap();
        let body = if path.contains("/version") {
            json!({ "ApiVersion": "1.41" })
        } else if path.contains("/info") {
            json!({ "ServerVersion": "fake", "SystemTime": at(1000).to_string() })
        } else if path.contains("/containers/json") {
            json!(facts.containers.iter().map(|c| json!({ "Id": c["Id"] })).collect::<Vec<_>>())
        } else if let Some(found) = facts.containers.first().filter(|_| path.contains("/c1/")) {
            found.clone()
        } else {
            return ("404 Not Found", json!({ "message": "no such container" }).to_string());
        };
        ("200 OK", body.to_string())
    }

    async fn events(&self, path: &str, mut stream: UnixStream) -> std::io::Result<()> {
        let dropped = self.streams.lock().unwrap().clone();
        let mut live = self.live.subscribe();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let past = {
            let mut facts = self.facts.lock().unwrap();
            facts.asked.push(path.to_owned());
            if path.contains("until=") { std::mem::take(&mut facts.past) } else { Vec::new() }
        };
        for event in past {
            stream.write_all(format!("{event}\n").as_bytes()).await?;
        }
        if path.contains("until=") {
            return Ok(());
        }
        loop {
            tokio::select! {
                () = dropped.cancelled() => return Ok(()),
                event = live.recv() => {
                    let Ok(event) = event else { return Ok(()) };
                    stream.write_all(format!("{event}\n").as_bytes()).await?;
                }
            }
        }
    }
}

struct Watched {
    engine: Arc<FakeEngine>,
    events: mpsc::Receiver<TargetEvent>,
    roster: watch::Receiver<Arc<Roster>>,
    stop: CancellationToken,
    down: CancellationToken,
    tasks: TaskTracker,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

async fn watched() -> Watched {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    let (tasks, stop, down) =
        (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
    let engine = FakeEngine::new();
    engine.listen(&path, &tasks, &down);
    let client = Engine::connect_to(&format!("unix://{}", path.display())).await.unwrap();
    let (board, events) = Board::new();
    let roster = board.roster();
    let watcher = Watcher::open(client, Members::Project("p".to_owned()), board).await.unwrap();
    tasks.spawn(watcher.watch(stop.clone()));
    let mut watched = Watched { engine, events, roster, stop, down, tasks, path, _dir: dir };
    watched.streaming(1).await;
    watched
}

impl Watched {
    /// Waits until so many streams without an end were asked for.
    async fn streaming(&mut self, count: usize) {
        let asked = async {
            loop {
                let live =
                    |facts: &Facts| facts.asked.iter().filter(|p| !p.contains("until=")).count();
                if live(&self.engine.facts.lock().unwrap()) >= count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked).await.expect("a stream is asked for");
    }

    async fn next(&mut self) -> TargetEventKind {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        event.expect("an event in time").expect("a living watcher").kind
    }

    async fn next_action(&mut self) -> (TargetAction, Option<Timestamp>) {
        match self.next().await {
            TargetEventKind::Action { action, engine_time, .. } => (action, engine_time),
            gap @ TargetEventKind::Gap { .. } => panic!("{gap:?}"),
        }
    }

    async fn next_gap(&mut self) -> String {
        match self.next().await {
            TargetEventKind::Gap { reason, .. } => reason,
            action @ TargetEventKind::Action { .. } => panic!("{action:?}"),
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.down.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

const DIED: TargetAction = TargetAction::Die { exit_code: Some(9) };

#[tokio::test]
async fn events_reach_record_and_roster() {
    let mut w = watched().await;
    w.engine.set(container("exited", 0, 1001, 9), Vec::new());
    w.engine.live.send(event("die", 1001)).unwrap();
    assert_eq!(w.next_action().await, (DIED, Some(at(1001))));
    let stopped = |r: &Arc<Roster>| r.instances[0].state == InstanceState::Stopped;
    w.roster.wait_for(stopped).await.unwrap();
    w.end().await;
}

#[tokio::test]
async fn what_happened_while_the_stream_was_gone_is_asked_for_and_told_once() {
    let mut w = watched().await;
    let past = vec![event("die", 900), event("start", 901), event("die", 900)];
    w.engine.set(container("running", 901, 900, 0), past);
    w.engine.drop_streams();
    assert_eq!(w.next_action().await, (DIED, Some(at(900))));
    assert_eq!(w.next_action().await, (TargetAction::Start, Some(at(901))));
    assert!(w.next_gap().await.contains("closed the event stream"));
    w.streaming(2).await;
    w.engine.set(container("exited", 901, 1002, 9), Vec::new());
    w.engine.live.send(event("start", 901)).unwrap();
    w.engine.live.send(event("die", 1002)).unwrap();
    assert_eq!(w.next_action().await, (DIED, Some(at(1002))));
    let replay =
        w.engine.facts.lock().unwrap().asked.iter().any(|p| p.contains("until=1800001000"));
    assert!(replay, "the past is asked for up to the engine's own time");
    w.roster.wait_for(|r| r.instances[0].restarts == 1).await.unwrap();
    w.end().await;
}

#[tokio::test]
async fn what_a_restarted_engine_forgot_is_worked_out() {
    let mut w = watched().await;
    w.engine.set(container("running", 950, 940, 0), Vec::new());
    w.engine.drop_streams();
    assert_eq!(w.next_action().await, (TargetAction::Die { exit_code: None }, None));
    assert_eq!(w.next_action().await, (TargetAction::Start, Some(at(950))));
    w.next_gap().await;
    assert_eq!(w.roster.borrow().instances[0].restarts, 1);
    w.end().await;
}

#[tokio::test]
async fn an_engine_that_is_away_for_a_while_is_waited_for() {
    let mut w = watched().await;
    w.down.cancel();
    w.down = CancellationToken::new();
    w.engine.drop_streams();
    std::fs::remove_file(&w.path).unwrap();
    w.engine.set(container("exited", 0, 930, 3), Vec::new());
    w.engine.listen(&w.path.clone(), &w.tasks.clone(), &w.down.clone());
    let expected = (TargetAction::Die { exit_code: Some(3) }, Some(at(930)));
    assert_eq!(w.next_action().await, expected);
    w.next_gap().await;
    assert_eq!(w.roster.borrow().instances[0].state, InstanceState::Stopped);
    w.end().await;
}

#[tokio::test]
async fn a_gap_that_never_closed_is_on_record_at_the_end() {
    let w = watched().await;
    w.down.cancel();
    w.engine.drop_streams();
    std::fs::remove_file(&w.path).unwrap();
    // Whoever connects again has noticed; nobody answers here.
    let deaf = UnixListener::bind(&w.path).unwrap();
    let (_stream, _) = deaf.accept().await.unwrap();
    w.stop.cancel();
    w.tasks.close();
    w.tasks.wait().await;
    let mut events = w.events;
    assert!(matches!(events.recv().await.unwrap().kind, TargetEventKind::Gap { .. }));
    assert!(events.recv().await.is_none());
}
