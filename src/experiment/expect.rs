//! `expect:` what a good answer looks like.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::scalar;
use super::capture::{pattern, pointer};
use super::http_step::HeaderName;
use super::source::{
    Context, Decode, Definitions, Int, Lasting, Named, Node, OneOrMore, Text, excerpt, form,
};
use crate::units::{Bytes, optional_duration_text};

/// What a good answer looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Statuses that are good; empty: 200 to 399.
    pub status: Vec<u16>,
    /// A text that the body must contain.
    pub body_contains: Option<String>,
    /// A regular expression that the body must match somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_matches: Option<String>,
    /// Header fields by lower-case name, and what their value must be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Wanted)>,
    /// Values of the JSON body by pointer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<(String, Value)>,
    /// Bytes that the body must have at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_size: Option<Bytes>,
    /// Bytes that it may have at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Bytes>,
    /// From when the request was meant to be sent to its complete answer.
    #[serde(default, with = "optional_duration_text", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}

/// What the value of a header field must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// This text.
    Is(String),
    /// It must match this regular expression somewhere.
    Matches(String),
}

impl Expect {
    /// Whether the status is a good one.
    pub fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() {
            (200..400).contains(&status)
        } else {
            self.status.contains(&status)
        }
    }
}

form! {
    /// What a good answer looks like: all of it must hold. Of a body the first 1 MiB is looked at; one that is longer can't
    /// be told to hold what is looked for in it.
    struct ExpectForm {
        /// Good statuses, one or several; default: 200 to 399.
        status: OneOrMore<Int<100, 599>> = Optional,
        /// A text that the body must contain.
        body_contains: Text = Optional,
        /// A regular expression that the body must match somewhere.
        body_matches: Pattern = Optional,
        /// Header fields that must be there, by name: the value itself, or `regex:...` that it must match somewhere.
        headers: Named<HeaderName, WantedText, 1> = Optional,
        /// Values that a JSON body must have, by path: `$.path.to[0].value: 3`.
        json: Named<Path, Exactly, 1> = Optional,
        /// How large the body is, at least and at most.
        size: SizeForm = Optional,
        /// From when the request was meant to be sent to its complete answer; later counts as failed. 1ms to 1h.
        within: Lasting<1, 3_600_000> = Optional,
    }
}

form! {
    /// How large a body is.
    struct SizeForm {
        /// At least.
        min: Bytes = Optional,
        /// At most.
        max: Bytes = Optional,
    }
}

impl Decode for Expect {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ExpectForm::decode(node, cx)?;
        let size = form.size.map(|size| {
            let (min, max) = (size.value.min, size.value.max);
            match (&min, &max) {
                (None, None) => cx.problem(size.span, "give `min` or `max`"),
                (Some(min), Some(max)) if min.value > max.value => {
                    cx.problem(max.span, "`max` is below `min`");
                }
                _ => {}
            }
            (min.map(|b| b.value), max.map(|b| b.value))
        });
        let (min_size, max_size) = size.unwrap_or_default();
        Some(Self {
            status: form.status.map_or_else(Vec::new, |list| {
                list.value.0.into_iter().filter_map(|s| u16::try_from(s.value.0).ok()).collect()
            }),
            body_contains: form.body_contains.map(|text| text.value.0),
            body_matches: form.body_matches.map(|pattern| pattern.value.0),
            headers: form.headers.map_or_else(Vec::new, |headers| {
                let lower = |name: HeaderName| name.0.to_ascii_lowercase();
                headers.value.0.into_iter().map(|(k, v)| (lower(k.value), v.value.0)).collect()
            }),
            json: form.json.map_or_else(Vec::new, |json| {
                json.value.0.into_iter().map(|(k, v)| (k.value.0, v.value.0)).collect()
            }),
            min_size,
            max_size,
            within: form.within.map(|within| within.value.0),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ExpectForm::schema(defs)
    }
}

/// A regular expression.
#[derive(Debug)]
struct Pattern(String);

impl Decode for Pattern {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a regular expression", cx)?;
        pattern(text, node, cx).map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string" })
    }
}

/// What a header field must be, as written.
#[derive(Debug)]
struct WantedText(Wanted);

impl Decode for WantedText {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("the value of a header field", cx)?;
        Some(Self(match text.strip_prefix("regex:") {
            Some(text) => Wanted::Matches(pattern(text, node, cx)?),
            None => Wanted::Is(text.to_owned()),
        }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Text::schema(defs)
    }
}

/// A path into a JSON document, as its pointer.
#[derive(Debug)]
struct Path(String);

impl Decode for Path {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a path", cx)?;
        let pointer = pointer(text.trim());
        if pointer.is_none() {
            let message = format!("{} is not a path into JSON", excerpt(text));
            cx.problem_hint(node.span, message, "write $.path.to[0].value");
        }
        pointer.map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "pattern": "^\\s*\\$" })
    }
}

/// A value of JSON that is neither list nor map.
#[derive(Debug)]
struct Exactly(Value);

impl Decode for Exactly {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let value = scalar(node);
        if value.is_none() {
            let message =
                format!("expected a text, a number, true, false or null, found {}", node.what());
            cx.problem(node.span, message);
        }
        value.map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": ["string", "number", "boolean", "null"] })
    }
}
