//! The schema accepts what reading accepts.

use serde_json::Value;

use super::fixture::{FULL, read};
use crate::experiment::schema;

/// Where `value` breaks `rule`: the subset of JSON Schema that the tables produce.
pub(super) fn faults(value: &Value, rule: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(name) = rule["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).expect("a definition");
        found.extend(faults(value, target, root, at));
    }
    for (word, asked) in rule.as_object().into_iter().flatten() {
        if !holds(word, asked, value, rule, root, at, &mut found) {
            found.push(format!("{at}: {word}: {asked}"));
        }
    }
    found
}

fn holds(
    word: &str,
    asked: &Value,
    value: &Value,
    rule: &Value,
    root: &Value,
    at: &str,
    found: &mut Vec<String>,
) -> bool {
    let fits = |rule: &Value| faults(value, rule, root, at).is_empty();
    let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
    let map = value.as_object();
    match word {
        "type" => match asked {
            Value::Array(any) => any.iter().any(|t| is(value, t)),
            one => is(value, one),
        },
        "const" => value == asked,
        "enum" => asked.as_array().unwrap().contains(value),
        "pattern" => value.as_str().is_none_or(|text| {
            regex_lite::Regex::new(asked.as_str().unwrap()).unwrap().is_match(text)
        }),
        "minimum" => value.as_u64().is_none_or(|n| n >= asked.as_u64().unwrap()),
        "maximum" => value.as_u64().is_none_or(|n| n <= asked.as_u64().unwrap()),
        "required" => map.is_none() || asked.as_array().unwrap().iter().all(has),
        "minItems" => value.as_array().is_none_or(|a| a.len() as u64 >= asked.as_u64().unwrap()),
        "minProperties" => map.is_none_or(|m| m.len() as u64 >= asked.as_u64().unwrap()),
        "maxProperties" => map.is_none_or(|m| m.len() as u64 <= asked.as_u64().unwrap()),
        "anyOf" => asked.as_array().unwrap().iter().any(fits),
        "oneOf" => asked.as_array().unwrap().iter().filter(|r| fits(r)).count() == 1,
        "not" => !fits(asked),
        "dependentRequired" => asked.as_object().unwrap().iter().all(|(key, needs)| {
            value.get(key).is_none() || needs.as_array().unwrap().iter().all(has)
        }),
        "items" => {
            for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                found.extend(faults(item, asked, root, &format!("{at}/{i}")));
            }
            true
        }
        "properties" | "additionalProperties" | "propertyNames" => {
            for (key, inner) in map.into_iter().flatten() {
                let own = rule["properties"].get(key);
                let (inner, rule) = match (word, own) {
                    ("properties", Some(rule)) => (inner, rule),
                    ("additionalProperties", None) => (inner, asked),
                    ("propertyNames", _) => (&Value::from(key.as_str()), asked),
                    _ => continue,
                };
                if *rule == Value::Bool(false) {
                    found.push(format!("{at}/{key}: unknown"));
                } else {
                    found.extend(faults(inner, rule, root, &format!("{at}/{key}")));
                }
            }
            true
        }
        "$ref" | "$schema" | "$defs" | "title" | "description" | "default" | "x-minimum"
        | "x-maximum" | "minLength" => true,
        other => panic!("the schema says {other}, which this check does not know"),
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    }
}

fn full() -> Value {
    serde_saphyr::from_str(FULL).unwrap()
}

/// Every map of `value`, by pointer, with the number of its entries.
fn maps(value: &Value, at: &str, list: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            list.push(at.to_owned());
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                maps(inner, &format!("{at}/{key}"), list);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                maps(inner, &format!("{at}/{i}"), list);
            }
        }
        _ => {}
    }
}

#[test]
fn the_whole_format_fits_the_schema() {
    let schema = schema();
    assert_eq!(faults(&full(), &schema, &schema, ""), Vec::<String>::new());
}

#[test]
fn a_key_that_reading_refuses_does_not_fit_either() {
    let schema = schema();
    let mut places = Vec::new();
    maps(&full(), "", &mut places);
    // Maps with keys of the user's own take any name; a JSON body takes anything.
    let own = |at: &str| {
        at.ends_with("/json")
            || [
                "/tags",
                "/variables",
                "/scale",
                "/scenarios",
                "/headers",
                "/scrape",
                "/heap",
                "/http/capture",
            ]
            .iter()
            .any(|own| at.ends_with(own))
    };
    let mut refused = 0;
    for place in places.into_iter().filter(|place| !own(place)) {
        let mut value = full();
        value.pointer_mut(&place).unwrap()["unheard-of"] = 1.into();
        assert_ne!(faults(&value, &schema, &schema, ""), Vec::<String>::new(), "{place}");
        let text = serde_json::to_string(&value).unwrap();
        let told = read(&text).unwrap_err();
        assert!(told.contains("unknown key \"unheard-of\""), "{place}: {told}");
        refused += 1;
    }
    assert!(refused > 40, "{refused}");
}

#[test]
fn the_schema_knows_the_same_values() {
    let schema = schema();
    for (from, to) in [
        ("version: 1", "version: 2"),
        ("rate: 50/s", "rate: 50"),
        ("weight: 8", "weight: 0"),
        ("for: 24h", "for: 24"),
        ("max: 512MiB", "max: 512"),
        ("overlap: allow", "overlap: maybe"),
        ("pick: one", "pick: none"),
        ("signal: SIGKILL", "signal: KILL"),
        ("arrival: constant", "arrival: random"),
        ("body: \"{{trace}}\"", "body: x, json: 1"),
        ("schedule: { at: [3h, 5h30m] }", "schedule: { at: 3h, every: 1h }"),
        ("schedule: { at: [3h, 5h30m] }", "schedule: {}"),
        ("p95: 500ms, warn: 300ms", "warn: 300ms"),
        ("scope: outside_faults", "scope: outside"),
        ("{ during: kill-one-api }", "{ before: kill-one-api }"),
        ("{ max: 50%, window: 5m }", "{ max: 50%, scope: during }"),
        ("{ error_rate: { max: 0.1% } }", "{ error_rate: { max: 0.1%, window: 1m } }"),
        ("within: 10%, warn: 5%", "within: 10"),
        ("of: limit", "of: host"),
        ("median: 30s, ", ""),
        ("between: [api]", "between: []"),
        ("name: stop-db", "name: ../x"),
        ("ready: { http: \"{{base}}/health\", within: 3m }", "ready: { within: 3m }"),
    ] {
        assert!(FULL.contains(from), "{from}");
        let value: Value = serde_saphyr::from_str(&FULL.replacen(from, to, 1)).unwrap();
        assert_ne!(faults(&value, &schema, &schema, ""), Vec::<String>::new(), "{to}");
        read(&FULL.replacen(from, to, 1)).expect_err(to);
    }
}
