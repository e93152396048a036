//! Writing reports to files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::{html, junit, markdown, summary};
use crate::record::{RunData, Verdict};

/// The kinds of report files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `index.html`: one page with charts, for people.
    Html,
    /// `report.md`: for tickets and chats.
    Markdown,
    /// `summary.json`: for programs; see `docs/summary.md`.
    Json,
    /// `junit.xml`: for CI servers.
    Junit,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Html, Self::Markdown, Self::Json, Self::Junit];

    /// Name of its file in a report's folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Html => "index.html",
            Self::Markdown => "report.md",
            Self::Json => "summary.json",
            Self::Junit => "junit.xml",
        }
    }
}

/// Why a report was not written. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder or file could not be written.
    #[error("write the report {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A figure has no place in the format.
    #[error("draw {file}: {reason}")]
    Draw {
        /// Which file.
        file: &'static str,
        /// Why.
        reason: String,
    },
}

/// Writes the reports into `dir`, which is created, and returns their paths in the order asked for.
/// Each file appears whole or not at all; one that is there already is replaced.
pub fn write(
    data: &RunData,
    verdict: &Verdict,
    dir: &Path,
    formats: &[Format],
) -> Result<Vec<PathBuf>, ReportError> {
    let facts = Facts::of(data, verdict);
    std::fs::create_dir_all(dir)
        .map_err(|source| ReportError::Write { path: dir.to_owned(), source })?;
    formats
        .iter()
        .map(|&format| {
            let draw = |reason: String| ReportError::Draw { file: format.file_name(), reason };
            let text = match format {
                Format::Html => html::page(&facts),
                Format::Markdown => markdown::report(&facts),
                Format::Json => summary::text(&facts).map_err(|e| draw(e.to_string()))?,
                Format::Junit => junit::text(&facts).map_err(|e| draw(e.to_string()))?,
            };
            let path = dir.join(format.file_name());
            replace(&path, &text)
                .map_err(|source| ReportError::Write { path: path.clone(), source })?;
            Ok(path)
        })
        .collect()
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = std::fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    });
    if written.is_err() {
        // The first error is the one to tell.
        std::fs::remove_file(&fresh).ok();
    }
    written
}
