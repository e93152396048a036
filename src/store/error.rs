//! What can go wrong with the database.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store could not do as asked. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder or a run's folder could not be made.
    #[error("create the folder {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Whether there is a database could not be seen.
    #[error("look at {path}: {source}")]
    Look {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a sound database of longhaul's.
    #[error("use {path}: it is damaged or not a longhaul database ({reason})")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file was written by a later longhaul.
    #[error("use {path}: it has format {found}, this longhaul knows formats up to {known}")]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest format known here.
        known: u32,
    },
    /// SQLite refused.
    #[error("use the database {path}: {source}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// No run fits.
    #[error("find a run {text:?}: none here has this id or begins with it")]
    UnknownRun {
        /// What was asked for.
        text: String,
        /// The ids there are, newest first, at most five.
        newest: Vec<String>,
    },
    /// There is no run at all.
    #[error("find a run: none is recorded in {}", data.display())]
    NoRuns {
        /// The data folder.
        data: PathBuf,
    },
    /// There are not that many runs.
    #[error("find the run {text}: there are only {runs} runs")]
    TooFewRuns {
        /// What was asked for.
        text: String,
        /// How many there are.
        runs: usize,
    },
    /// Several runs fit.
    #[error("find a single run {text:?}: it could be {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// Ids that fit, newest first, at most five.
        candidates: Vec<String>,
    },
    /// A run with this id is already there.
    #[error("begin the run {id}: a run with this id is already stored")]
    Exists {
        /// The id.
        id: String,
    },
    /// A record that can't be read back.
    #[error("read the {what} of run {run}: {reason}")]
    Unreadable {
        /// Which kind of record.
        what: &'static str,
        /// Of which run.
        run: String,
        /// The version of longhaul that recorded the run, where that can still be read.
        by: Option<String>,
        /// Why.
        reason: String,
    },
    /// A newer longhaul recorded the run, in a form not known here.
    #[error(
        "read run {run}: its records have format {found}, this longhaul knows formats up to {known}"
    )]
    NewerRun {
        /// Which run.
        run: String,
        /// The format of its records.
        found: u32,
        /// The latest format known here.
        known: u32,
    },
    /// A record that can't be turned into text.
    #[error("encode the {what}: {reason}")]
    Encode {
        /// Which kind of record.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The writer's thread could not be started.
    #[error("start the recording thread: {0}")]
    Thread(std::io::Error),
    /// The last records could not be written.
    #[error("write the last records of the run ({records} of them): {reason}")]
    Unwritten {
        /// How many.
        records: u64,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// Whether it lies with what was asked for, a run or a data folder, and not with longhaul.
    pub fn is_askers(&self) -> bool {
        match self {
            Self::Folder { .. }
            | Self::Look { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::UnknownRun { .. }
            | Self::NoRuns { .. }
            | Self::TooFewRuns { .. }
            | Self::Ambiguous { .. }
            | Self::Unreadable { .. }
            | Self::NewerRun { .. } => true,
            Self::Database { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
            ),
            _ => false,
        }
    }

    /// What to do about it, if that can be said.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownRun { newest, .. } if newest.is_empty() => {
                "`longhaul runs` lists them".to_owned()
            }
            Self::UnknownRun { newest, .. } => {
                format!("there are {}; `longhaul runs` lists all", newest.join(", "))
            }
            Self::NoRuns { .. } => {
                "`longhaul demo` makes one; runs of another folder are read with --data DIR or \
                 LONGHAUL_DATA"
                    .to_owned()
            }
            Self::TooFewRuns { .. } => "`longhaul runs` lists them".to_owned(),
            Self::Ambiguous { .. } => "give more of the id".to_owned(),
            Self::Damaged { .. } => {
                "move the file away to start a new one, or name another folder with --data DIR or \
                 LONGHAUL_DATA"
                    .to_owned()
            }
            Self::Newer { .. } => {
                "use the newer longhaul, or another folder with --data DIR".to_owned()
            }
            Self::Unreadable { by, .. } => {
                let by = by.as_deref().unwrap_or("of another version");
                format!(
                    "the longhaul that recorded it ({by}) may still read it; all other runs can be used as before"
                )
            }
            Self::NewerRun { .. } => {
                "use the newer longhaul; all other runs can be used as before".to_owned()
            }
            _ if self.is_askers() => {
                "name a folder that can be written to with --data DIR or LONGHAUL_DATA".to_owned()
            }
            _ => return None,
        })
    }

    /// The fitting case for an error of SQLite's.
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path: path.to_owned(), reason: source.to_string() }
            }
            _ => Self::Database { path: path.to_owned(), source },
        }
    }

    /// Whether the same write may work later: the disk is full or busy, not the record wrong.
    pub(super) fn is_transient(&self) -> bool {
        let Self::Database { source, .. } = self else { return false };
        matches!(
            source.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::OutOfMemory
            )
        )
    }
}
