//! The JSON documents in the tables: their format, and how one of an earlier format is read.
//!
//! Documents are what the types of `record` and `experiment` look like in serde's JSON. **The rule**: a change of such
//! a type that an older document would not survive (a field without a default, another name, another form) makes a
//! new format: an entry in [`CHANGES`] that brings a document to the new form, and a recorded run of the new format
//! among the fixtures. Documents stay as they were written.

mod first_limits;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StoreError;
use crate::ids::RunId;
use crate::record::Verdict;

/// Each entry takes a document from the format of its index to the next. Entries never change once released.
const CHANGES: [fn(Document, &mut Value); 1] = [first_limits::change];

/// The format of the documents that this longhaul writes.
pub(super) const FORMAT: u32 = CHANGES.len() as u32;

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Record,
    Provenance,
    Status,
    Event,
    Ledger,
    Evidence,
    SliceErrors,
    Statuses,
    ScrapedKind,
}

impl Document {
    fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Provenance => "provenance",
            Self::Status => "status",
            Self::Event => "events",
            Self::Ledger => "ledger",
            Self::Evidence => "evidence",
            Self::SliceErrors => "errors of a slice",
            Self::Statuses => "statuses of a step",
            Self::ScrapedKind => "kind of a scraped series",
        }
    }
}

/// Reads the documents of one run.
pub(super) struct Documents {
    run: String,
    format: u32,
    /// The version of longhaul that recorded the run.
    by: Option<String>,
}

impl Documents {
    /// An error when they are in a format of the future.
    pub(super) fn new(run: &RunId, format: u32, provenance: &str) -> Result<Self, StoreError> {
        let run = run.to_string();
        if format > FORMAT {
            return Err(StoreError::NewerRun { run, found: format, known: FORMAT });
        }
        let by = serde_json::from_str::<Value>(provenance)
            .ok()
            .and_then(|p| Some(p.get("longhaul")?.as_str()?.to_owned()))
            .filter(|version| !version.is_empty());
        Ok(Self { run, format, by })
    }

    /// Reads one, of whatever format it is.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        document: Document,
        text: &str,
    ) -> Result<T, StoreError> {
        let read = || {
            if self.format == FORMAT {
                return serde_json::from_str(text);
            }
            let mut value = serde_json::from_str(text)?;
            for change in &CHANGES[self.format as usize..] {
                change(document, &mut value);
            }
            serde_json::from_value(value)
        };
        read().map_err(|e| self.unreadable(document.name(), e.to_string()))
    }

    /// Reads a verdict. It has no format: whoever judges a run again writes it anew, and one that can't be read is
    /// judged again.
    pub(super) fn verdict(&self, text: &str) -> Option<Verdict> {
        match serde_json::from_str(text) {
            Ok(verdict) => Some(verdict),
            Err(error) => {
                tracing::info!(run = self.run, %error, "the stored verdict can't be read");
                None
            }
        }
    }

    /// The error that something of this run can't be read.
    pub(super) fn unreadable(&self, what: &'static str, reason: String) -> StoreError {
        StoreError::Unreadable { what, run: self.run.clone(), by: self.by.clone(), reason }
    }
}

#[cfg(test)]
mod tests;
