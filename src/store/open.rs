//! The store: where runs are kept.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::schema::{self, Migrated};
use super::{StoreError, Writer, documents};
use crate::ids::RunId;
use crate::record::{RunRecord, RunStatus, Verdict};

/// All runs of one data folder. Copies share one connection for reading; each run's [`Writer`] has its own.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    data: PathBuf,
    file: PathBuf,
    db: Mutex<Connection>,
}

/// How long a statement waits for another process's commit.
const BUSY: Duration = Duration::from_secs(5);
const FILE: &str = "longhaul.db";

impl Store {
    /// Opens `<data>/longhaul.db`; creates the folder and the file when they are missing.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data)
            .map_err(|source| StoreError::Folder { path: data.to_owned(), source })?;
        Self::open_file(data, data.join(FILE))
    }

    /// Opens `<data>/longhaul.db` when it is there; makes nothing. For whoever only reads.
    pub fn open_existing(data: &Path) -> Result<Option<Self>, StoreError> {
        let file = data.join(FILE);
        match std::fs::metadata(&file) {
            Ok(_) => Self::open_file(data, file).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Look { path: file, source }),
        }
    }

    fn open_file(data: &Path, file: PathBuf) -> Result<Self, StoreError> {
        let mut db = connect(&file)?;
        match schema::migrate(&mut db).map_err(|e| StoreError::sqlite(&file, e))? {
            Migrated::Ready => {}
            Migrated::Newer(found) => {
                return Err(StoreError::Newer { path: file, found, known: schema::FORMAT });
            }
            Migrated::Foreign => {
                let reason = "it holds another program's tables".to_owned();
                return Err(StoreError::Damaged { path: file, reason });
            }
        }
        Ok(Self { inner: Arc::new(Inner { data: data.to_owned(), file, db: Mutex::new(db) }) })
    }

    /// The folder for a run's other files: `<data>/runs/<id>`. An id can't lead out of it.
    pub fn run_dir(&self, id: &RunId) -> PathBuf {
        self.inner.data.join("runs").join(id.as_str())
    }

    /// Stores a run's fixed facts, makes its folder, and starts the thread that writes its records.
    pub fn begin(&self, run: &RunRecord) -> Result<Writer, StoreError> {
        let dir = self.run_dir(&run.id);
        std::fs::create_dir_all(&dir).map_err(|source| StoreError::Folder { path: dir, source })?;
        let db = connect(&self.inner.file)?;
        let inserted = db.execute(
            "INSERT INTO runs (id, anchor_us, status, record, provenance, verdict, documents)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
            rusqlite::params![
                run.id.as_str(),
                run.anchor.as_microsecond(),
                json("run status", &run.status)?,
                json("run", run)?,
                json("provenance", &run.provenance)?,
                run.verdict.as_ref().map(|v| json("verdict", v)).transpose()?,
                documents::FORMAT,
            ],
        );
        match inserted {
            Ok(1) => {}
            Ok(_) => return Err(StoreError::Exists { id: run.id.to_string() }),
            Err(e) => return Err(self.sqlite(e)),
        }
        let key = db.last_insert_rowid();
        Writer::start(db, self.inner.file.clone(), key, run)
    }

    /// Stores how a run was judged, and how it stands.
    pub fn set_verdict(
        &self,
        id: &RunId,
        verdict: &Verdict,
        status: RunStatus,
    ) -> Result<(), StoreError> {
        let (verdict, status) = (json("verdict", verdict)?, json("run status", &status)?);
        let changed = self.db().execute(
            "UPDATE runs SET verdict = ?, status = ? WHERE id = ?",
            [&verdict, &status, id.as_str()],
        );
        self.expect_one(changed, id)
    }

    /// Stores how a run stands.
    pub fn set_status(&self, id: &RunId, status: RunStatus) -> Result<(), StoreError> {
        let status = json("run status", &status)?;
        let changed = self
            .db()
            .execute("UPDATE runs SET status = ? WHERE id = ?", [status.as_str(), id.as_str()]);
        self.expect_one(changed, id)
    }

    fn expect_one(&self, changed: rusqlite::Result<usize>, id: &RunId) -> Result<(), StoreError> {
        match changed.map_err(|e| self.sqlite(e))? {
            0 => Err(StoreError::UnknownRun { text: id.to_string(), newest: Vec::new() }),
            _ => Ok(()),
        }
    }

    /// The data folder.
    pub(super) fn data(&self) -> &Path {
        &self.inner.data
    }

    /// The reading connection. A panic elsewhere can't leave it half-changed: SQLite rolls back.
    pub(super) fn db(&self) -> MutexGuard<'_, Connection> {
        self.inner.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error of SQLite's, with the file.
    pub(super) fn sqlite(&self, source: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.inner.file, source)
    }
}

/// A value as the JSON text that the tables hold.
pub(super) fn json(
    what: &'static str,
    value: &impl serde::Serialize,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Encode { what, reason: e.to_string() })
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    set_up(file).map_err(|e| StoreError::sqlite(file, e))
}

fn set_up(file: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(file)?;
    db.busy_timeout(BUSY)?;
    enter_wal(&db)?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "journal_size_limit", 16 << 20)?;
    db.set_prepared_statement_cache_capacity(32);
    Ok(db)
}

/// The change to WAL does not honour the busy timeout, so two first openers would trip over each other.
fn enter_wal(db: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let changed: rusqlite::Result<Option<String>> =
            db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).optional();
        match changed {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries < 100 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture;

    #[test]
    fn a_damaged_a_foreign_and_a_newer_file_are_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("longhaul.db");
        std::fs::write(&file, "no database, but long enough to look like one".repeat(100)).unwrap();
        let text = Store::open(dir.path()).err().unwrap().to_string();
        assert!(text.contains("longhaul.db: it is damaged or not a longhaul database"), "{text}");

        std::fs::remove_file(&file).unwrap();
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let text = Store::open(dir.path()).err().unwrap().to_string();
        assert!(text.contains("another program's tables"), "{text}");

        std::fs::remove_file(&file).unwrap();
        drop(Store::open(dir.path()).unwrap());
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let text = Store::open(dir.path()).err().unwrap().to_string();
        assert!(text.contains("format 99"), "{text}");
    }

    #[test]
    fn whoever_only_reads_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert!(Store::open_existing(&data).unwrap().is_none());
        assert!(!data.exists());
        drop(Store::open(&data).unwrap());
        assert!(Store::open_existing(&data).unwrap().is_some());
        let below_a_file = data.join("longhaul.db").join("data");
        assert!(matches!(Store::open_existing(&below_a_file), Err(StoreError::Look { .. })));
    }

    #[test]
    fn many_first_openers_get_along() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| Store::open(dir.path()).unwrap().runs().unwrap());
            }
        });
    }

    #[tokio::test]
    async fn a_run_begins_only_once_and_stays_inside_the_data_folder() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let run = fixture::run("once", "90m");
        let writer = store.begin(&run).unwrap();
        assert!(store.run_dir(&run.id).starts_with(dir.path().join("runs")));
        assert!(store.run_dir(&run.id).is_dir());
        assert!(matches!(store.begin(&run), Err(StoreError::Exists { .. })));
        writer.close().await.unwrap();
        let unknown: RunId = "never-was".parse().unwrap();
        assert!(matches!(
            store.set_status(&unknown, RunStatus::Interrupted),
            Err(StoreError::UnknownRun { .. })
        ));
    }
}
