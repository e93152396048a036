//! Which runs there are.

use std::time::Duration;

use rusqlite::OptionalExtension as _;

use super::{Store, StoreError};
use crate::ids::RunId;
use crate::record::RunRecord;

/// How many ids an ambiguity names.
const SHOWN: usize = 5;

impl Store {
    /// All runs, newest first. A run that this longhaul can't read is left out, with a warning in the log.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        Ok(self
            .ids("")?
            .iter()
            .filter_map(|id| match self.run(id) {
                Ok(run) => Some(run),
                Err(error) => {
                    tracing::warn!(run = %id, %error, "leaving out a run");
                    None
                }
            })
            .collect())
    }

    /// How far a run's records reach since its offset zero: its length, once it is over. `None` when there are none.
    pub fn reach(&self, id: &RunId) -> Result<Option<Duration>, StoreError> {
        let last = "SELECT max(
                ifnull((SELECT at_us FROM events WHERE run = runs.key ORDER BY id DESC LIMIT 1), 0),
                ifnull((SELECT to_us FROM slices WHERE run = runs.key ORDER BY id DESC LIMIT 1), 0))
            FROM runs WHERE id = ?";
        let db = self.db();
        let read = || -> rusqlite::Result<Option<i64>> {
            db.prepare_cached(last)?.query_row([id.as_str()], |row| row.get(0)).optional()
        };
        let us = read().map_err(|e| self.sqlite(e))?.and_then(|us| u64::try_from(us).ok());
        Ok(us.filter(|us| *us > 0).map(Duration::from_micros))
    }

    /// The run that `text` means: an id, the only id with this prefix, `latest`, or `latest~N`, the Nth before it.
    pub fn find(&self, text: &str) -> Result<RunId, StoreError> {
        if let Some(back) = back(text) {
            let ids = self.ids("")?;
            let runs = ids.len();
            return ids.into_iter().nth(back).ok_or_else(|| match runs {
                0 => self.no_runs(),
                _ => StoreError::TooFewRuns { text: text.to_owned(), runs },
            });
        }
        if text.is_empty() {
            return Err(self.unknown(text));
        }
        let mut ids = self.ids(text)?;
        if let Some(exact) = ids.iter().position(|id| id.as_str() == text) {
            return Ok(ids.swap_remove(exact));
        }
        if ids.len() > 1 {
            let candidates = ids.iter().take(SHOWN).map(ToString::to_string).collect();
            return Err(StoreError::Ambiguous { text: text.to_owned(), candidates });
        }
        ids.pop().ok_or_else(|| self.unknown(text))
    }

    /// The error that no run fits, with those there are.
    fn unknown(&self, text: &str) -> StoreError {
        let ids = self.ids("").unwrap_or_default();
        if ids.is_empty() {
            return self.no_runs();
        }
        let newest = ids.iter().take(SHOWN).map(ToString::to_string).collect();
        StoreError::UnknownRun { text: text.to_owned(), newest }
    }

    fn no_runs(&self) -> StoreError {
        StoreError::NoRuns { data: self.data().to_owned() }
    }

    /// Ids that start with `prefix`, newest first.
    pub(super) fn ids(&self, prefix: &str) -> Result<Vec<RunId>, StoreError> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<String>> {
            db.prepare_cached(
                "SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY anchor_us DESC, key DESC",
            )?
            .query_map([prefix], |row| row.get(0))?
            .collect()
        };
        let ids = read().map_err(|e| self.sqlite(e))?;
        // A text that is no id was not written by this program and names no folder.
        Ok(ids.into_iter().filter_map(|id| id.parse().ok()).collect())
    }
}

/// How many runs before the latest: 0 for `latest`, 2 for `latest~2`.
fn back(text: &str) -> Option<usize> {
    match text.strip_prefix("latest")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{Store, StoreError, fixture};

    #[tokio::test]
    async fn a_run_is_found_by_id_by_prefix_and_as_the_latest() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(matches!(store.find("latest"), Err(StoreError::NoRuns { .. })));
        for id in ["20261101-020000-a-0001", "20261102-020000-a-0001", "20261102-020000-a-00012"] {
            let mut run = fixture::run(id, "90m");
            run.anchor =
                format!("{}-{}-{}T02:00:00Z", &id[..4], &id[4..6], &id[6..8]).parse().unwrap();
            store.begin(&run).unwrap().close().await.unwrap();
        }
        assert_eq!(store.find("20261101").unwrap().as_str(), "20261101-020000-a-0001");
        assert_eq!(
            store.find("20261102-020000-a-0001").unwrap().as_str(),
            "20261102-020000-a-0001"
        );
        assert_eq!(store.find("latest").unwrap().as_str(), "20261102-020000-a-00012");
        assert_eq!(store.find("latest~2").unwrap().as_str(), "20261101-020000-a-0001");
        let text = store.find("latest~3").unwrap_err().to_string();
        assert!(text.contains("latest~3: there are only 3 runs"), "{text}");
        let text = store.find("202611").unwrap_err().to_string();
        assert!(text.contains("20261102-020000-a-0001, 20261101-020000-a-0001"), "{text}");
        for unknown in ["", "x", "%", "2026110_", "../../etc/passwd", "'; DROP TABLE runs; --"] {
            assert!(matches!(store.find(unknown), Err(StoreError::UnknownRun { .. })), "{unknown}");
        }
        let hint = store.find("x").unwrap_err().hint().unwrap();
        assert!(hint.starts_with("there are 20261102-020000-a-00012, "), "{hint}");
        assert_eq!(store.runs().unwrap().len(), 3);
    }
}
