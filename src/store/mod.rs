//! The embedded database: one SQLite file per data folder, written as a run happens.
//!
//! In go a run's records, through a [`Writer`] with a thread of its own; out comes a [`RunData`](crate::record::RunData) that can
//! be judged again. Commits come at least every 500 ms in WAL mode with `synchronous=NORMAL`, so a SIGKILL
//! of the process loses at most the last second; a loss of power may lose the commits since the last checkpoint
//! (a few minutes), never the database. Readers and other runs' writers work beside a writer.
//!
//! Fresh records are rows of their own. Once a minute is full its samples are packed column by column, and for
//! profiles past an hour its latency histograms are merged; neither loses a figure.
//!
//! **Invariant**: a failing disk never holds up a run. What can't be written is kept up to a bound, then counted
//! as lost and put on record as a gap once writing works again. This room computes nothing and judges nothing.
//!
//! What a table holds as a JSON document has a format too, stored with each run: a document of an earlier format is
//! brought to the present one as it is read, and never rewritten. A verdict that can't be read is as good as none: the
//! records tell it again.
//!
//! Beside the database: baselines, files of a person's own that hold a run in short ([`Baselines`]), and each run's own
//! digest, kept in its folder so that it is worked out once.

mod baseline;
mod baseline_file;
mod chunk;
mod codec;
mod documents;
mod error;
mod find;
mod insert;
mod list;
mod load;
mod open;
mod pack;
mod rollup;
mod schema;
mod scraped;
mod scribe;
mod writer;

#[cfg(test)]
mod crash_test;
#[cfg(test)]
mod evidence_test;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod full_disk_test;
#[cfg(test)]
mod round_trip_test;

pub use baseline::{BaselineError, Baselines};
pub use baseline_file::{read as read_baseline, text as baseline_text};
pub use error::StoreError;
pub use list::Listed;
pub use open::Store;
pub use writer::Writer;
