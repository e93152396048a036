//! `steady_state:` and `abort_when:` what must hold before the first fault, and what ends a run early.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Condition;
use super::limit::{LoadEntry, refuse};
use super::source::{Context, Decode, Definitions, Lasting, Node, Placed, Several, form};
use crate::units::{duration, duration_text};

/// What must hold before the first fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    /// For how long, at the start of the profile.
    #[serde(rename = "for", with = "duration_text")]
    pub lasts: Duration,
    /// What.
    pub require: Vec<Condition>,
}

/// What ends the run early, as failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortWhen {
    /// What is breached.
    pub breached: Condition,
    /// Over the last so long.
    #[serde(with = "duration_text")]
    pub window: Duration,
}

form! {
    /// What must hold before the first fault.
    struct SteadyStateForm {
        /// For how long, at the start of the profile, 1s to 24h.
        lasts["for"]: Lasting<1_000, 86_400_000> = Required,
        /// What must hold: limits on the load, without `warn`, `scope` and `window`.
        require: Several<Band, 1> = Required,
    }
}

impl Decode for SteadyState {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = SteadyStateForm::decode(node, cx)?;
        cx.noted.steady = form.lasts.as_ref().map(|lasts| lasts.value.0);
        let Placed { value: Lasting(lasts), span } = form.lasts?;
        cx.later(move |known, found| {
            if let Some(profile) = known.profile()
                && lasts > profile
            {
                let hint = format!("the profile takes {}", duration(profile));
                found.add(span, "the steady state is watched past the profile", hint);
            }
        });
        let require = form.require?.value.0.into_iter().flat_map(|band| band.value.0).collect();
        Some(Self { lasts, require })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SteadyStateForm::schema(defs)
    }
}

/// The conditions of one entry: one for each figure.
#[derive(Debug)]
struct Band(Vec<Condition>);

const NOT_IN_BAND: [(&str, &str); 3] = [
    ("warn", "a steady state holds or it does not"),
    ("scope", "no fault has come yet"),
    ("window", "the steady state's `for` says it"),
];

impl Decode for Band {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        refuse(node, &NOT_IN_BAND, cx);
        let entry = LoadEntry::decode(node, cx)?;
        Some(Self(entry.conditions))
    }

    fn schema(defs: &mut Definitions) -> Value {
        without(&NOT_IN_BAND, defs)
    }
}

/// What ends the run early, as read.
#[derive(Debug)]
pub(super) struct AbortForm(pub(super) Vec<AbortWhen>);

const NOT_IN_ABORT: [(&str, &str); 2] = [
    ("warn", "it ends the run or it does not"),
    ("scope", "what happens under faults counts as well: choose the bound with them in mind"),
];
/// The window when none is given.
const MINUTE: Duration = Duration::from_mins(1);

impl Decode for AbortForm {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        refuse(node, &NOT_IN_ABORT, cx);
        let entry = LoadEntry::decode(node, cx)?;
        let window = entry.window.map_or(MINUTE, |window| window.value.0);
        let abort = |breached| AbortWhen { breached, window };
        Some(Self(entry.conditions.into_iter().map(abort).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        without(&NOT_IN_ABORT, defs)
    }
}

/// A limit on the load without some of its keys.
fn without(keys: &[(&str, &str)], defs: &mut Definitions) -> Value {
    let mut schema = LoadEntry::schema(defs);
    let any: Vec<Value> = keys.iter().map(|(key, _)| json!({ "required": [key] })).collect();
    schema["additionalProperties"] = json!({ "not": { "anyOf": any } });
    schema
}
