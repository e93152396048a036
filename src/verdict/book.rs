//! The ledger of a run under way.

use std::time::Duration;

use super::ledger::Ledger;
use super::second::Second;
use super::{starts, windows};
use crate::clock::Offset;
use crate::experiment::Experiment;
use crate::record::{
    Event, EventKind, Histogram, LedgerRow, LoadSlice, Phase, PlannedFault, Sample, SliceRow,
};

/// A row waits so long past its end for the samples and events that belong to it.
const SETTLE: Duration = Duration::from_secs(2);
/// A row waits at most so long for slices.
const PATIENCE: Duration = Duration::from_secs(10);

/// The live ledger: give it everything as it happens, ask it for the rows that are due.
///
/// Its rows are those that judging the stored records gives, but for two things that only later records can
/// tell: `error_rate_outside_faults` of a row in which a fault had not yet recovered when it was closed (live
/// it leaves out at least as much), and records that came more than some seconds late (live they count in the next row).
/// It keeps about 110 bytes for each second of load.
#[derive(Clone, Debug)]
pub struct Book {
    ledger: Ledger,
    planned: Vec<PlannedFault>,
    timeout: Duration,
    events: Vec<Event>,
    loaded_to: Offset,
}

impl Book {
    /// A book for a run of `experiment` with these faults, whose profile (the phase `Holding`) begins at `profile_start`.
    pub fn new(experiment: &Experiment, faults: &[PlannedFault], profile_start: Offset) -> Self {
        Self {
            ledger: Ledger::new(experiment, profile_start),
            planned: faults.to_vec(),
            timeout: experiment.load.timeout,
            events: Vec::new(),
            loaded_to: Offset::ZERO,
        }
    }

    /// Takes a slice. Slices come in time order; those of the warm-up are passed over.
    pub fn slice(&mut self, slice: &LoadSlice) {
        self.loaded_to = self.loaded_to.max(slice.to);
        self.ledger.second(Second::from(&SliceRow::from(slice)));
        let mut all = Histogram::new();
        for step in &slice.steps {
            all.merge(&step.ok);
        }
        self.ledger.latency(slice.from, slice.to, &all);
    }

    /// Takes samples. Each subject's come in time order.
    pub fn samples(&mut self, samples: &[Sample]) {
        for s in samples {
            self.ledger.sample(&s.subject, s.at, s.epoch, &s.reading);
        }
    }

    /// Takes an event. The end of the phase `Holding` cuts the ledger short when it comes early.
    pub fn event(&mut self, event: &Event) {
        match event.kind {
            EventKind::Phase { phase } if phase > Phase::Holding => self.ledger.end_at(event.at),
            EventKind::Fault { .. } | EventKind::Target { .. } => self.events.push(event.clone()),
            _ => {}
        }
    }

    /// Closes the rows that ended before `now` and whose slices have come. Never the last row of the profile:
    /// answers to its last arrivals may still come.
    pub fn close_due(&mut self, now: Offset) -> Vec<LedgerRow> {
        let mut rows = Vec::new();
        while let Some((end, last)) = self.ledger.next_end() {
            let settled = now >= end + SETTLE && self.loaded_to >= end;
            if last || !(settled || now >= end + PATIENCE) {
                break;
            }
            rows.extend(self.close());
        }
        rows
    }

    /// Closes every row that is left, the last one at `end` (the end of the phase `Holding`) if it comes early.
    pub fn close_all(&mut self, end: Offset) -> Vec<LedgerRow> {
        self.ledger.end_at(end);
        std::iter::from_fn(|| self.close()).collect()
    }

    fn close(&mut self) -> Option<LedgerRow> {
        let profile = self.ledger.profile();
        let lives = windows::lives(&self.planned, &self.events);
        // An open fault is in force until now, and recovery is watched until now.
        let known = windows::Span { to: profile.to.min(self.loaded_to), ..profile };
        let windows =
            windows::find(&self.planned, &lives, self.ledger.seconds(), known, self.timeout);
        let starts = starts::find(&self.events, self.ledger.rebirths(), profile.from);
        self.ledger.close(&windows, &self.planned, &starts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::testing::{Synthetic, secs};
    use super::*;
    use crate::record::RunData;

    fn live(data: &RunData, slices: impl Iterator<Item = LoadSlice>) -> Vec<LedgerRow> {
        let (start, end) = data.phase(Phase::Holding).unwrap();
        let mut book = Book::new(&data.run.experiment, &data.run.faults, start);
        let mut rows = Vec::new();
        let (mut events, mut cursors) = (data.events.iter().peekable(), vec![0; data.series.len()]);
        for slice in slices {
            while let Some(event) = events.next_if(|e| e.at < slice.to) {
                book.event(event);
            }
            for (series, cursor) in data.series.iter().zip(&mut cursors) {
                while let Some((at, epoch, reading)) = series.points.get(*cursor)
                    && *at < slice.to
                {
                    let subject = series.subject.clone();
                    book.samples(&[Sample { at: *at, subject, epoch: *epoch, reading: *reading }]);
                    *cursor += 1;
                }
            }
            book.slice(&slice);
            rows.extend(book.close_due(slice.to + Duration::from_millis(20)));
        }
        events.for_each(|event| book.event(event));
        rows.extend(book.close_all(end));
        rows
    }

    fn stormy() -> Synthetic {
        Synthetic::hold(600)
            .fault("kill", 130, 12)
            .each(130..150, |s| (s.counts.ok, s.counts.failed) = (30, 20))
            .fault("cut", 400, 10)
            .memory(|k| (100 << 20) + k * 4096)
    }

    #[test]
    fn live_rows_and_stored_rows_are_the_same() {
        let run = stormy();
        let data = run.build();
        let rows = live(&data, run.slices());
        assert_eq!(rows.len(), 12);
        assert_eq!(rows, judge(&data).ledger);
        assert!(rows.iter().all(|r| r.counts.ended() == 2500 && r.latency.count > 2000));
        assert_eq!(rows[2].counts.failed, 400);
        assert_eq!(rows[2].faults, ["kill-1"]);
        assert_eq!(rows[2].services[0].restarts, 1);
    }

    #[test]
    fn a_run_that_is_stopped_early_has_the_same_rows_too() {
        let run = stormy().stop_at(333);
        let data = run.build();
        let rows = live(&data, run.slices());
        assert_eq!(rows, judge(&data).ledger);
        assert_eq!(rows.len(), 7);
        assert_eq!(rows[6].to.since(rows[0].from), secs(333));
    }

    #[test]
    fn latencies_rolled_up_by_the_minute_give_the_same_rows() {
        let run = Synthetic::hold(3900).fault("cut", 2000, 30);
        let (fine, rolled) = (run.build(), run.build_rolled());
        assert!(rolled.histograms.len() < fine.histograms.len() / 15);
        assert_eq!(judge(&fine).ledger, judge(&rolled).ledger);
    }

    #[test]
    fn a_row_waits_for_its_slices_but_not_for_ever() {
        let run = Synthetic::hold(600);
        let data = run.build();
        let (start, _) = data.phase(Phase::Holding).unwrap();
        let mut book = Book::new(&data.run.experiment, &data.run.faults, start);
        for slice in run.slices().take_while(|s| s.to < start + secs(49)) {
            book.slice(&slice);
        }
        assert!(book.close_due(start + secs(53)).is_empty());
        assert_eq!(book.close_due(start + secs(60)).len(), 1);
    }
}
