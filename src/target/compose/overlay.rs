//! The second compose file: it puts the run's labels on everything the first one makes.

use serde_json::{Map, Value, json};

use super::file::section;

/// The overlay over `config`, the resolved project, as text. `version` is the first file's own
/// `version:`, which compose 1.x wants repeated. `old`: compose 1.x, where a network or volume in a later
/// file takes the place of the earlier one instead of adding to it.
pub(super) fn overlay(
    config: &Map<String, Value>,
    version: Option<&Value>,
    labels: &[(&str, String)],
    old: bool,
) -> String {
    let labels: Map<String, Value> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut document = Map::new();
    if let Some(version) = version {
        document.insert("version".to_owned(), version.clone());
    }
    let services = section(config, "services")
        .map(|(name, _)| (name.clone(), json!({ "labels": labels })))
        .collect::<Map<_, _>>();
    document.insert("services".to_owned(), Value::Object(services));
    for kind in ["networks", "volumes"] {
        let mut entries = section(config, kind)
            .filter(|(_, entry)| !is_external(entry))
            .map(|(name, entry)| (name.clone(), labelled(entry, &labels, old)))
            .collect::<Map<_, _>>();
        if kind == "networks" && config.get(kind).and_then(|n| n.get("default")).is_none() {
            entries.insert("default".to_owned(), json!({ "labels": labels }));
        }
        if !entries.is_empty() {
            document.insert(kind.to_owned(), Value::Object(entries));
        }
    }
    // JSON is YAML.
    format!("{:#}\n", Value::Object(document))
}

fn labelled(entry: &Value, labels: &Map<String, Value>, old: bool) -> Value {
    let mut whole = match entry {
        Value::Object(map) if old => map.clone(),
        _ => Map::new(),
    };
    let mut all = match whole.remove("labels") {
        Some(Value::Object(map)) => map,
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), json!(value))
            })
            .collect(),
        _ => Map::new(),
    };
    all.extend(labels.clone());
    whole.insert("labels".to_owned(), Value::Object(all));
    Value::Object(whole)
}

/// Whether somebody else makes and removes it.
pub(super) fn is_external(entry: &Value) -> bool {
    match entry.get("external") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(config: &Value, old: bool) -> Value {
        let labels = [("longhaul.run", "r1".to_owned())];
        let text = overlay(config.as_object().unwrap(), Some(&json!("3.8")), &labels, old);
        serde_saphyr::from_str(&text).unwrap()
    }

    fn config() -> Value {
        json!({
            "services": { "api": { "image": "x" }, "db": { "labels": { "a": "b" } } },
            "networks": { "back": { "ipam": { "config": [ { "subnet": "10.9.0.0/24" } ] }, "labels": { "a": "b" } },
                          "theirs": { "external": true } },
            "volumes": { "data": null, "shared": { "external": { "name": "x" } } },
        })
    }

    #[test]
    fn everything_that_compose_makes_is_labelled_and_nothing_else() {
        for old in [true, false] {
            let overlay = made(&config(), old);
            for path in [
                "/services/api",
                "/services/db",
                "/networks/back",
                "/networks/default",
                "/volumes/data",
            ] {
                let label = overlay.pointer(&format!("{path}/labels/longhaul.run"));
                assert_eq!(label, Some(&json!("r1")), "{path}");
            }
            assert_eq!(overlay.pointer("/networks/theirs"), None);
            assert_eq!(overlay.pointer("/volumes/shared"), None);
            assert_eq!(overlay["version"], "3.8");
        }
    }

    #[test]
    fn for_old_compose_a_network_is_repeated_in_full() {
        let repeated = made(&config(), true);
        assert_eq!(
            repeated.pointer("/networks/back/ipam/config/0/subnet"),
            Some(&json!("10.9.0.0/24"))
        );
        assert_eq!(repeated.pointer("/networks/back/labels/a"), Some(&json!("b")));
        let added = made(&config(), false);
        assert_eq!(added.pointer("/networks/back/ipam"), None);
    }
}
