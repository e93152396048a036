//! `json:` and `body:` what a request carries.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

use super::source::{Context, Decode, Definitions, Kind, Node, excerpt};
use super::{Part, Template};

/// A request body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// JSON text with templates in it; sets `content-type: application/json` unless the step does.
    /// Every [`super::Part::Captured`] of it stands within a JSON string: its value must be escaped as
    /// the inside of one when it is filled in. Its text parts are escaped already.
    Json(Template),
    /// As written.
    Raw(Template),
}

/// A YAML value as JSON text with templates in it.
#[derive(Debug)]
pub(super) struct JsonBody(pub Template);

impl Decode for JsonBody {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let mut json = Template::default();
        write(node, &mut json, cx).then_some(Self(json))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({})
    }
}

/// Adds a value; false when it can't be written.
fn write(node: &Node, json: &mut Template, cx: &mut Context) -> bool {
    let mut good = true;
    match &node.kind {
        Kind::Scalar { text, plain, .. } => match bare(text, *plain) {
            Some(text) => json.push_text(&text),
            None if *plain && is_odd_number(text) => {
                let hint = "put quotes around it to send it as a text";
                cx.problem_hint(node.span, format!("JSON has no {}", excerpt(text)), hint);
                return false;
            }
            None => {
                let Some(template) = Template::decode(node, cx) else { return false };
                json.push_text("\"");
                for part in template.parts {
                    match part {
                        Part::Text(text) => json.push_text(&inside(&text)),
                        part => json.parts.push(part),
                    }
                }
                json.push_text("\"");
            }
        },
        Kind::List(items) => {
            json.push_text("[");
            for (i, item) in items.iter().enumerate() {
                json.push_text(if i == 0 { "" } else { "," });
                good &= write(item, json, cx);
            }
            json.push_text("]");
        }
        Kind::Map(entries) => {
            json.push_text("{");
            for (i, (key, value)) in entries.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                json.push_text(&format!("{comma}\"{}\":", inside(&key.name)));
                good &= write(value, json, cx);
            }
            json.push_text("}");
        }
    }
    good
}

/// The value of a text, number or truth value, with its type; `None` for a list or map.
pub(super) fn scalar(node: &Node) -> Option<Value> {
    let Kind::Scalar { text, plain, .. } = &node.kind else { return None };
    let bare = bare(text, *plain).and_then(|json| serde_json::from_str(&json).ok());
    Some(bare.unwrap_or_else(|| Value::from(text.as_str())))
}

/// A text as the inside of a JSON string.
fn inside(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// JSON for what YAML's core schema reads as null, truth or number; `None` for a text.
fn bare(text: &str, plain: bool) -> Option<String> {
    if !plain {
        return None;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some("null".to_owned()),
        "true" | "True" | "TRUE" => return Some("true".to_owned()),
        "false" | "False" | "FALSE" => return Some("false".to_owned()),
        _ => {}
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') {
        return None;
    }
    let number = if let Some(hex) = digits.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok().map(Number::from)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        u64::from_str_radix(octal, 8).ok().map(Number::from)
    } else if let Ok(n) = digits.parse::<i64>() {
        Some(n.into())
    } else if let Ok(n) = digits.parse::<u64>() {
        Some(n.into())
    } else if digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        digits.parse::<f64>().ok().and_then(Number::from_f64)
    } else {
        None
    };
    number.map(|n| n.to_string())
}

fn is_odd_number(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    text == ".inf" || text == ".nan"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::source::{Found, build};

    fn read(yaml: &str) -> Result<Template, String> {
        let mut found = Found::default();
        let root = build(yaml, &mut found).unwrap();
        let mut cx = Context::new("/".into(), found);
        cx.variables.insert("quote".to_owned(), "a\"b".to_owned());
        cx.captured.insert("token".to_owned());
        let body = JsonBody::decode(&root, &mut cx);
        match cx.found.into_problems("t".as_ref(), yaml) {
            Some(problems) => Err(problems.to_string()),
            None => Ok(body.unwrap().0),
        }
    }

    #[test]
    fn yaml_becomes_json_with_its_types() {
        let yaml = "{a: 1, b: '1', c: [true, null, ~, -2.50, 0x1F, 1e3], d: \"{{quote}}\\n\", e: x y, f: .5, g: 1.2.3}";
        let template = read(yaml).unwrap();
        let [Part::Text(text)] = &template.parts[..] else { panic!("{template:?}") };
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            value,
            json!({
                "a": 1, "b": "1", "c": [true, null, null, -2.5, 31, 1000.0], "d": "a\"b\n",
                "e": "x y", "f": 0.5, "g": "1.2.3"
            })
        );
    }

    #[test]
    fn places_stay_open_within_strings() {
        let template = read("user: \"u{{random_int(1, 5)}}\"\ntoken: \"{{token}}\"\n").unwrap();
        assert_eq!(
            template.parts,
            [
                Part::Text("{\"user\":\"u".to_owned()),
                Part::RandomInt(1, 5),
                Part::Text("\",\"token\":\"".to_owned()),
                Part::Captured("token".to_owned()),
                Part::Text("\"}".to_owned()),
            ]
        );
        assert!(read("a: .inf").unwrap_err().contains("JSON has no"));
        assert!(read("[x, '{{no}}']").unwrap_err().contains("t:1:8:"));
    }
}
