//! A step of a scenario, whatever its protocol.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::http_step::HttpDraft;
use super::postgres_step::PostgresDraft;
use super::redis_step::RedisDraft;
use super::source::{Context, Placed, Span, Text, choice, excerpt};
use super::tcp_step::TcpDraft;
use super::websocket_step::WebSocketDraft;
use super::{HttpStep, PostgresStep, RedisStep, TcpStep, Template, WebSocketStep};

/// One step. One variant per protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One HTTP/1.1 request.
    Http(HttpStep),
    /// One HTTP/2 request.
    Http2(HttpStep),
    /// One TCP connection, with or without TLS, from its opening to its closing.
    Tcp(TcpStep),
    /// One Redis command.
    Redis(RedisStep),
    /// Messages over a WebSocket, each answered.
    #[serde(rename = "websocket")]
    WebSocket(WebSocketStep),
    /// One Postgres query or transaction.
    Postgres(PostgresStep),
}

impl Step {
    /// Its name within the scenario.
    pub fn name(&self) -> &str {
        match self {
            Self::Http(step) | Self::Http2(step) => &step.name,
            Self::Tcp(step) => &step.name,
            Self::Redis(step) => &step.name,
            Self::WebSocket(step) => &step.name,
            Self::Postgres(step) => &step.name,
        }
    }

    fn name_mut(&mut self) -> &mut String {
        match self {
            Self::Http(step) | Self::Http2(step) => &mut step.name,
            Self::Tcp(step) => &mut step.name,
            Self::Redis(step) => &mut step.name,
            Self::WebSocket(step) => &mut step.name,
            Self::Postgres(step) => &mut step.name,
        }
    }

    /// The HTTP request that it is, of either version.
    pub fn http(&self) -> Option<&HttpStep> {
        match self {
            Self::Http(step) | Self::Http2(step) => Some(step),
            _ => None,
        }
    }

    /// How long it may take, if that differs from `load.timeout`.
    pub fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Http(step) | Self::Http2(step) => step.timeout,
            Self::Tcp(step) => step.timeout,
            Self::Redis(step) => step.timeout,
            Self::WebSocket(step) => step.timeout,
            Self::Postgres(step) => step.timeout,
        }
    }

    /// Whether it is one HTTP/1.1 request: those have an engine of their own.
    pub fn is_http1(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    /// Header fields of its requests, or of what opens its connection.
    pub fn headers(&self) -> &[(String, Template)] {
        match self {
            Self::Http(step) | Self::Http2(step) => &step.headers,
            Self::WebSocket(step) => &step.headers,
            Self::Tcp(_) | Self::Redis(_) | Self::Postgres(_) => &[],
        }
    }

    /// Names of the values that it keeps for later steps.
    pub fn captures(&self) -> Vec<&str> {
        match self {
            Self::Http(step) | Self::Http2(step) => {
                step.capture.iter().map(|capture| capture.name.as_str()).collect()
            }
            Self::Redis(step) => step.capture.as_deref().into_iter().collect(),
            Self::Tcp(_) | Self::WebSocket(_) | Self::Postgres(_) => Vec::new(),
        }
    }
}

choice! {
    /// One step.
    pub(super) enum StepForm {
        /// One HTTP request.
        Http["http"]: HttpDraft,
        /// One TCP connection, with or without TLS: how long it takes to open, and what comes back.
        Tcp["tcp"]: TcpDraft,
        /// One Redis command.
        Redis["redis"]: RedisDraft,
        /// Messages over a WebSocket, each answered.
        WebSocket["websocket"]: WebSocketDraft,
        /// One Postgres query or transaction.
        Postgres["postgres"]: PostgresDraft,
    }
}

/// A step, and where its name was given, if it was.
#[derive(Debug)]
pub(super) struct Draft {
    /// The step.
    pub step: Step,
    /// Where its name is.
    pub named: Option<Span>,
}

impl From<StepForm> for Draft {
    fn from(form: StepForm) -> Self {
        match form {
            StepForm::Http(draft) => draft.0,
            StepForm::Tcp(draft) => draft.0,
            StepForm::Redis(draft) => draft.0,
            StepForm::WebSocket(draft) => draft.0,
            StepForm::Postgres(draft) => draft.0,
        }
    }
}

/// Steps as they are written, each with a name of its own: given names must differ, others are numbered.
pub(super) fn tell_apart(steps: &mut [Placed<Draft>], cx: &mut Context) {
    let mut taken = BTreeSet::new();
    for step in steps.iter() {
        let Draft { step, named: Some(span) } = &step.value else { continue };
        if !taken.insert(step.name().to_owned()) {
            let message = format!("a second step called {}", excerpt(step.name()));
            cx.problem(*span, message);
        }
    }
    for step in steps {
        let Draft { step, named: None } = &mut step.value else { continue };
        let plain = step.name().to_owned();
        let mut number = 1;
        while !taken.insert(step.name().to_owned()) {
            number += 1;
            *step.name_mut() = format!("{plain} ({number})");
        }
    }
}

/// The name that was given to a step, or the plain one, and where it was given; a problem if it can't be one.
pub(super) fn name(
    given: Option<Placed<Text>>,
    plain: impl FnOnce() -> String,
    cx: &mut Context,
) -> (String, Option<Span>) {
    let Some(Placed { value: Text(text), span }) = given else {
        return (plain().chars().take(100).collect(), None);
    };
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        let message = format!("{} is not a step's name", excerpt(&text));
        cx.problem_hint(span, message, "1 to 100 characters in one line");
    }
    (text, Some(span))
}
