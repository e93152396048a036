//! `secrets:` where values come from that the file must not hold.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::compose::EnvironmentName;
use super::source::{Context, Decode, Definitions, Kind, Named, Node, Text, choice, resolve};
use super::template::Name;

/// Where a secret's value comes from when a run begins. This is on record; the value never is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// This environment variable of longhaul's.
    Env(String),
    /// The text of this file, without a line break at its end.
    File(PathBuf),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

choice! {
    /// Where a secret's value comes from when a run begins.
    enum SecretForm {
        /// An environment variable of longhaul's, by its name.
        Env["env"]: EnvironmentName,
        /// The text of a file, relative to this file; a line break at its end is left out.
        File["file"]: Text,
    }
}

impl Decode for SecretSource {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if matches!(node.kind, Kind::Scalar { .. }) && !node.is_null() {
            // Not with the text itself: it may be the secret.
            let hint = "name its source: { env: NAME } or { file: PATH }";
            cx.problem_hint(node.span, "a secret's value does not belong into the file", hint);
            return None;
        }
        Some(match SecretForm::decode(node, cx)? {
            SecretForm::Env(name) => Self::Env(name.0),
            SecretForm::File(path) => Self::File(resolve(&cx.folder, &path.0)),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SecretForm::schema(defs)
    }
}

/// The secrets by name.
#[derive(Debug)]
pub(super) struct Sources(pub BTreeMap<String, SecretSource>);

impl Decode for Sources {
    /// Puts their names into the context, where templates find them: they must be read before any template.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        // By name even if one can't be read: templates that use it are not wrong.
        cx.secrets.extend(node.entries().map(|(key, _)| key.name.clone()));
        let named = Named::<Name, SecretSource>::decode(node, cx)?;
        Some(Self(named.0.into_iter().map(|(name, source)| (name.value.0, source.value)).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({
            "type": "object",
            "propertyNames": Name::schema(defs),
            "additionalProperties": SecretSource::schema(defs),
        })
    }
}
