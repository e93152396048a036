//! `websocket:` messages of a scenario, each answered.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::http_step::HeaderName;
use super::service_url;
use super::source::{Context, Decode, Definitions, Int, Lasting, Named, Node, Text, form};
use super::step::{self, Draft};
use super::{Step, Template, literal_secret};
use crate::units::optional_duration_text;

/// Messages over a WebSocket, one after the other, each answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebSocketStep {
    /// Its name; default: `websocket` and the path.
    pub name: String,
    /// `ws://` or `wss://` URL; the same for every connection.
    pub url: String,
    /// Header fields of the opening request.
    pub headers: Vec<(String, Template)>,
    /// The message.
    pub send: Template,
    /// A text that the answer must contain; default: the message itself.
    pub expect: Option<String>,
    /// How many messages, 1 to 1 000 000.
    pub messages: u32,
    /// Whether the connection is used again by later arrivals.
    pub keep: bool,
    /// For how long the connection stays open after the last answer.
    #[serde(with = "optional_duration_text")]
    pub hold: Option<Duration>,
    /// Timeout of each message; default: the load's.
    #[serde(with = "optional_duration_text")]
    pub timeout: Option<Duration>,
}

form! {
    /// Messages over a WebSocket, one after the other: each is sent when the one before it was answered, and
    /// counts as a request of its own.
    struct WebSocketForm {
        /// Its name in reports; default: `websocket` and the path.
        name: Text = Optional,
        /// Where to: `ws://host:port/path`, `wss://` for TLS. `ws://SERVICE.target:PORT/path` goes to the instances
        /// of a service in turn.
        url: service_url::Filled = Required,
        /// Header fields of the opening request; values may hold templates.
        headers: Named<HeaderName, Template> = Optional,
        /// The message, a text; may hold templates.
        send: Template = Default("ping"),
        /// A text that the answer must contain; default: the message itself, as an echo has it.
        expect: Text = Optional,
        /// How many messages each arrival sends.
        messages: Int<1, 1_000_000> = Default("1"),
        /// Whether later arrivals use the connection again; otherwise it is closed.
        keep: bool = Default("true"),
        /// For how long the connection stays open after the last answer, 1ms to 24h: connections held at once. Ends with
        /// the load.
        hold: Lasting<1, 86_400_000> = Optional,
        /// Timeout of each message, 1ms to 1h; default: the load's.
        timeout: Lasting<1, 3_600_000> = Optional,
    }
}

/// A step as it is written.
#[derive(Debug)]
pub(super) struct WebSocketDraft(pub Draft);

impl Decode for WebSocketDraft {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = WebSocketForm::decode(node, cx)?;
        let url = form.url?;
        let read = service_url::read(&url.value.0, ["ws", "wss"], url.span, cx);
        let path = read.map_or("/", |(_, path)| path.split(['?', '#']).next().unwrap_or("/"));
        let path = if path.is_empty() { "/" } else { path };
        let (name, named) = step::name(form.name, || format!("websocket {path}"), cx);
        let headers = form.headers.map_or_else(Vec::new, |h| h.value.0);
        for (name, value) in &headers {
            literal_secret::header(&name.value.0, &value.value, value.span, cx);
        }
        let step = Step::WebSocket(WebSocketStep {
            name,
            headers: headers.into_iter().map(|(k, v)| (k.value.0, v.value)).collect(),
            send: form.send?.value,
            expect: form.expect.map(|text| text.value.0),
            messages: u32::try_from(form.messages?.value.0).ok()?,
            keep: form.keep?.value,
            hold: form.hold.map(|t| t.value.0),
            timeout: form.timeout.map(|t| t.value.0),
            url: url.value.0,
        });
        Some(Self(Draft { step, named }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        WebSocketForm::schema(defs)
    }
}
