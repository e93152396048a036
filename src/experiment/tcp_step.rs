//! `tcp:` one connection of a scenario, with or without TLS.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::service_url::Filled;
use super::source::{Context, Decode, Definitions, File, Lasting, Node, Text, excerpt, form};
use super::step::{self, Draft};
use super::{Step, Template, Tls, url};
use crate::units::optional_duration_text;

/// One TCP connection, from its opening to its closing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TcpStep {
    /// Its name; default: `tcp` or `tls` and where it leads.
    pub name: String,
    /// `host:port`; `<service>.target:PORT` goes to the instances of a service in turn.
    pub connect: String,
    /// With TLS, and how.
    pub tls: Option<StepTls>,
    /// What is sent once it is open.
    pub send: Option<Template>,
    /// A text that what comes back must contain; default: nothing is awaited.
    pub expect: Option<String>,
    /// Timeout of this step; default: the load's.
    #[serde(with = "optional_duration_text")]
    pub timeout: Option<Duration>,
}

/// TLS of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTls {
    /// The name that the certificate must be for; default: the host.
    pub server_name: Option<String>,
    /// Files; those left out are the load's.
    #[serde(flatten)]
    pub files: Tls,
}

form! {
    /// One TCP connection, with or without TLS: opened, used, closed.
    struct TcpForm {
        /// Its name in reports; default: `tcp` or `tls` and where it leads.
        name: Text = Optional,
        /// Where to: `host:port`. `SERVICE.target:PORT` goes to the instances of a service in turn.
        connect: Filled = Required,
        /// With TLS; `{}` takes everything from `load.tls`.
        tls: StepTlsForm = Optional,
        /// Sent once the connection is open; may hold templates.
        send: Template = Optional,
        /// A text that what comes back must contain; default: nothing is awaited, the connection is closed at once.
        expect: Text = Optional,
        /// Timeout of this step, 1ms to 1h; default: the load's.
        timeout: Lasting<1, 3_600_000> = Optional,
    }
}

form! {
    /// TLS of one step. What is left out is taken from `load.tls`.
    struct StepTlsForm {
        /// The name that the target's certificate must be for; default: the host.
        server_name: Text = Optional,
        /// PEM file of authorities to trust besides the system's.
        ca["ca_file"]: File = Optional,
        /// PEM file of the client certificate chain; needs `key_file`.
        cert["cert_file"]: File = Optional,
        /// PEM file of the client certificate's key; needs `cert_file`.
        key["key_file"]: File = Optional,
    }
}

/// A step as it is written.
#[derive(Debug)]
pub(super) struct TcpDraft(pub Draft);

impl Decode for TcpDraft {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = TcpForm::decode(node, cx)?;
        let connect = form.connect?;
        if let Ok(host @ url::Host { port: Some(_), .. }) = url::authority(&connect.value.0) {
            url::later(host, connect.span, cx);
        } else {
            let message = format!("{} is not an address", excerpt(&connect.value.0));
            cx.problem_hint(connect.span, message, "write host:port or SERVICE.target:PORT");
        }
        let tls = form.tls.map(|tls| {
            if let (Some(lone), None) | (None, Some(lone)) = (&tls.value.cert, &tls.value.key) {
                cx.problem(lone.span, "`cert_file` and `key_file` are given together");
            }
            StepTls {
                server_name: tls.value.server_name.map(|name| name.value.0),
                files: Tls {
                    ca_file: tls.value.ca.map(|f| f.value.0),
                    cert_file: tls.value.cert.map(|f| f.value.0),
                    key_file: tls.value.key.map(|f| f.value.0),
                },
            }
        });
        if node.has("tls") && tls.is_none() {
            return None;
        }
        let kind = if tls.is_some() { "tls" } else { "tcp" };
        let plain = || format!("{kind} {}", connect.value.0);
        let (name, named) = step::name(form.name, plain, cx);
        let step = Step::Tcp(TcpStep {
            name,
            tls,
            send: form.send.map(|send| send.value),
            expect: form.expect.map(|text| text.value.0),
            timeout: form.timeout.map(|t| t.value.0),
            connect: connect.value.0,
        });
        Some(Self(Draft { step, named }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        TcpForm::schema(defs)
    }
}
