//! HTTP/2 requests, many at once over few connections.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use super::desk::Turn;
use super::lines::{Door, Making, split};
use crate::experiment::{HttpStep, Part};
use crate::load::LoadError;
use crate::load::answer::Answer;
use crate::load::failure::Failure;

/// An `http` step of version 2.
pub(in crate::load) struct Call {
    door: Door,
    pool: usize,
    /// Scheme and authority, as requests name them.
    root: String,
    /// Where the script has its request.
    at: (usize, usize),
}

/// Requests at once over one connection, at most; a target may allow fewer.
const STREAMS: usize = 100;
/// Header fields of a request at most.
const FIELDS: usize = 128;

impl Call {
    /// `at` is scenario and number of the request in the script.
    pub(super) fn new(
        step: &HttpStep,
        at: (usize, usize),
        making: &mut Making<'_>,
    ) -> Result<Self, LoadError> {
        // The host stands in the first piece: validation has seen to it.
        let head = match step.url.parts.first() {
            Some(Part::Text(text)) => text.as_str(),
            _ => "",
        };
        let secure = head.starts_with("https:");
        let (authority, _) = split(head);
        let (scheme, port) = if secure { ("https", 443) } else { ("http", 80) };
        let root = format!("{scheme}://{authority}");
        let door = making.door((authority, port), secure, None, Some(b"h2"))?;
        Ok(Self { door, pool: making.pool(format!("http2 {root}"), None), root, at })
    }

    pub(super) async fn round(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let script = std::sync::Arc::clone(&turn.desk.lines.script);
        let line = &script.scenarios[self.at.0].lines[self.at.1];
        let request = self.request(&turn.text(&line.request)?)?;
        let (response, _stream) = match self.ask(turn, request.clone()).await {
            Err(Refused::Unprocessed) => {
                turn.desk.retried.fetch_add(1, Ordering::Relaxed);
                self.ask(turn, request).await
            }
            asked => asked,
        }?;
        let (head, mut body) = response.into_parts();
        let mut answer = Answer::default();
        let fields: Vec<httparse::Header<'_>> = head
            .headers
            .iter()
            .map(|(name, value)| httparse::Header { name: name.as_str(), value: value.as_bytes() })
            .collect();
        answer.head(line, head.status.as_u16(), &fields);
        turn.status = Some(answer.status);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failure(&error))?;
            if let Some(piece) = frame.data_ref() {
                answer.body(line, piece);
            }
        }
        let took = turn.desk.books.now().since(turn.from);
        turn.captured = answer.judge(line, turn.names, took)?;
        Ok(())
    }

    /// Sends a request over a connection with room for it.
    async fn ask(
        &self,
        turn: &mut Turn<'_>,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Stream), Refused> {
        let shared = self.connection(turn).await?;
        let stream = Stream::new(&shared.streams);
        let mut sender = shared.sender.clone();
        let sent = turn.desk.books.now();
        let asked = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        match asked.await {
            Ok(response) => {
                turn.first_byte(sent);
                Ok((response, stream))
            }
            Err(error) if unprocessed(&error) => {
                shared.retired.set(true);
                Err(Refused::Unprocessed)
            }
            Err(error) => Err(failure(&error).into()),
        }
    }

    /// The request that these bytes are in HTTP/1.1.
    fn request(&self, bytes: &[u8]) -> Result<Request<Full<Bytes>>, Failure> {
        let unfit = || Failure::failed("a value can't stand in a request");
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else {
            return Err(unfit());
        };
        let target = format!("{}{}", self.root, head.path.unwrap_or("/"));
        let method = Method::from_bytes(head.method.unwrap_or("GET").as_bytes());
        let body = Bytes::copy_from_slice(&bytes[length..]);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.map_err(|_| unfit())?;
        *request.uri_mut() = Uri::try_from(target).map_err(|_| unfit())?;
        for field in head.headers {
            let value = HeaderValue::from_bytes(field.value).map_err(|_| unfit())?;
            let name = hyper::header::HeaderName::from_bytes(field.name.as_bytes());
            request.headers_mut().append(name.map_err(|_| unfit())?, value);
        }
        // The authority is part of the target here, and connections are nobody's to close.
        request.headers_mut().remove(HOST);
        request.headers_mut().remove(CONNECTION);
        Ok(request)
    }

    /// A connection with room for one more request; opens one if there is none. One is opened at a time, so that those
    /// who come meanwhile share it.
    async fn connection(&self, turn: &Turn<'_>) -> Result<Rc<Shared>, Failure> {
        let pool = &turn.desk.shared[self.pool];
        if let Some(shared) = self.free(turn, pool) {
            return Ok(shared);
        }
        let _opening = pool.opening.lock().await;
        if let Some(shared) = self.free(turn, pool) {
            return Ok(shared);
        }
        let link = turn.desk.dial(&self.door, turn.line.id).await?;
        if self.door.tls.is_some() && link.protocol() != Some(b"h2") {
            return Err(Failure::failed("tls: target does not offer h2"));
        }
        let addr = link.tag().addr();
        let opened = handshake(OnThisThread, TokioIo::new(link)).await;
        let (sender, connection) = opened.map_err(|error| failure(&error))?;
        tokio::task::spawn_local(async move {
            // Whoever has a request under way on it hears of its end.
            drop(connection.await);
        });
        let shared =
            Rc::new(Shared { sender, addr, streams: Rc::default(), retired: Cell::default() });
        pool.open.borrow_mut().push(Rc::clone(&shared));
        Ok(shared)
    }

    fn free(&self, turn: &Turn<'_>, pool: &Pool) -> Option<Rc<Shared>> {
        let routes = turn.desk.routes.borrow();
        let places = &routes[self.door.origin].places;
        let mut open = pool.open.borrow_mut();
        let serves = |s: &Rc<Shared>| !s.sender.is_closed() && !s.retired.get();
        open.retain(|shared| serves(shared) && places.leads_to(shared.addr));
        let room = |shared: &&Rc<Shared>| shared.streams.get() < STREAMS;
        open.iter().filter(room).min_by_key(|shared| shared.streams.get()).cloned()
    }
}

/// Connections to one place that carry several requests at once.
#[derive(Default)]
pub(super) struct Pool {
    open: RefCell<Vec<Rc<Shared>>>,
    /// Held while one is being opened.
    opening: Mutex<()>,
}

struct Shared {
    sender: SendRequest<Full<Bytes>>,
    addr: SocketAddr,
    /// Requests under way on it.
    streams: Rc<Cell<usize>>,
    /// The target takes no more requests on it.
    retired: Cell<bool>,
}

/// A request under way, counted for as long as this lives.
struct Stream(Rc<Cell<usize>>);

impl Stream {
    fn new(streams: &Rc<Cell<usize>>) -> Self {
        streams.set(streams.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Runs what a connection does beside its requests; it ends with the worker's set of tasks.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

/// Why there is no answer.
enum Refused {
    /// The target has not begun with the request, and says so: it may be sent again (RFC 9113, 8.7).
    Unprocessed,
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unprocessed => Self::failed("connection closed"),
            Refused::Failed(failure) => failure,
        }
    }
}

/// Whether the request never left, or came back as not begun: behind a GOAWAY without an error, or a `REFUSED_STREAM`.
/// The latter two show in the words of the `h2` crate alone.
fn unprocessed(error: &hyper::Error) -> bool {
    let refused = |why: &str| {
        why.starts_with("connection error received: not a result of an error")
            || why.starts_with("stream error received: refused stream before processing")
    };
    error.is_canceled() || error.source().is_some_and(|source| refused(&source.to_string()))
}

fn failure(error: &hyper::Error) -> Failure {
    let closed = error.is_canceled() || error.is_closed() || error.is_incomplete_message();
    Failure::from_error(error, if closed { "connection closed" } else { "http2 error" })
}
