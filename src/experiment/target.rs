//! `target:` the system under test.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ready::ReadyAll;
use super::source::{Context, Decode, Definitions, Node, OneOrMore, form};
use super::{Compose, External, Process, Ready};

/// The system under test, and how to tell that it is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// How it is brought up.
    #[serde(flatten)]
    pub system: System,
    /// What must be true before load starts; all of them.
    pub ready: Vec<Ready>,
}

/// How the target is brought up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// A Compose project of its own.
    Compose(Compose),
    /// Child processes, without Docker.
    Process(Process),
    /// Containers that are already running: observed and hurt, never created or removed.
    External(External),
}

form! {
    /// The system under test: exactly one of `compose`, `process` and `external`.
    struct TargetForm {
        /// A Compose project of its own: brought up before the run, removed after it.
        compose: Compose = Optional,
        /// Child processes, without Docker.
        process: Process = Optional,
        /// Containers that are already running: observed and hurt, never created or removed.
        external: External = Optional,
        /// What must be true before load starts; all of them.
        ready: OneOrMore<ReadyAll> = Optional,
    }
}

const SYSTEMS: &str = "one of `compose`, `process` and `external`";

impl Decode for Target {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = TargetForm::decode(node, cx)?;
        let mut systems: Vec<_> = [
            form.compose.map(|c| (System::Compose(c.value), c.span)),
            form.process.map(|p| (System::Process(p.value), p.span)),
            form.external.map(|e| (System::External(e.value), e.span)),
        ]
        .into_iter()
        .flatten()
        .collect();
        for (_, span) in systems.drain(1.min(systems.len())..) {
            cx.problem_hint(span, "a second target", format!("give {SYSTEMS}"));
        }
        let given = |key: &str| node.has(key);
        if !["compose", "process", "external"].into_iter().any(given) {
            cx.problem_hint(
                node.span,
                "nothing says what the target is",
                format!("give {SYSTEMS}"),
            );
        }
        let ready = form.ready.map_or_else(Vec::new, |r| r.value.0);
        Some(Self {
            system: systems.pop()?.0,
            ready: ready.into_iter().flat_map(|r| r.value.0).collect(),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = TargetForm::schema(defs);
        let one = ["compose", "process", "external"].map(|key| json!({ "required": [key] }));
        defs.constrain("TargetForm", "oneOf", one.into_iter().collect());
        schema
    }
}
