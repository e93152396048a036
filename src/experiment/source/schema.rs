//! JSON Schema, put together from the same tables that reading uses.

use serde_json::{Map, Value, json};

use super::Need;
use super::node::is_null;

/// The named schemas of a document.
#[derive(Debug, Default)]
pub(in crate::experiment) struct Definitions(Map<String, Value>);

/// One key of a map, for the schema.
pub(in crate::experiment) struct Property {
    /// The key.
    pub key: &'static str,
    /// What it means.
    pub about: String,
    /// Whether it must be given.
    pub need: Need,
    /// What it holds.
    pub schema: Value,
}

impl Definitions {
    /// A map with these keys and no others, by reference.
    pub(in crate::experiment) fn object(
        &mut self,
        name: &str,
        about: &str,
        properties: Vec<Property>,
    ) -> Value {
        let mut keys = Map::new();
        let mut required = Vec::new();
        for Property { key, about, need, mut schema } in properties {
            schema["description"] = about.into();
            match need {
                Need::Required => required.push(Value::from(key)),
                Need::Optional => {}
                Need::Default(text) => schema["default"] = plain(text),
            }
            keys.insert(key.to_owned(), schema);
        }
        let mut object = json!({
            "type": "object",
            "description": about,
            "properties": keys,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            object["required"] = required.into();
        }
        self.put(name, object)
    }

    /// A map with exactly one of these keys, by reference.
    pub(in crate::experiment) fn one_of(
        &mut self,
        name: &str,
        about: &str,
        properties: Vec<(&'static str, String, Value)>,
    ) -> Value {
        let mut keys = Map::new();
        for (key, about, mut schema) in properties {
            schema["description"] = about.into();
            keys.insert(key.to_owned(), schema);
        }
        self.put(
            name,
            json!({
                "type": "object",
                "description": about,
                "properties": keys,
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            }),
        )
    }

    /// Adds to what is asked of a named schema.
    pub(in crate::experiment) fn constrain(&mut self, name: &str, key: &str, value: Value) {
        if let Some(schema) = self.0.get_mut(short(name)) {
            schema[key] = value;
        }
    }

    /// The named schemas.
    pub(in crate::experiment) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    fn put(&mut self, name: &str, schema: Value) -> Value {
        let name = short(name);
        debug_assert!(
            self.0.get(name).is_none_or(|other| other["properties"] == schema["properties"]),
            "two forms are called {name}"
        );
        self.0.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

fn short(name: &str) -> &str {
    name.trim_end_matches("Form")
}

/// A default's text as the value that YAML reads.
fn plain(text: &str) -> Value {
    match text {
        _ if is_null(text) => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        _ => text.parse::<u64>().map_or_else(|_| text.into(), Into::into),
    }
}

/// Doc lines as one text.
pub(in crate::experiment) fn about(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
