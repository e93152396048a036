//! `probes:` figures that the target tells of itself, asked for again and again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::capture::pointer;
use super::capture_plan::InstanceUrl;
use super::source::{Context, Decode, Definitions, Id, Lasting, Named, Node, Text, excerpt, form};
use crate::units::duration_text;

/// Figures that the target tells of itself: a number, and how long the answer takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polled {
    /// Its name.
    pub name: String,
    /// What is asked with GET. With `<service>.target` as the host its first running instance is asked.
    pub url: String,
    /// Where the number is in the answer.
    pub reads: PolledValue,
    /// Time between two questions.
    #[serde(with = "duration_text")]
    pub every: Duration,
    /// Longest wait for an answer.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
}

/// Where the number is in a probe's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolledValue {
    /// At this JSON pointer: a number, or a text that is one.
    Json(String),
    /// The Prometheus metric of this name; of several series of that name their sum. With labels, as the target writes
    /// them, that series alone.
    Metric(String),
    /// Nowhere: only the time it takes counts.
    Nothing,
}

form! {
    /// A figure that the target tells of itself. Without `json` and `metric` only the time of the answer counts.
    struct ProbeForm {
        /// What is asked with GET, 2xx is an answer. With SERVICE.target as the host its first running instance is asked.
        http: InstanceUrl = Required,
        /// Where the number is in a JSON answer: `$.height`, or `/height`.
        json: Pointer = Optional,
        /// Name of the Prometheus metric that the number is; of several series of that name the sum. With labels, as
        /// the target writes them, that series alone.
        metric: Text = Optional,
        /// Time between two questions, 100ms to 1h.
        every: Lasting<100, 3_600_000> = Default("1s"),
        /// Longest wait for an answer, 10ms to 1min.
        timeout: Lasting<10, 60_000> = Default("5s"),
    }
}

/// All probes, by name.
#[derive(Debug)]
pub(super) struct Probes(pub Vec<Polled>);

impl Decode for Probes {
    /// Notes their names, for the limits that name them.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        // By name even if one can't be read: limits on it are not wrong.
        cx.noted.probes.extend(node.entries().map(|(key, _)| key.name.clone()));
        let named = Named::<Id, Body>::decode(node, cx)?;
        let polled = |(name, body): (super::source::Placed<Id>, super::source::Placed<Body>)| {
            Polled { name: name.value.0, ..body.value.0 }
        };
        Some(Self(named.0.into_iter().map(polled).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Named::<Id, Body>::schema(defs)
    }
}

/// A probe without its name, which is its key.
#[derive(Debug)]
struct Body(Polled);

impl Decode for Body {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ProbeForm::decode(node, cx)?;
        if let (Some(json), Some(metric)) = (node.key("json"), node.key("metric")) {
            let later = if json.span.start > metric.span.start { json } else { metric };
            let hint = "make it a probe of its own";
            cx.problem_hint(later.span, "`json` and `metric` are not given together", hint);
        }
        if let Some(metric) = &form.metric
            && metric.value.0.is_empty()
        {
            cx.problem(metric.span, "the name of a metric is not empty");
        }
        let reads = match (form.json, form.metric) {
            (Some(json), _) => PolledValue::Json(json.value.0),
            (None, Some(metric)) => PolledValue::Metric(metric.value.0),
            (None, None) => PolledValue::Nothing,
        };
        Some(Self(Polled {
            name: String::new(),
            url: form.http?.value.0,
            reads,
            every: form.every?.value.0,
            timeout: form.timeout?.value.0,
        }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = ProbeForm::schema(defs);
        defs.constrain("ProbeForm", "not", json!({ "required": ["json", "metric"] }));
        schema
    }
}

/// A place in JSON: a path from `$`, or a JSON pointer.
#[derive(Debug)]
struct Pointer(String);

impl Decode for Pointer {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("where the number is", cx)?;
        let found = if text.starts_with('/') { Some(text.to_owned()) } else { pointer(text) };
        if found.is_none() {
            let message = format!("{} does not say where the number is", excerpt(text));
            cx.problem_hint(node.span, message, "write $.path.to[0].value or /path/to/0/value");
        }
        found.map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^[$/]" })
    }
}
