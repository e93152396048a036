//! Reading a run back.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, Transaction};
use serde::de::DeserializeOwned;

use super::chunk::{self, Point};
use super::documents::{Document, Documents};
use super::{Store, StoreError, scraped};
use crate::clock::Offset;
use crate::ids::RunId;
use crate::record::{
    Counts, Event, Evidence, HistogramRow, LedgerRow, Quantiles, RunData, RunRecord, ScrapedKind,
    ScrapedSeries, Series, SliceRow, StepId, Subject,
};

impl Store {
    /// Everything that is stored of a run, as of one moment: a run under way may be loaded too.
    pub fn load(&self, id: &RunId) -> Result<RunData, StoreError> {
        let (run, documents) = self.record(id)?;
        let mut db = self.db();
        let tx = db.transaction().map_err(|e| self.sqlite(e))?;
        let view = View { store: self, id, documents, tx: &tx };
        Ok(RunData {
            slices: view.slices()?,
            histograms: view.histograms()?,
            series: view.series()?,
            events: view.events()?,
            ledger: view.ledger()?,
            evidence: view.evidence()?,
            scraped: view.scraped()?,
            run,
        })
    }

    /// A run's fixed facts as they stand now. A verdict that can't be read is left out.
    pub fn run(&self, id: &RunId) -> Result<RunRecord, StoreError> {
        self.record(id).map(|(run, _)| run)
    }

    /// The fixed facts, and how to read the rest.
    fn record(&self, id: &RunId) -> Result<(RunRecord, Documents), StoreError> {
        let row = self
            .db()
            .query_row(
                "SELECT record, provenance, status, verdict, documents FROM runs WHERE id = ?",
                [id.as_str()],
                |row| {
                    let texts: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
                    Ok((texts, row.get::<_, Option<String>>(3)?, row.get(4)?))
                },
            )
            .optional()
            .map_err(|e| self.sqlite(e))?;
        let ([record, provenance, status], verdict, format) =
            row.ok_or_else(|| StoreError::UnknownRun { text: id.to_string(), newest: Vec::new() })?;
        let documents = Documents::new(id, format, &provenance)?;
        let mut run: RunRecord = documents.read(Document::Record, &record)?;
        run.provenance = documents.read(Document::Provenance, &provenance)?;
        run.status = documents.read(Document::Status, &status)?;
        run.verdict = verdict.and_then(|text| documents.verdict(&text));
        Ok((run, documents))
    }
}

struct View<'a> {
    store: &'a Store,
    id: &'a RunId,
    documents: Documents,
    tx: &'a Transaction<'a>,
}

impl View<'_> {
    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let all = || -> rusqlite::Result<Vec<T>> {
            self.tx.prepare_cached(sql)?.query_map([self.id.as_str()], read)?.collect()
        };
        all().map_err(|e| self.store.sqlite(e))
    }

    fn slices(&self) -> Result<Vec<SliceRow>, StoreError> {
        let rows = self.rows(
            "SELECT from_us, to_us, scheduled, ok, failed, timed_out, not_sent, in_flight, connections,
                    bytes_in, bytes_out,
                    latency_count, latency_p50_us, latency_p95_us, latency_p99_us, latency_max_us,
                    lateness_count, lateness_p50_us, lateness_p95_us, lateness_p99_us, lateness_max_us, errors, waiting
             FROM slices WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY from_us, id",
            |row| {
                let slice = SliceRow {
                    from: offset(row, 0)?,
                    to: offset(row, 1)?,
                    counts: counts(row, 2)?,
                    in_flight: row.get(7)?,
                    waiting: int(row, 22)?,
                    connections: row.get(8)?,
                    bytes_in: int(row, 9)?,
                    bytes_out: int(row, 10)?,
                    latency: quantiles(row, 11)?,
                    lateness: quantiles(row, 16)?,
                    errors: Vec::new(),
                };
                Ok((slice, row.get::<_, Option<String>>(21)?))
            },
        )?;
        rows.into_iter()
            .map(|(mut slice, errors)| {
                if let Some(text) = errors {
                    slice.errors = self.documents.read(Document::SliceErrors, &text)?;
                }
                Ok(slice)
            })
            .collect()
    }

    fn histograms(&self) -> Result<Vec<HistogramRow>, StoreError> {
        let rows = self.rows(
            "SELECT from_us, to_us, step, scheduled, ok, failed, timed_out, not_sent, ok_v2, bad_v2,
                    connect_v2, tls_v2, first_byte_v2, bytes_in, bytes_out, statuses
             FROM histograms WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY from_us, step, id",
            |row| {
                let read = HistogramRow {
                    from: offset(row, 0)?,
                    to: offset(row, 1)?,
                    step: StepId(row.get(2)?),
                    counts: counts(row, 3)?,
                    ok: row.get(8)?,
                    bad: row.get(9)?,
                    connect: row.get(10)?,
                    tls: row.get(11)?,
                    first_byte: row.get(12)?,
                    bytes_in: int(row, 13)?,
                    bytes_out: int(row, 14)?,
                    statuses: BTreeMap::new(),
                };
                Ok((read, row.get::<_, Option<String>>(15)?))
            },
        )?;
        rows.into_iter()
            .map(|(mut row, statuses)| {
                if let Some(text) = statuses {
                    row.statuses = self.documents.read(Document::Statuses, &text)?;
                }
                Ok(row)
            })
            .collect()
    }

    fn series(&self) -> Result<Vec<Series>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = self.rows(
            "SELECT subject, chunk FROM samples WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY id",
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut series: BTreeMap<Subject, Vec<Point>> = BTreeMap::new();
        for (name, bytes) in rows {
            let unreadable = |reason| self.documents.unreadable("samples", reason);
            let subject =
                subject(&name).ok_or_else(|| unreadable(format!("{name:?} names nobody")))?;
            let points = chunk::decode(&bytes).map_err(|e| unreadable(e.to_string()))?;
            series.entry(subject).or_default().extend(points);
        }
        Ok(series
            .into_iter()
            .map(|(subject, mut points)| {
                points.sort_by_key(|p| p.0);
                Series { subject, points }
            })
            .collect())
    }

    fn events(&self) -> Result<Vec<Event>, StoreError> {
        self.texts(
            Document::Event,
            "SELECT event FROM events WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY at_us, id",
        )
    }

    fn ledger(&self) -> Result<Vec<LedgerRow>, StoreError> {
        self.texts(
            Document::Ledger,
            "SELECT entry FROM ledger WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY number",
        )
    }

    fn evidence(&self) -> Result<Vec<Evidence>, StoreError> {
        let mut all: Vec<Evidence> = self.texts(
            Document::Evidence,
            "SELECT entry FROM evidence WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY from_us, id",
        )?;
        all.sort_by(|a, b| (a.from, &a.instance).cmp(&(b.from, &b.instance)));
        Ok(all)
    }

    fn scraped(&self) -> Result<Vec<ScrapedSeries>, StoreError> {
        type Name<'n> = (Subject, &'n str, ScrapedKind);
        let names: BTreeMap<u64, (String, String)> = self
            .rows(
                "SELECT key, name, kind FROM scraped_names WHERE run = (SELECT key FROM runs WHERE id = ?)",
                |row| Ok((int(row, 0)?, (row.get(1)?, row.get(2)?))),
            )?
            .into_iter()
            .collect();
        let rows: Vec<(String, Vec<u8>)> = self.rows(
            "SELECT subject, chunk FROM scrapes WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY id",
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut series: BTreeMap<Name<'_>, Vec<(Offset, f64)>> = BTreeMap::new();
        for (whose, bytes) in rows {
            let unreadable = |reason| self.documents.unreadable("scraped values", reason);
            let whose =
                subject(&whose).ok_or_else(|| unreadable(format!("{whose:?} names nobody")))?;
            let (at, columns) = scraped::decode(&bytes).map_err(|e| unreadable(e.to_string()))?;
            for (key, values) in columns {
                let (name, kind) = names
                    .get(&key)
                    .ok_or_else(|| unreadable(format!("series {key} has no name")))?;
                let kind = self.documents.read(Document::ScrapedKind, kind)?;
                let points = at.iter().zip(values).filter_map(|(at, v)| Some((*at, v?)));
                series.entry((whose.clone(), name, kind)).or_default().extend(points);
            }
        }
        Ok(series
            .into_iter()
            .map(|((subject, name, kind), mut points)| {
                points.sort_by_key(|p| p.0);
                ScrapedSeries { subject, name: name.to_owned(), kind, points }
            })
            .collect())
    }

    fn texts<T: DeserializeOwned>(
        &self,
        document: Document,
        sql: &str,
    ) -> Result<Vec<T>, StoreError> {
        let texts: Vec<String> = self.rows(sql, |row| row.get(0))?;
        texts.iter().map(|text| self.documents.read(document, text)).collect()
    }
}

/// The subject that [`Subject`]'s `Display` wrote. A service may be called `host`: instances carry a number.
fn subject(name: &str) -> Option<Subject> {
    match name {
        "host" => Some(Subject::Host),
        "longhaul" => Some(Subject::Longhaul),
        _ => {
            if let Some(probe) = name.strip_prefix("probe:") {
                return Some(Subject::Probe(probe.to_owned()));
            }
            let (service, ordinal) = name.rsplit_once('#')?;
            Some(Subject::Instance { service: service.to_owned(), ordinal: ordinal.parse().ok()? })
        }
    }
}

/// SQLite's integers are signed; the bits are kept as they are.
fn int(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)? as u64)
}

fn offset(row: &Row<'_>, column: usize) -> rusqlite::Result<Offset> {
    int(row, column).map(Offset::from_micros)
}

fn counts(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    Ok(Counts {
        scheduled: int(row, first)?,
        ok: int(row, first + 1)?,
        failed: int(row, first + 2)?,
        timed_out: int(row, first + 3)?,
        not_sent: int(row, first + 4)?,
    })
}

fn quantiles(row: &Row<'_>, first: usize) -> rusqlite::Result<Quantiles> {
    Ok(Quantiles {
        count: int(row, first)?,
        p50: int(row, first + 1)?,
        p95: int(row, first + 2)?,
        p99: int(row, first + 3)?,
        max: int(row, first + 4)?,
    })
}
