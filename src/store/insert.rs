//! The statements that write one record each.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::chunk::{self, Point};
use super::open::json;
use super::{StoreError, scraped};
use crate::clock::Offset;
use crate::record::{
    Event, Evidence, HistogramRow, LedgerRow, Provenance, Quantiles, ScrapedKind, Scrapes,
    SliceRow, Subject,
};

/// Writes records of one run into an open transaction.
pub(super) struct Insert<'a> {
    pub(super) db: &'a Connection,
    pub(super) file: &'a Path,
    pub(super) run: i64,
}

impl Insert<'_> {
    pub(super) fn slice(&self, slice: &SliceRow) -> Result<(), StoreError> {
        let errors = if slice.errors.is_empty() {
            None
        } else {
            Some(json("errors of a slice", &slice.errors)?)
        };
        let c = &slice.counts;
        let [l0, l1, l2, l3, l4] = quantiles(&slice.latency);
        let [g0, g1, g2, g3, g4] = quantiles(&slice.lateness);
        self.execute(
            "INSERT INTO slices VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            params![
                self.run,
                us(slice.from),
                us(slice.to),
                c.scheduled as i64,
                c.ok as i64,
                c.failed as i64,
                c.timed_out as i64,
                c.not_sent as i64,
                slice.in_flight,
                slice.connections,
                slice.bytes_in as i64,
                slice.bytes_out as i64,
                l0,
                l1,
                l2,
                l3,
                l4,
                g0,
                g1,
                g2,
                g3,
                g4,
                errors,
                slice.waiting as i64
            ],
        )
        .map(|_| ())
    }

    pub(super) fn histogram(&self, row: &HistogramRow) -> Result<i64, StoreError> {
        let c = &row.counts;
        let statuses =
            if row.statuses.is_empty() { None } else { Some(json("statuses", &row.statuses)?) };
        self.execute(
            "INSERT INTO histograms VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            params![
                self.run,
                us(row.from),
                us(row.to),
                row.step.0,
                c.scheduled as i64,
                c.ok as i64,
                c.failed as i64,
                c.timed_out as i64,
                c.not_sent as i64,
                row.ok,
                row.bad,
                row.connect,
                row.tls,
                row.first_byte,
                row.bytes_in as i64,
                row.bytes_out as i64,
                statuses
            ],
        )
    }

    pub(super) fn chunk(&self, subject: &Subject, points: &[Point]) -> Result<i64, StoreError> {
        self.execute(
            "INSERT INTO samples VALUES (NULL,?,?,?)",
            params![self.run, subject.to_string(), chunk::encode(points)],
        )
    }

    pub(super) fn event(&self, event: &Event) -> Result<(), StoreError> {
        let text = json("event", event)?;
        self.execute(
            "INSERT INTO events VALUES (NULL,?,?,?)",
            params![self.run, us(event.at), text],
        )
        .map(|_| ())
    }

    pub(super) fn ledger(&self, row: &LedgerRow) -> Result<(), StoreError> {
        let text = json("ledger row", row)?;
        self.execute(
            "INSERT OR REPLACE INTO ledger VALUES (?,?,?)",
            params![self.run, row.number, text],
        )
        .map(|_| ())
    }

    pub(super) fn evidence(&self, evidence: &Evidence) -> Result<(), StoreError> {
        let text = json("evidence", evidence)?;
        self.execute(
            "INSERT INTO evidence VALUES (NULL,?,?,?,?)",
            params![self.run, us(evidence.from), evidence.instance.to_string(), text],
        )
        .map(|_| ())
    }

    pub(super) fn scrapes(&self, scrapes: &Scrapes) -> Result<(), StoreError> {
        let mut columns = Vec::with_capacity(scrapes.columns.len());
        for column in &scrapes.columns {
            let name = self.scraped_name(&column.name, column.kind)?;
            columns.push((name as u64, column.values.clone()));
        }
        let chunk = scraped::encode(&scrapes.at, &columns);
        self.execute(
            "INSERT INTO scrapes VALUES (NULL,?,?,?)",
            params![self.run, scrapes.subject.to_string(), chunk],
        )
        .map(|_| ())
    }

    /// The number under which a series' name is kept.
    fn scraped_name(&self, name: &str, kind: ScrapedKind) -> Result<i64, StoreError> {
        let kind = json("kind of a scraped series", &kind)?;
        let find = || -> rusqlite::Result<i64> {
            let mut known = self.db.prepare_cached(
                "SELECT key FROM scraped_names WHERE run = ? AND name = ? AND kind = ?",
            )?;
            if let Some(key) =
                known.query_row(params![self.run, name, kind], |row| row.get(0)).optional()?
            {
                return Ok(key);
            }
            self.db
                .prepare_cached("INSERT INTO scraped_names VALUES (NULL,?,?,?)")?
                .insert(params![self.run, name, kind])
        };
        find().map_err(|e| StoreError::sqlite(self.file, e))
    }

    pub(super) fn provenance(&self, provenance: &Provenance) -> Result<(), StoreError> {
        let text = json("provenance", provenance)?;
        self.execute("UPDATE runs SET provenance = ? WHERE key = ?", params![text, self.run])
            .map(|_| ())
    }

    pub(super) fn delete_histogram(&self, id: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM histograms WHERE id = ?", params![id]).map(|_| ())
    }

    pub(super) fn delete_chunk(&self, id: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM samples WHERE id = ?", params![id]).map(|_| ())
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<i64, StoreError> {
        let run = || -> rusqlite::Result<i64> {
            self.db.prepare_cached(sql)?.execute(values)?;
            Ok(self.db.last_insert_rowid())
        };
        run().map_err(|e| StoreError::sqlite(self.file, e))
    }
}

/// SQLite's integers are signed; the bits are kept as they are.
fn us(offset: Offset) -> i64 {
    offset.as_micros() as i64
}

fn quantiles(q: &Quantiles) -> [i64; 5] {
    [q.count, q.p50, q.p95, q.p99, q.max].map(|n| n as i64)
}
