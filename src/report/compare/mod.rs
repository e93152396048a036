//! Two runs, compared: for a terminal, as Markdown, as a page with paired charts, and for programs.

mod markdown;
mod page;
mod section;
mod terminal;
mod words;

pub(super) use markdown::section as markdown_section;
pub(super) use page::unit as metric_unit;
pub(super) use section::section as html_section;
pub use terminal::comparison_text;
pub(super) use words::{change as change_words, figure as figure_words, value as value_words};
pub use words::{difference_text, ways_out};

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::write::{ReportError, replace};
use crate::record::{Comparison, Digest};

/// Version of the document's form. It grows when a field changes its meaning or goes; new fields don't count.
const SCHEMA: u32 = 1;

/// The comparison for programs; `docs/compare.md` describes its fields.
pub fn comparison_json(comparison: &Comparison) -> Value {
    let mut document = json!({ "schema": SCHEMA, "tier": comparison.tier() });
    if let (Some(fields), Ok(Value::Object(own))) =
        (document.as_object_mut(), serde_json::to_value(comparison))
    {
        fields.extend(own);
    }
    document
}

/// Writes `compare.html`, `compare.md` and `compare.json` into `dir`, which is created.
pub fn write_comparison(
    comparison: &Comparison,
    a: &Digest,
    b: &Digest,
    dir: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let files = [
        ("compare.html", page::page(comparison, a, b)),
        ("compare.md", markdown::report(comparison)),
        ("compare.json", format!("{:#}\n", comparison_json(comparison))),
    ];
    write_all(&files, dir)
}

/// Writes files, each whole or not at all.
pub(super) fn write_all(files: &[(&str, String)], dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    std::fs::create_dir_all(dir).map_err(refused(dir))?;
    let write = |(name, text): &(&str, String)| {
        let path = dir.join(name);
        replace(&path, text).map_err(refused(&path))?;
        Ok(path)
    };
    files.iter().map(write).collect()
}

#[cfg(test)]
mod tests;
