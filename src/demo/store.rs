use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::log::{Log, State};
use super::wire::{MAX_LINE, Reply, Request};
use super::{DemoError, StoreSettings};

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// A silent client is let go after this.
const SILENCE: Duration = Duration::from_mins(2);
/// A client that takes no answer is let go after this.
const ANSWER: Duration = Duration::from_secs(5);
/// Writes that share one trip to the disk, at most.
const BATCH: usize = 512;

/// Serves the line protocol until `stop`. A write is acknowledged when it is on disk. Ends with an error
/// when the disk refuses: what it holds is then unknown, and only a replay can tell.
pub(super) async fn serve(
    listener: TcpListener,
    settings: &StoreSettings,
    stop: CancellationToken,
) -> Result<(), DemoError> {
    let (log, state) = Log::open(&settings.dir)?;
    let state = Arc::new(Mutex::new(state));
    // When full, connections wait: the clients' deadlines bound that wait.
    let (writes, inbox) = mpsc::channel(BATCH);
    let desk = Desk { state: Arc::clone(&state), writes };
    let mut writer = tokio::task::spawn_blocking(move || write(log, &state, inbox));
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (desk, stop) = (desk.clone(), stop.clone());
                    connections.spawn(async move {
                        tokio::select! {
                            () = converse(stream, desk) => {}
                            () = stop.cancelled() => {}
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop.cancelled() => {}
        ended = &mut writer => {
            stop.cancel();
            return finished(ended);
        }
    }
    connections.close();
    connections.wait().await;
    drop(desk);
    finished(writer.await)
}

fn finished(
    writer: Result<Result<(), DemoError>, tokio::task::JoinError>,
) -> Result<(), DemoError> {
    writer.unwrap_or_else(|e| {
        Err(DemoError::Serve { what: "keep writing", source: std::io::Error::other(e) })
    })
}

struct Write {
    request: Request,
    kept: oneshot::Sender<Reply>,
}

fn write(
    mut log: Log,
    state: &Mutex<State>,
    mut inbox: mpsc::Receiver<Write>,
) -> Result<(), DemoError> {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.blocking_recv_many(&mut batch, BATCH) > 0 {
        log.append(batch.iter().map(|w: &Write| &w.request))?;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        for Write { request, kept } in batch.drain(..) {
            if kept.send(state.apply(&request)).is_err() {
                tracing::debug!("a client left before its write was kept");
            }
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Desk {
    state: Arc<Mutex<State>>,
    writes: mpsc::Sender<Write>,
}

impl Desk {
    async fn answer(&self, line: &str) -> Reply {
        let request = match Request::parse(line) {
            Ok(request) => request,
            Err(reason) => return Reply::Err(reason.to_owned()),
        };
        if !matches!(request, Request::Set { .. } | Request::Add { .. }) {
            return self.state.lock().unwrap_or_else(PoisonError::into_inner).answer(&request);
        }
        let (kept, answer) = oneshot::channel();
        if self.writes.send(Write { request, kept }).await.is_err() {
            return Reply::Err("the disk failed".to_owned());
        }
        answer.await.unwrap_or_else(|_| Reply::Err("the disk failed".to_owned()))
    }
}

async fn converse(stream: TcpStream, desk: Desk) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may be delayed");
    }
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        let mut bounded = (&mut stream).take(MAX_LINE as u64);
        let Ok(Ok(_)) = timeout(SILENCE, bounded.read_line(&mut line)).await else { return };
        let Some(request) = line.strip_suffix('\n') else { return };
        let answer = format!("{}\n", desk.answer(request).await);
        let Ok(Ok(())) = timeout(ANSWER, stream.get_mut().write_all(answer.as_bytes())).await
        else {
            return;
        };
    }
}
