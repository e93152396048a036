//! Writing reports to files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::leaks::Case;
use super::{html, junit, leak_json, leak_markdown, leak_series, markdown, summary};
use crate::record::{LogExcerpt, RunData, Verdict};

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

/// Writes the investigation of leaks into `dir`, which is created: `leak.html`, `leak.md`, `leak.json`, and under
/// `series/` the readings of each instance as CSV. Of one service, or of all; with what the instances printed around
/// the moments at which their gauges changed. Returns the paths.
pub fn write_leak(
    data: &RunData,
    verdict: &Verdict,
    dir: &Path,
    service: Option<&str>,
    logs: &[LogExcerpt],
) -> Result<Vec<PathBuf>, ReportError> {
    let facts = Facts::of(data, verdict).with_logs(logs);
    let json = serde_json::to_string_pretty(&leak_json::document(&facts, service))
        .map_err(|e| ReportError::Draw { file: "leak.json", reason: e.to_string() })?;
    let mut files = vec![
        ("leak.html".to_owned(), html::leak_page(&facts, service)),
        ("leak.md".to_owned(), leak_markdown::investigation(&facts, service)),
        ("leak.json".to_owned(), json + "\n"),
    ];
    for case in Case::all(&facts, service) {
        let service = file_name_part(&case.instance.service);
        let name = format!("series/{service}-{}.csv", case.instance.ordinal);
        files.push((name, leak_series::csv(&facts, &case)));
    }
    let series = dir.join("series");
    std::fs::create_dir_all(&series)
        .map_err(|source| ReportError::Write { path: series, source })?;
    files
        .into_iter()
        .map(|(name, text)| {
            let path = dir.join(name);
            replace(&path, &text)
                .map_err(|source| ReportError::Write { path: path.clone(), source })?;
            Ok(path)
        })
        .collect()
}

/// A service's name as part of a file's: no separators, no leading dot.
fn file_name_part(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let text: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{}{text}", if text.starts_with('.') { "_" } else { "" })
}

/// Writes a file that appears whole or not at all.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
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
