//! WebSocket messages, each answered, over connections that are kept or held.

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request as Opening;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::desk::Turn;
use super::idle::Conn;
use super::lines::{Door, Making, split};
use super::link::{Link, Tag};
use crate::experiment::WebSocketStep;
use crate::load::LoadError;
use crate::load::captures::Names;
use crate::load::failure::Failure;
use crate::load::request::Request;

/// A `websocket` step.
pub(in crate::load) struct Call {
    door: Door,
    pool: usize,
    url: String,
    headers: Vec<(HeaderName, Request)>,
    send: Request,
    expect: Option<String>,
    keep: bool,
}

/// A message at most, bytes. A longer one ends the connection.
const LARGEST: usize = 16 << 20;

impl Call {
    pub(super) fn new(
        step: &WebSocketStep,
        names: &Names,
        making: &mut Making<'_>,
    ) -> Result<Self, LoadError> {
        let secure = step.url.starts_with("wss:");
        let (authority, _) = split(&step.url);
        let port = if secure { 443 } else { 80 };
        let bad = |why: String| LoadError::Invalid(format!("the URL {} {why}", step.url));
        step.url.as_str().into_client_request().map_err(|error| bad(error.to_string()))?;
        let mut headers = Vec::new();
        for (name, value) in &step.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| bad(e.to_string()))?;
            headers.push((name, Request::plain(value, names, making.secrets)?));
        }
        Ok(Self {
            door: making.door((authority, port), secure, None, Some(b"http/1.1"))?,
            pool: making.pool(format!("websocket {} {:?}", step.url, step.headers), None),
            url: step.url.clone(),
            headers,
            send: Request::plain(&step.send, names, making.secrets)?,
            expect: step.expect.clone(),
            keep: step.keep,
        })
    }

    pub(super) async fn round(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let text = String::from_utf8(turn.text(&self.send)?)
            .map_err(|_| Failure::failed("message is not text"))?;
        let text = Utf8Bytes::from(text);
        let (_permit, idle) = match turn.held.take() {
            Some(held) => (None, Some(held)),
            None => turn.desk.take(self.pool).await,
        };
        let mut session = match idle {
            Some(Conn::WebSocket(session)) => session,
            _ => Box::new(self.open(turn).await?),
        };
        session.tag.count_for(turn.line.id);
        session.stream.send(Message::Text(text.clone())).await.map_err(failure)?;
        let sent = turn.desk.books.now();
        let answer = session.next().await?;
        turn.first_byte(sent);
        let expect = self.expect.as_ref().map_or(text.as_str(), String::as_str);
        if !contains(&answer.into_data(), expect.as_bytes()) {
            return Err(Failure::failed("message mismatch"));
        }
        let (desk, line) = (turn.desk, turn.line);
        if !turn.last || line.hold.is_some() {
            *turn.held = Some(Conn::WebSocket(session));
        } else if self.keep {
            desk.keep(self.pool, self.door.origin, Conn::WebSocket(session));
        } else {
            // The other side is told; its leave is not waited for.
            drop(session.stream.close(None).await);
        }
        Ok(())
    }

    async fn open(&self, turn: &mut Turn<'_>) -> Result<Session, Failure> {
        let opening = self.opening(turn)?;
        let link = turn.desk.dial(&self.door, turn.line.id).await?;
        let tag = link.tag().clone();
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST));
        let opened = tokio_tungstenite::client_async_with_config(opening, link, Some(config)).await;
        let (stream, _) = opened.map_err(|error| {
            if let Error::Http(answer) = &error {
                turn.status = Some(answer.status().as_u16());
            }
            failure(error)
        })?;
        Ok(Session { stream, tag })
    }

    fn opening(&self, turn: &mut Turn<'_>) -> Result<Opening, Failure> {
        let mut opening = self.url.as_str().into_client_request().map_err(failure)?;
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(&turn.text(value)?)
                .map_err(|_| Failure::failed("a value can't stand in a header"))?;
            opening.headers_mut().insert(name, value);
        }
        Ok(opening)
    }
}

/// An open WebSocket.
pub(in crate::load) struct Session {
    stream: WebSocketStream<Link>,
    /// Where it leads, and for whom it counts.
    pub(super) tag: Tag,
}

impl Session {
    /// Whether it is still open and no message has come that nobody asked for; pings are answered.
    pub(super) fn is_quiet(&mut self) -> bool {
        loop {
            match self.stream.next().now_or_never() {
                None => return true,
                Some(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                Some(_) => return false,
            }
        }
    }

    /// Answers pings and passes over messages until the connection is gone.
    pub(super) async fn attend(&mut self) -> Failure {
        loop {
            if let Err(failure) = self.next().await {
                return failure;
            }
        }
    }

    /// The next message; pings are answered meanwhile.
    async fn next(&mut self) -> Result<Message, Failure> {
        loop {
            match self.stream.next().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return Ok(message),
                Some(Ok(Message::Close(_))) | None => {
                    return Err(Failure::failed("connection closed"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(failure(error)),
            }
        }
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Io(error) => Failure::from_io(&error),
        Error::Http(answer) => Failure::status(answer.status().as_u16()),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Failure::failed("connection closed")
        }
        Error::Capacity(_) => Failure::failed("message too large (over 16 MiB)"),
        Error::Protocol(_) => Failure::failed("answer is not WebSocket"),
        _ => Failure::failed("websocket error"),
    }
}

fn contains(message: &[u8], text: &[u8]) -> bool {
    text.is_empty() || message.windows(text.len()).any(|window| window == text)
}
