//! Latency histograms of a full minute, merged into one row per step.
//!
//! For a minute from where a fault begins and from where it ends, rows stay as they are: what ended under the fault,
//! while the target recovered, and otherwise can then be told apart to the second.

use std::collections::BTreeMap;
use std::time::Duration;

use super::StoreError;
use super::insert::Insert;
use crate::clock::Offset;
use crate::record::{HistogramError, HistogramRow, StepId, StepSlice};

/// Profiles longer than this are kept by the minute, shorter ones by the second.
const BY_SECOND: Duration = Duration::from_hours(1);
const MINUTE_US: u64 = 60_000_000;
/// So long from a fault's begin and from its end, rows stay by the second. Not less than a minute: no row then lies on
/// both sides.
const NEAR: Duration = Duration::from_mins(1);
/// Past this the minute is left unmerged on disk: a minute of 300 steps fits.
const MOST: usize = 20_000;

/// The histogram rows that are in the table second by second, with their row ids.
pub(super) struct Rollup {
    enabled: bool,
    /// First slice of the run: the warm-up's minutes count from here.
    origin: Option<Offset>,
    /// Start of the profile: its minutes count from here, so that no row holds judged and unjudged traffic.
    profile: Option<Offset>,
    fresh: Vec<(i64, HistogramRow)>,
    newest: Minute,
    /// Where faults lately began and ended.
    edges: Vec<Offset>,
}

/// Whether it belongs to the profile, and its number from the start of warm-up or profile.
type Minute = (bool, u64);

impl Rollup {
    /// For a profile of this length.
    pub(super) fn new(profile: Duration) -> Self {
        Self {
            enabled: profile > BY_SECOND,
            origin: None,
            profile: None,
            fresh: Vec::new(),
            newest: (false, 0),
            edges: Vec::new(),
        }
    }

    /// Takes note of the start of the profile.
    pub(super) fn profile_starts(&mut self, at: Offset) {
        self.profile = Some(at);
    }

    /// Takes note of where a fault begins or ends.
    pub(super) fn fault_turns(&mut self, at: Offset) {
        self.edges.push(at);
    }

    /// Takes note of a row that was committed.
    pub(super) fn stored(&mut self, id: i64, row: HistogramRow) {
        if !self.enabled {
            return;
        }
        if self.fresh.len() >= MOST {
            self.fresh.clear();
        }
        self.origin.get_or_insert(row.from);
        self.newest = self.newest.max(self.minute(row.from));
        self.fresh.push((id, row));
    }

    /// Whether a minute is full.
    pub(super) fn is_due(&self) -> bool {
        self.fresh.iter().any(|(_, row)| self.minute(row.from) < self.newest)
    }

    /// Merges the full minutes, or `all`. The caller commits, then calls [`Self::merged`].
    pub(super) fn merge(&self, insert: &Insert<'_>, all: bool) -> Result<(), StoreError> {
        let mut groups: BTreeMap<(Minute, StepId), Vec<&(i64, HistogramRow)>> = BTreeMap::new();
        for entry in &self.fresh {
            let minute = self.minute(entry.1.from);
            if (all || minute < self.newest) && !self.by_an_edge(&entry.1) {
                groups.entry((minute, entry.1.step)).or_default().push(entry);
            }
        }
        for group in groups.into_values().filter(|group| group.len() > 1) {
            // Rows that can't be merged stay as they are: nothing is lost by that.
            let Ok(whole) = merged(&group) else { continue };
            insert.histogram(&whole)?;
            for (id, _) in group {
                insert.delete_histogram(*id)?;
            }
        }
        Ok(())
    }

    /// Forgets what [`Self::merge`] merged.
    pub(super) fn merged(&mut self, all: bool) {
        let fresh = std::mem::take(&mut self.fresh);
        self.fresh = fresh
            .into_iter()
            .filter(|(_, row)| !all && self.minute(row.from) >= self.newest)
            .collect();
        if let Some((_, oldest)) = self.fresh.first() {
            self.edges.retain(|edge| *edge + NEAR > oldest.from);
        }
    }

    fn by_an_edge(&self, row: &HistogramRow) -> bool {
        self.edges.iter().any(|edge| *edge < row.to && row.from < *edge + NEAR)
    }

    fn minute(&self, at: Offset) -> Minute {
        match self.profile {
            Some(start) if at >= start => (true, (at.as_micros() - start.as_micros()) / MINUTE_US),
            _ => {
                let origin = self.origin.unwrap_or(Offset::ZERO).as_micros();
                (false, at.as_micros().saturating_sub(origin) / MINUTE_US)
            }
        }
    }
}

fn merged(group: &[&(i64, HistogramRow)]) -> Result<HistogramRow, HistogramError> {
    let first = &group[0].1;
    let (mut from, mut to, mut whole) = (first.from, first.to, StepSlice::new(first.step));
    for (_, row) in group {
        (from, to) = (from.min(row.from), to.max(row.to));
        whole.merge(&row.read()?);
    }
    Ok(HistogramRow::of(from, to, &whole))
}
