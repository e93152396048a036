//! The runs there are, each told as far as it can be read.

use jiff::Timestamp;
use serde_json::Value;

use super::{Store, StoreError};
use crate::ids::RunId;
use crate::record::{RunRecord, RunStatus, SweepPart, VerdictOutcome};

/// A run as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its id.
    pub id: RunId,
    /// When it started.
    pub started: Timestamp,
    /// The experiment's name.
    pub experiment: Option<String>,
    /// Its place in a sweep.
    pub sweep: Option<SweepPart>,
    /// How it stands.
    pub status: Option<RunStatus>,
    /// How it was judged.
    pub outcome: Option<VerdictOutcome>,
    /// The verdict in a sentence.
    pub headline: Option<String>,
    /// Why this longhaul can't read the run, when it can't.
    pub unreadable: Option<String>,
}

impl From<&RunRecord> for Listed {
    fn from(run: &RunRecord) -> Self {
        Self {
            id: run.id.clone(),
            started: run.anchor,
            experiment: Some(run.experiment.name.clone()),
            sweep: run.sweep.clone(),
            status: Some(run.status),
            outcome: run.verdict.as_ref().map(|v| v.outcome),
            headline: run.verdict.as_ref().map(|v| v.headline.clone()),
            unreadable: None,
        }
    }
}

/// What the table says, as it stands there.
struct Row {
    id: String,
    anchor_us: i64,
    status: String,
    record: String,
    verdict: Option<String>,
}

impl Store {
    /// All runs, newest first, those that can't be read too.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let rows = self.rows().map_err(|e| self.sqlite(e))?;
        Ok(rows.into_iter().filter_map(|row| self.listed(row)).collect())
    }

    fn rows(&self) -> rusqlite::Result<Vec<Row>> {
        self.db()
            .prepare_cached(
                "SELECT id, anchor_us, status, record, verdict FROM runs ORDER BY anchor_us DESC, key DESC",
            )?
            .query_map([], |row| {
                Ok(Row {
                    id: row.get(0)?,
                    anchor_us: row.get(1)?,
                    status: row.get(2)?,
                    record: row.get(3)?,
                    verdict: row.get(4)?,
                })
            })?
            .collect()
    }

    /// Nothing for a row that this program did not write.
    fn listed(&self, row: Row) -> Option<Listed> {
        let id: RunId = row.id.parse().ok()?;
        let anchor = Timestamp::from_microsecond(row.anchor_us).ok()?;
        let verdict = row.verdict.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let of_verdict = |name: &str| verdict.as_ref()?.get(name).cloned();
        let (started, experiment, sweep, unreadable) = match self.run(&id) {
            Ok(run) => (run.anchor, Some(run.experiment.name), run.sweep, None),
            Err(error) => (anchor, name_in(&row.record), None, Some(format!("failed to {error}"))),
        };
        Some(Listed {
            started,
            experiment,
            sweep,
            status: serde_json::from_str(&row.status).ok(),
            outcome: of_verdict("outcome").and_then(|o| serde_json::from_value(o).ok()),
            headline: of_verdict("headline").and_then(|h| Some(h.as_str()?.to_owned())),
            unreadable,
            id,
        })
    }
}

fn name_in(record: &str) -> Option<String> {
    let record: Value = serde_json::from_str(record).ok()?;
    Some(record.get("experiment")?.get("name")?.as_str()?.to_owned())
}
