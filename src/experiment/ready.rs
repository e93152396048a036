//! `ready:` how to tell that the target is ready.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::source::{Context, Decode, Definitions, Lasting, Node, OneOrMore, Text, excerpt, form};
use super::{template, url};
use crate::units::duration_text;

/// One readiness condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// What is asked.
    #[serde(flatten)]
    pub probe: Probe,
    /// For how long it is asked before the run is given up (exit 12).
    #[serde(with = "duration_text")]
    pub within: Duration,
}

/// How readiness is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// `GET` answers 2xx. `http://<service>.target:PORT/...` asks every instance.
    Http(String),
    /// A TCP connection is accepted at `host:port`; `<service>.target:PORT` asks every instance.
    Tcp(String),
    /// Every container of these services reports healthy.
    Healthy(Vec<String>),
}

form! {
    /// Readiness conditions: at least one of `http`, `tcp` and `healthy`; all must hold.
    struct ReadyForm {
        /// A GET of this URL answers 2xx. `http://SERVICE.target:PORT/...` asks every instance.
        http: OneOrMore<Address> = Optional,
        /// A TCP connection is accepted at `host:port`. `SERVICE.target:PORT` asks every instance.
        tcp: OneOrMore<Address> = Optional,
        /// Every container of these services reports healthy; not for processes.
        healthy: OneOrMore<Text> = Optional,
        /// For how long it is asked before the run is given up, 1s to 1h.
        within: Lasting<1_000, 3_600_000> = Default("2m"),
    }
}

/// One entry: a condition for each probe it gives.
#[derive(Debug)]
pub(super) struct ReadyAll(pub Vec<Ready>);

impl Decode for ReadyAll {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ReadyForm::decode(node, cx)?;
        let mut probes = Vec::new();
        for http in form.http.into_iter().flat_map(|list| list.value.0) {
            if let Some(host) = url::http(&http.value.0, http.span, &mut cx.found) {
                url::later(host, http.span, cx);
                probes.push(Probe::Http(http.value.0));
            }
        }
        for tcp in form.tcp.into_iter().flat_map(|list| list.value.0) {
            if let Ok(host @ url::Host { port: Some(_), .. }) = url::authority(&tcp.value.0) {
                url::later(host, tcp.span, cx);
                probes.push(Probe::Tcp(tcp.value.0));
            } else {
                let message = format!("{} is not an address", excerpt(&tcp.value.0));
                cx.problem_hint(tcp.span, message, "write host:port or SERVICE.target:PORT");
            }
        }
        if let Some(healthy) = form.healthy {
            let services = healthy.value.0;
            for service in &services {
                let (name, span) = (service.value.0.clone(), service.span);
                cx.later(move |known, found| {
                    known.service(&name, span, found);
                    if known.target.processes {
                        let hint = "use `http` or `tcp`";
                        found.add(span, "processes have no health check", hint);
                    }
                });
            }
            probes.push(Probe::Healthy(services.into_iter().map(|s| s.value.0).collect()));
        }
        if !["http", "tcp", "healthy"].into_iter().any(|key| node.has(key)) {
            cx.problem_hint(node.span, "nothing is asked", "give `http`, `tcp` or `healthy`");
        }
        let within = form.within?.value.0;
        Some(Self(probes.into_iter().map(|probe| Ready { probe, within }).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = ReadyForm::schema(defs);
        let any = ["http", "tcp", "healthy"].map(|key| json!({ "required": [key] }));
        defs.constrain("ReadyForm", "anyOf", any.into_iter().collect());
        schema
    }
}

/// A text in which variables are filled in.
#[derive(Debug)]
struct Address(String);

impl Decode for Address {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        template::fill(node, &[], cx).map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string" })
    }
}
