//! The tables, and how older files become newer ones.

use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as longhaul's: "lhdb" in its header.
const APPLICATION: i64 = 0x6c68_6462;

/// Each entry takes the file from the format of its index to the next. Entries never change once released.
const MIGRATIONS: [&str; 4] = [RUNS, EVIDENCE, STEPS, DOCUMENTS];

const RUNS: &str = "
    CREATE TABLE runs (
        key        INTEGER PRIMARY KEY,
        id         TEXT NOT NULL UNIQUE,
        anchor_us  INTEGER NOT NULL,
        status     TEXT NOT NULL,
        record     TEXT NOT NULL,
        provenance TEXT NOT NULL,
        verdict    TEXT
    );
    CREATE TABLE slices (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        from_us INTEGER NOT NULL, to_us INTEGER NOT NULL,
        scheduled INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL,
        timed_out INTEGER NOT NULL, not_sent INTEGER NOT NULL,
        in_flight INTEGER NOT NULL, connections INTEGER NOT NULL,
        bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
        latency_count INTEGER NOT NULL, latency_p50_us INTEGER NOT NULL, latency_p95_us INTEGER NOT NULL,
        latency_p99_us INTEGER NOT NULL, latency_max_us INTEGER NOT NULL,
        lateness_count INTEGER NOT NULL, lateness_p50_us INTEGER NOT NULL, lateness_p95_us INTEGER NOT NULL,
        lateness_p99_us INTEGER NOT NULL, lateness_max_us INTEGER NOT NULL,
        errors TEXT
    );
    CREATE INDEX slices_run ON slices(run);
    CREATE TABLE histograms (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        from_us INTEGER NOT NULL, to_us INTEGER NOT NULL,
        step INTEGER NOT NULL,
        scheduled INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL,
        timed_out INTEGER NOT NULL, not_sent INTEGER NOT NULL,
        ok_v2 BLOB NOT NULL, bad_v2 BLOB NOT NULL
    );
    CREATE INDEX histograms_run ON histograms(run);
    CREATE TABLE samples (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        subject TEXT NOT NULL,
        chunk BLOB NOT NULL
    );
    CREATE INDEX samples_run ON samples(run);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        at_us INTEGER NOT NULL,
        event TEXT NOT NULL
    );
    CREATE INDEX events_run ON events(run);
    CREATE TABLE ledger (
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        entry TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
";

const EVIDENCE: &str = "
    CREATE TABLE evidence (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        from_us INTEGER NOT NULL,
        instance TEXT NOT NULL,
        entry TEXT NOT NULL
    );
    CREATE INDEX evidence_run ON evidence(run);
    CREATE TABLE scraped_names (
        key INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        UNIQUE (run, name, kind)
    );
    CREATE TABLE scrapes (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE,
        subject TEXT NOT NULL,
        chunk BLOB NOT NULL
    );
    CREATE INDEX scrapes_run ON scrapes(run);
";

const STEPS: &str = "
    ALTER TABLE slices ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE histograms ADD COLUMN connect_v2 BLOB NOT NULL DEFAULT x'';
    ALTER TABLE histograms ADD COLUMN tls_v2 BLOB NOT NULL DEFAULT x'';
    ALTER TABLE histograms ADD COLUMN first_byte_v2 BLOB NOT NULL DEFAULT x'';
    ALTER TABLE histograms ADD COLUMN bytes_in INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE histograms ADD COLUMN bytes_out INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE histograms ADD COLUMN statuses TEXT;
";

/// What was recorded before documents had a format has format 0.
const DOCUMENTS: &str = "
    ALTER TABLE runs ADD COLUMN documents INTEGER NOT NULL DEFAULT 0;
";

/// The format this longhaul writes.
pub(super) const FORMAT: u32 = MIGRATIONS.len() as u32;

/// What became of [`migrate`].
pub(super) enum Migrated {
    /// The file has the present format.
    Ready,
    /// The file has this later format.
    Newer(u32),
    /// The file is another program's.
    Foreign,
}

/// Brings the file to the present format, in one transaction that other openers wait for.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<Migrated> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = tx.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: i64 = tx.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if objects > 0 && application != APPLICATION {
        return Ok(Migrated::Foreign);
    }
    if found > FORMAT {
        return Ok(Migrated::Newer(found));
    }
    for sql in &MIGRATIONS[found as usize..] {
        tx.execute_batch(sql)?;
    }
    if found < FORMAT {
        tx.pragma_update(None, "user_version", FORMAT)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
    }
    tx.commit()?;
    Ok(Migrated::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objects of a file, by name and text.
    fn objects(db: &Connection) -> Vec<(String, Option<String>)> {
        db.prepare("SELECT name, sql FROM sqlite_master ORDER BY name")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap()
    }

    #[test]
    fn a_file_of_every_older_format_becomes_like_a_new_one_and_keeps_its_rows() {
        let mut fresh = Connection::open_in_memory().unwrap();
        assert!(matches!(migrate(&mut fresh).unwrap(), Migrated::Ready));
        for format in 1..FORMAT {
            let mut old = Connection::open_in_memory().unwrap();
            for sql in &MIGRATIONS[..format as usize] {
                old.execute_batch(sql).unwrap();
            }
            old.pragma_update(None, "user_version", format).unwrap();
            old.pragma_update(None, "application_id", APPLICATION).unwrap();
            old.execute("INSERT INTO runs VALUES (1, 'a', 0, '', '', '', NULL)", []).unwrap();
            assert!(matches!(migrate(&mut old).unwrap(), Migrated::Ready), "format {format}");
            assert_eq!(objects(&old), objects(&fresh), "format {format}");
            let runs: i64 = old.query_row("SELECT count(*) FROM runs", [], |r| r.get(0)).unwrap();
            assert_eq!(runs, 1);
        }
    }
}
