//! How many instances each service will have, without starting anything.

use std::collections::BTreeMap;

use serde_json::Value;

use super::file;
use crate::experiment::{Compose, System, Target};

/// How many instances each service will have: for a Compose project `scale` or `deploy.replicas` of the
/// file (services behind a profile are not started), overridden by the experiment's `scale`. A compose
/// file that can't be read gives only what the experiment says. Starts nothing.
pub async fn replicas(target: &Target) -> BTreeMap<String, u32> {
    match &target.system {
        System::Process(process) => {
            process.services.iter().map(|(name, s)| (name.clone(), s.replicas)).collect()
        }
        System::External(external) => external
            .containers
            .iter()
            .map(|(name, list)| (name.clone(), u32::try_from(list.len()).unwrap_or(u32::MAX)))
            .collect(),
        System::Compose(compose) => {
            let compose = compose.clone();
            tokio::task::spawn_blocking(move || of_compose(&compose)).await.unwrap_or_default()
        }
    }
}

fn of_compose(compose: &Compose) -> BTreeMap<String, u32> {
    let parsed = file::read(&compose.file).and_then(|text| file::parse(&compose.file, &text));
    let mut counts = match parsed {
        Ok(map) => file::section(&map, "services")
            .filter(|(_, service)| !behind_profile(service))
            .map(|(name, service)| (name.clone(), count(service, &compose.env)))
            .collect(),
        Err(error) => {
            tracing::warn!(%error, "the replicas of the compose file are not known");
            BTreeMap::new()
        }
    };
    counts.extend(compose.scale.clone());
    counts
}

fn behind_profile(service: &Value) -> bool {
    service.get("profiles").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}

fn count(service: &Value, env: &BTreeMap<String, String>) -> u32 {
    let said = service.get("scale").or_else(|| service.pointer("/deploy/replicas"));
    let number = match said {
        Some(Value::Number(n)) => n.as_u64().and_then(|n| u32::try_from(n).ok()),
        Some(Value::String(text)) => filled_in(text, env).trim().parse().ok(),
        _ => None,
    };
    number.unwrap_or(1)
}

/// One `${NAME}`, `${NAME:-default}`, `${NAME-default}` or `$NAME`, filled in from `env`, else from the
/// environment.
fn filled_in(text: &str, env: &BTreeMap<String, String>) -> String {
    let Some(rest) = text.strip_prefix('$') else { return text.to_owned() };
    let inner = rest.strip_prefix('{').and_then(|r| r.strip_suffix('}')).unwrap_or(rest);
    let (name, default) =
        inner.split_once(":-").or_else(|| inner.split_once('-')).unwrap_or((inner, ""));
    let value = env.get(name).cloned().or_else(|| std::env::var(name).ok());
    value.filter(|v| !v.is_empty()).unwrap_or_else(|| default.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counts_come_from_file_then_experiment() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("compose.yaml");
        let text = "services:
  a: { image: x, scale: 2 }
  b: { image: x, deploy: { replicas: 3 } }
  c: { image: x }
  d: { image: x, scale: \"${N:-4}\" }
  e: { image: x, deploy: { replicas: \"${COUNT_E}\" } }
  tools: { image: x, profiles: [debug] }
";
        std::fs::write(&path, text).unwrap();
        let compose = Compose {
            file: path,
            project: "p".to_owned(),
            build: false,
            scale: [("c".to_owned(), 5)].into(),
            env: [("COUNT_E".to_owned(), "6".to_owned())].into(),
        };
        let target = Target { system: System::Compose(compose), ready: Vec::new() };
        let expected = [("a", 2), ("b", 3), ("c", 5), ("d", 4), ("e", 6)];
        assert_eq!(replicas(&target).await, expected.map(|(n, c)| (n.to_owned(), c)).into());
    }
}
