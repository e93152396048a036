//! A container in detail, for the records.

use std::path::PathBuf;

use bollard::models::{ContainerInspectResponse, MountPoint};
use bollard::query_parameters::InspectContainerOptionsBuilder;
use serde_json::Value;

use super::Engine;
use super::error::engine_text;
use crate::record::ContainerFacts;

/// Words in the names of variables whose values are not kept.
const SECRETS: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL"];
const WITHHELD: &str = "(withheld)";

/// What the engine tells of one container at one moment.
#[derive(Clone, Debug)]
pub struct ContainerDetails {
    /// For the records.
    pub facts: ContainerFacts,
    /// Bytes in its own layer; `None` when the engine does not say.
    pub layer: Option<u64>,
    /// Bytes of the layer and the image below it.
    pub root: Option<u64>,
    /// What is mounted into it.
    pub mounts: Vec<ContainerMount>,
}

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerMount {
    /// Where the container sees it.
    pub path: String,
    /// `volume NAME`, `bind SOURCE` or `tmpfs`.
    pub kind: String,
    /// Where it is on the engine's machine; `None` for memory.
    pub source: Option<PathBuf>,
}

impl Engine {
    /// A container in detail, with the size of its layer: the engine counts that file by file.
    ///
    /// # Errors
    /// What the engine said instead, in words.
    pub async fn container_details(&self, id: &str) -> Result<ContainerDetails, String> {
        let options = InspectContainerOptionsBuilder::new().size(true).build();
        let found = self.docker().inspect_container(id, Some(options)).await;
        let found = found.map_err(|e| engine_text(&e))?;
        let image = found.image.clone().unwrap_or_default();
        // An image may be removed while its containers run: then it has no digests to tell.
        let digests = match self.docker().inspect_image(&image).await {
            Ok(image) => image.repo_digests.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(%image, %error, "no digests");
                Vec::new()
            }
        };
        details(&found, image, digests)
    }
}

fn details(
    found: &ContainerInspectResponse,
    image: String,
    digests: Vec<String>,
) -> Result<ContainerDetails, String> {
    let size = |bytes: Option<i64>| bytes.and_then(|n| u64::try_from(n).ok());
    let mut inspect = serde_json::to_value(found).map_err(|e| e.to_string())?;
    withhold(&mut inspect);
    Ok(ContainerDetails {
        facts: ContainerFacts { id: found.id.clone().unwrap_or_default(), image, digests, inspect },
        layer: size(found.size_rw),
        root: size(found.size_root_fs),
        mounts: found.mounts.iter().flatten().filter_map(mount).collect(),
    })
}

fn mount(found: &MountPoint) -> Option<ContainerMount> {
    let kind = found.typ.as_ref().map(ToString::to_string).unwrap_or_default();
    let source = found.source.clone().filter(|s| !s.is_empty());
    let named = match (kind.as_str(), &found.name, &source) {
        ("volume", Some(name), _) => format!("volume {name}"),
        ("bind", _, Some(source)) => format!("bind {source}"),
        _ => kind,
    };
    Some(ContainerMount {
        path: found.destination.clone()?,
        kind: named,
        source: source.map(PathBuf::from),
    })
}

/// Replaces the values of variables whose names speak of secrets.
fn withhold(inspect: &mut Value) {
    let Some(Value::Array(env)) = inspect.pointer_mut("/Config/Env") else { return };
    for entry in env {
        let Value::String(text) = entry else { continue };
        let Some((name, _)) = text.split_once('=') else { continue };
        let upper = name.to_ascii_uppercase();
        if SECRETS.iter().any(|word| upper.contains(word)) {
            *text = format!("{name}={WITHHELD}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_mounts_and_everything_but_secrets_are_kept() {
        let found: ContainerInspectResponse = serde_json::from_value(serde_json::json!({
            "Id": "abc", "SizeRw": 4096, "SizeRootFs": 12_000_000,
            "Config": { "Env": ["PATH=/bin", "DB_PASSWORD=hunter2", "api_key=k"] },
            "Mounts": [
                { "Type": "volume", "Name": "shop_data", "Source": "/var/lib/v/_data", "Destination": "/data" },
                { "Type": "bind", "Source": "/srv/x", "Destination": "/x" },
                { "Type": "tmpfs", "Source": "", "Destination": "/tmp" }
            ],
        }))
        .unwrap();
        let seen = details(&found, "sha256:1".to_owned(), Vec::new()).unwrap();
        assert_eq!((seen.layer, seen.root), (Some(4096), Some(12_000_000)));
        let kinds: Vec<_> =
            seen.mounts.iter().map(|m| (m.path.as_str(), m.kind.as_str())).collect();
        assert_eq!(
            kinds,
            [("/data", "volume shop_data"), ("/x", "bind /srv/x"), ("/tmp", "tmpfs")]
        );
        assert_eq!(seen.mounts[2].source, None);
        let text = seen.facts.inspect.to_string();
        assert!(text.contains("PATH=/bin") && text.contains("DB_PASSWORD=(withheld)"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("api_key=k"), "{text}");
    }
}
