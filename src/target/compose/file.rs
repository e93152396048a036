//! The compose file as data.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::TargetError;

const LARGEST: u64 = 4 << 20;

/// The file's text, at most 4 MiB.
pub(super) fn read(file: &Path) -> Result<String, TargetError> {
    let unusable = |reason: String| TargetError::ComposeFile { file: file.to_owned(), reason };
    let size = std::fs::metadata(file).map_err(|e| unusable(e.to_string()))?.len();
    if size > LARGEST {
        return Err(unusable("it is larger than 4 MiB".to_owned()));
    }
    std::fs::read_to_string(file).map_err(|e| unusable(e.to_string()))
}

/// YAML as a map.
pub(super) fn parse(file: &Path, text: &str) -> Result<Map<String, Value>, TargetError> {
    let unusable = |reason: String| TargetError::ComposeFile { file: file.to_owned(), reason };
    match serde_saphyr::from_str::<Value>(text).map_err(|e| unusable(e.to_string()))? {
        Value::Object(map) => Ok(map),
        _ => Err(unusable("it is not a mapping".to_owned())),
    }
}

/// The entries of one of its sections, `services`, `networks` or `volumes`.
pub(super) fn section<'a>(
    file: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    file.get(name).and_then(Value::as_object).into_iter().flatten()
}
