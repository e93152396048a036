//! `capture:` what is looked at in detail, for whoever looks for a leak.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::known::ServiceName;
use super::source::{
    Context, Decode, Definitions, Kind, Lasting, Named, Node, OneOrMore, Several, Text, form,
};
use super::{template, url};
use crate::units::optional_duration_text;

/// What is captured besides what always is, and how often everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturePlan {
    /// Where heap profiles come from, by service.
    pub heap: BTreeMap<String, Vec<HeapSource>>,
    /// Time between two captures during the profile; default: the ledger's interval.
    #[serde(with = "optional_duration_text")]
    pub every: Option<Duration>,
}

/// Where a heap profile comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeapSource {
    /// A GET of this URL. With `<service>.target` as its host each instance is asked; else it is asked once,
    /// for the first instance.
    Url(String),
    /// The standard output of this command, run on this machine once for each instance. `{{pid}}` is the
    /// instance's process id, `{{container}}` its container id or, for a process, its name.
    Command(Vec<String>),
}

impl std::fmt::Display for HeapSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Command(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl CapturePlan {
    /// No capture follows another sooner, unless it is asked to.
    const SOONEST: Duration = Duration::from_secs(30);

    /// Time between two captures in a run whose ledger rows have this length.
    pub fn interval(&self, ledger: Duration) -> Duration {
        self.every.unwrap_or(ledger.max(Self::SOONEST))
    }
}

form! {
    /// What is captured besides what always is, and how often everything is.
    struct CaptureForm {
        /// Where heap profiles come from, by service: a URL, or a map with a `command`, or several.
        heap: Named<ServiceName, OneOrMore<HeapSource>> = Optional,
        /// Time between two captures during the profile, 5s to 24h; default: the ledger's interval.
        every: Lasting<5_000, 86_400_000> = Optional,
    }
}

form! {
    /// A heap profile that a command prints.
    struct HeapCommandForm {
        /// Program and arguments. `{{pid}}` is the instance's process id on this machine, `{{container}}`
        /// its container id, or a process's name.
        command: Several<Word, 1> = Required,
    }
}

impl Decode for CapturePlan {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = CaptureForm::decode(node, cx)?;
        let mut heap = BTreeMap::new();
        for (service, sources) in form.heap.into_iter().flat_map(|h| h.value.0) {
            let mut seen = BTreeSet::new();
            for source in &sources.value.0 {
                if !seen.insert(source.value.to_string()) {
                    cx.problem(source.span, "the same source twice");
                }
            }
            let sources = sources.value.0.into_iter().map(|source| source.value).collect();
            heap.insert(service.value.0, sources);
        }
        Some(Self { heap, every: form.every.map(|every| every.value.0) })
    }

    fn schema(defs: &mut Definitions) -> Value {
        CaptureForm::schema(defs)
    }
}

impl Decode for HeapSource {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if let Kind::Map(_) = node.kind {
            let form = HeapCommandForm::decode(node, cx)?;
            let words = form.command?.value.0;
            return Some(Self::Command(words.into_iter().map(|word| word.value.0).collect()));
        }
        InstanceUrl::decode(node, cx).map(|url| Self::Url(url.0))
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [InstanceUrl::schema(defs), HeapCommandForm::schema(defs)] })
    }
}

/// A URL that may lead to each instance of a service. Variables are filled in; secrets are named.
#[derive(Debug)]
pub(super) struct InstanceUrl(pub String);

impl Decode for InstanceUrl {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = template::fill(node, &[template::SECRET], cx)?;
        let host = url::http(&text, node.span, &mut cx.found)?;
        url::later(host, node.span, cx);
        Some(Self(text))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string" })
    }
}

/// A word of a command.
#[derive(Debug)]
struct Word(String);

impl Decode for Word {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        template::fill_word(node, &template::CAPTURED, cx).map(Self)
    }

    fn schema(defs: &mut Definitions) -> Value {
        Text::schema(defs)
    }
}
