//! `variables:` names for use in templates.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::source::{Context, Decode, Definitions, Kind, Named, Node, Text, excerpt};
use super::template::Name;

/// Bytes of a value at most: a value may be filled in many times.
const LONGEST: usize = 4096;

/// The variables, with what `--set` says instead of the file.
#[derive(Debug)]
pub(super) struct Variables(pub BTreeMap<String, String>);

impl Decode for Variables {
    /// Puts them into the context, where templates find them: they must be read before any template.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Some(named) = Named::<Name, Text>::decode(node, cx) else {
            // Those that can be read are kept, so that templates don't seem wrong as well.
            if let Kind::Map(entries) = &node.kind {
                for (key, value) in entries {
                    if let Kind::Scalar { text, .. } = &value.kind {
                        cx.variables.insert(key.name.clone(), text.clone());
                    }
                }
            }
            return None;
        };
        for (name, value) in named.0 {
            let (name, text) = (name.value.0, value.value.0);
            if text.contains("{{") {
                let message = "a variable can't hold a template";
                cx.problem_hint(value.span, message, "write it where the variable is used");
            } else if text.len() > LONGEST {
                let message = format!("{} is too long for a variable", excerpt(&text));
                cx.problem_hint(value.span, message, "at most 4096 bytes");
            }
            let text = cx.set.get(&name).cloned().unwrap_or(text);
            cx.variables.insert(name, text);
        }
        Some(Self(cx.variables.clone()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({
            "type": "object",
            "propertyNames": Name::schema(defs),
            "additionalProperties": Text::schema(defs),
        })
    }
}
