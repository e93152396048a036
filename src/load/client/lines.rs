use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::desk::Turn;
use super::{http2, redis, tcp, websocket};
use crate::experiment::{Load, Secrets, Step, StepTls};
use crate::load::LoadError;
use crate::load::captures::Names;
use crate::load::failure::Failure;
use crate::load::script::{Origin, Script};
use crate::load::tls;
use crate::record::StepId;

/// The scenarios of all protocols but HTTP/1.1, made ready to play.
pub(in crate::load) struct Lines {
    /// Those of HTTP/1.1 have no lines.
    pub(super) scenarios: Vec<Play>,
    /// Where connections lead.
    pub(super) origins: Vec<Origin>,
    /// Sets of connections that can stand for each other: how many there may be of each, if that is said.
    pub(super) pools: Vec<Option<u32>>,
    /// HTTP requests as HTTP/1.1 has them; those of HTTP/2 are made from them.
    pub(super) script: Arc<Script>,
    /// How many step ids there are.
    pub(super) steps: usize,
}

/// One scenario.
pub(super) struct Play {
    /// Its steps, the session's first.
    pub(super) lines: Vec<Line>,
    /// How many of them are the session's.
    pub(super) session: usize,
    pub(super) names: Names,
}

/// One step of a scenario.
pub(super) struct Line {
    pub(super) id: StepId,
    pub(super) timeout: Duration,
    /// How many requests it makes, one after the other.
    pub(super) rounds: u32,
    /// For how long its connection stays open after the last.
    pub(super) hold: Option<Duration>,
    pub(super) call: Call,
}

/// What a step does in its protocol.
pub(super) enum Call {
    Http2(http2::Call),
    Tcp(tcp::Call),
    Redis(redis::Call),
    WebSocket(Box<websocket::Call>),
    #[cfg(feature = "postgres")]
    Postgres(Box<super::postgres::Call>),
}

impl Call {
    /// Makes one request and hears its answer.
    pub(super) async fn round(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        match self {
            Self::Http2(call) => call.round(turn).await,
            Self::Tcp(call) => call.round(turn).await,
            Self::Redis(call) => call.round(turn).await,
            Self::WebSocket(call) => call.round(turn).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(call) => call.round(turn).await,
        }
    }
}

/// Where a step's connections lead, and what is spoken there.
#[derive(Clone)]
pub(super) struct Door {
    /// Index into [`Lines::origins`].
    pub(super) origin: usize,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// What the lines of a load have in common, while they are made.
pub(super) struct Making<'a> {
    load: &'a Load,
    pub(super) secrets: &'a Secrets,
    origins: Vec<Origin>,
    pools: Vec<(String, Option<u32>)>,
}

impl Lines {
    pub(in crate::load) fn new(
        load: &Load,
        secrets: &Secrets,
        script: Arc<Script>,
    ) -> Result<Self, LoadError> {
        let mut making = Making { load, secrets, origins: Vec::new(), pools: Vec::new() };
        let mut scenarios = Vec::new();
        let mut ids = 0..=u16::MAX;
        for (number, scenario) in load.scenarios.iter().enumerate() {
            let names = script.scenarios[number].names.clone();
            let (mut lines, mut requests) = (Vec::new(), 0);
            for step in scenario.all_steps() {
                let Some(id) = ids.next().map(StepId) else { break };
                let at = (number, requests);
                requests += usize::from(step.http().is_some());
                if !script.scenarios[number].http1 {
                    lines.push(making.line(id, step, at, &names)?);
                }
            }
            scenarios.push(Play { lines, session: scenario.session.len(), names });
        }
        let pools = making.pools.into_iter().map(|(_, most)| most).collect();
        let steps = script.steps;
        Ok(Self { scenarios, origins: making.origins, pools, script, steps })
    }
}

impl Making<'_> {
    fn line(
        &mut self,
        id: StepId,
        step: &Step,
        at: (usize, usize),
        names: &Names,
    ) -> Result<Line, LoadError> {
        let (mut rounds, mut hold) = (1, None);
        let call = match step {
            Step::Http(http) | Step::Http2(http) => Call::Http2(http2::Call::new(http, at, self)?),
            Step::Tcp(tcp) => Call::Tcp(tcp::Call::new(tcp, names, self)?),
            Step::Redis(redis) => Call::Redis(redis::Call::new(redis, names, self)?),
            Step::WebSocket(step) => {
                (rounds, hold) = (step.messages, step.hold);
                Call::WebSocket(Box::new(websocket::Call::new(step, names, self)?))
            }
            #[cfg(feature = "postgres")]
            Step::Postgres(step) => {
                Call::Postgres(Box::new(super::postgres::Call::new(step, names, self)?))
            }
            #[cfg(not(feature = "postgres"))]
            Step::Postgres(_) => {
                let why = "this longhaul was built without its feature `postgres`";
                return Err(LoadError::Invalid(why.to_owned()));
            }
        };
        let timeout = step.timeout().unwrap_or(self.load.timeout);
        Ok(Line { id, timeout, rounds, hold, call })
    }

    /// The set of connections that are alike in what `key` says; `most` of them at most.
    pub(super) fn pool(&mut self, key: String, most: Option<u32>) -> usize {
        let at = self.pools.iter().position(|(known, _)| *known == key);
        let at = at.unwrap_or_else(|| {
            self.pools.push((key, None));
            self.pools.len() - 1
        });
        let own = &mut self.pools[at].1;
        *own = match (*own, most) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        at
    }

    /// The door to an authority; with TLS if `secure`, by the load's settings and what `own` says instead.
    /// `protocol` is the one of the ALPN registry.
    pub(super) fn door(
        &mut self,
        (authority, port): (&str, u16),
        secure: bool,
        own: Option<&StepTls>,
        protocol: Option<&[u8]>,
    ) -> Result<Door, LoadError> {
        let bad = |why: &str| LoadError::Invalid(format!("the address {authority} {why}"));
        let origin = Origin::at(authority, secure, port).map_err(bad)?;
        let tls = if secure {
            let mut files = self.load.tls.clone();
            let own = own.cloned().unwrap_or_default();
            files.ca_file = own.files.ca_file.or(files.ca_file);
            if own.files.cert_file.is_some() {
                (files.cert_file, files.key_file) = (own.files.cert_file, own.files.key_file);
            }
            let name = own.server_name.unwrap_or_else(|| origin.host.certified());
            let name = ServerName::try_from(name)
                .map_err(|_| bad("is not a name that a certificate can be for"))?;
            Some((tls::for_protocol(&files, protocol)?, name))
        } else {
            None
        };
        let at = self.origins.iter().position(|known| *known == origin);
        let origin = at.unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        });
        Ok(Door { origin, tls })
    }
}

/// A URL's authority, and what follows it.
pub(super) fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}
