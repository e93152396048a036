//! The ledger of a run under way.

use std::time::Duration;

use super::ledger::Ledger;
use super::recovery;
use super::second::Second;
use super::starts::{self, Start};
use super::windows::{self, FaultWindow, Life, Span};
use crate::clock::Offset;
use crate::experiment::Experiment;
use crate::record::{
    Event, EventKind, Histogram, LedgerRow, LoadSlice, Phase, PlannedFault, Recovery, Sample,
    SliceRow,
};

/// A row waits so long past its end for the samples and events that belong to it.
const SETTLE: Duration = Duration::from_secs(2);
/// A row waits at most so long for slices.
const PATIENCE: Duration = Duration::from_secs(10);
/// Starts that no reading has shown yet are kept at most: an instance that starts again and again may never be read.
const MOST_STARTS: usize = 4096;

/// The live ledger: give it everything as it happens, ask it for the rows that are due.
///
/// Its rows are those that judging the stored records gives, but for two things that only later records can
/// tell: `error_rate_outside_faults` of a row in which a fault had not yet recovered when it was closed (live
/// it leaves out at least as much), and records that came more than some seconds late (live they count in the next row).
/// Its memory is bounded by the length of a row, however long the run: of closed rows it keeps the seconds that the
/// band of the next recovery comes from, and those of the last faults.
#[derive(Clone, Debug)]
pub struct Book {
    ledger: Ledger,
    planned: Vec<PlannedFault>,
    timeout: Duration,
    /// Per planned fault; one that is over and done with is as if it had never been.
    lives: Vec<Life>,
    starts: Vec<Start>,
    loaded_to: Offset,
}

impl Book {
    /// A book for a run of `experiment` with these faults, whose profile (the phase `Holding`) begins at `profile_start`.
    pub fn new(experiment: &Experiment, faults: &[PlannedFault], profile_start: Offset) -> Self {
        Self {
            ledger: Ledger::new(experiment, profile_start),
            planned: faults.to_vec(),
            timeout: experiment.load.timeout,
            lives: vec![Life::default(); faults.len()],
            starts: Vec::new(),
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
            EventKind::Fault { .. } => windows::live_on(&mut self.lives, &self.planned, event),
            _ => self.starts.extend(starts::told(event)),
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
        // An open fault is in force until now, and recovery is watched until now.
        let known = Span { to: profile.to.min(self.loaded_to), ..profile };
        let seconds = self.ledger.seconds();
        let windows = windows::find(&self.planned, &self.lives, seconds, known, self.timeout);
        let starts = starts::find(&self.starts, self.ledger.rebirths(), profile.from);
        let row = self.ledger.close(&windows, &self.planned, &starts);
        self.forget(&windows, known.to);
        row
    }

    /// Drops what no later row and no later recovery needs. Load is known until `known_to`.
    fn forget(&mut self, windows: &[FaultWindow], known_to: Offset) {
        let Some(next) = self.ledger.next_row() else { return };
        let watched_to = |n: usize| windows.get(n + 1).map_or(known_to, |w| w.force.from);
        let disturbed: Vec<Span> =
            windows.iter().enumerate().map(|(n, w)| w.disturbed(watched_to(n))).collect();
        let is_final = |n: usize| {
            let healed = self.lives[windows[n].fault].healed.is_some();
            let (measured, end) = (&windows[n].measured, windows[n].force.to);
            healed && (n + 1 < windows.len() || recovery::is_final(measured, end, known_to))
        };
        let past = (0..windows.len())
            .take_while(|&n| is_final(n) && windows[n].tail.max(disturbed[n].to) <= next.from)
            .count();
        // A recovery that is found must be found again; of a fault without one, the last seconds and whether the
        // workload ever left its band say all there is to say.
        let found = (past..windows.len())
            .filter(|&n| windows[n].measured.back.is_some() && is_final(n))
            .map(|n| windows[n].force.from)
            .min();
        for (n, window) in windows.iter().enumerate() {
            let life = &mut self.lives[window.fault];
            if n < past {
                *life = Life::default();
            } else if matches!(window.measured.recovery, Recovery::NotRecovered { .. }) {
                life.left_band = true;
            }
        }
        let open = windows.get(past).map_or(next.from, |window| window.force.from.min(next.from));
        let recent = next.from - recovery::MEMORY;
        let whole = found.map_or(recent, |found| found.min(recent));
        let baseline = recovery::baseline_from(self.ledger.seconds(), open, &disturbed);
        let calm = |s: &Second| s.from >= baseline && recovery::is_calm(s, &disturbed);
        self.ledger.forget(|second| second.to > whole || calm(second));
        let ledger = &self.ledger;
        self.starts.retain(|start| {
            let shown = |last| !starts::may_be_shown(start, last);
            start.at >= next.from || !ledger.last_reading(&start.who).is_some_and(shown)
        });
        let excess = self.starts.len().saturating_sub(MOST_STARTS);
        self.starts.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::testing::{Synthetic, secs};
    use super::*;
    use crate::record::RunData;

    fn live(data: &RunData, slices: impl Iterator<Item = LoadSlice>) -> Vec<LedgerRow> {
        live_watched(data, slices, &mut |_| {})
    }

    fn live_watched(
        data: &RunData,
        slices: impl Iterator<Item = LoadSlice>,
        watch: &mut dyn FnMut(&Book),
    ) -> Vec<LedgerRow> {
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
            watch(&book);
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

    /// What the book holds: seconds, starts, faults that are not done with.
    fn held(book: &Book) -> [usize; 3] {
        let open = book.lives.iter().filter(|life| life.injected.is_some()).count();
        [book.ledger.seconds().len(), book.starts.len(), open]
    }

    /// The live rows of a run, which are those of judging it, and the most that the book ever held.
    fn most_held(run: &Synthetic) -> [usize; 3] {
        let data = run.build();
        let mut most = [0; 3];
        let rows = live_watched(&data, run.slices(), &mut |book| {
            for (most, held) in most.iter_mut().zip(held(book)) {
                *most = (*most).max(held);
            }
        });
        assert_eq!(rows.len(), 12);
        for (live, judged) in rows.iter().zip(judge(&data).ledger) {
            // What a row leaves out as recovery may be more while the recovery goes on.
            let outside = judged.error_rate_outside_faults;
            assert_eq!(LedgerRow { error_rate_outside_faults: outside, ..live.clone() }, judged);
        }
        most
    }

    /// Twelve rows of ten minutes.
    fn long() -> Synthetic {
        Synthetic::hold(2 * 3600).rate(10.0)
    }

    fn hurt(s: &mut super::super::testing::Sec) {
        s.counts.failed = s.counts.ok / 2;
        s.counts.ok -= s.counts.failed;
    }

    /// An open row, the seconds of a band, and some of the last fault.
    const ROW: usize = 600 + 240 + 60;

    #[test]
    fn memory_does_not_grow_with_the_run() {
        let mut run = long();
        for n in 0..18 {
            let at = 200 + n * 400;
            let back = if n % 5 == 0 { 300 } else { 20 };
            run = run.fault("kill", at, 10).each(at..at + back, hurt);
        }
        let [seconds, starts, faults] = most_held(&run);
        assert!(seconds <= ROW + 400 && starts <= 4 && faults <= 3, "{seconds} {starts} {faults}");
    }

    #[test]
    fn memory_does_not_grow_with_a_fault_that_does_not_end() {
        // Healed only at the end, with a workload that minds it at first or not at all; and one that never comes back.
        for (lasts, bad) in [(6_900, 200..300), (6_900, 200..200), (10, 200..7200)] {
            let run = long().fault("cut", 200, lasts).each(bad.clone(), hurt);
            assert!(most_held(&run)[0] <= ROW + 200, "{lasts} {bad:?}");
        }
        // So early that there is no band to measure against.
        assert!(most_held(&long().fault("cut", 2, 10))[0] <= ROW);
    }

    #[test]
    fn an_instance_that_starts_all_the_time_and_is_never_read_does_not_fill_the_book() {
        let data = Synthetic::hold(600).build();
        let (start, _) = data.phase(Phase::Holding).unwrap();
        let mut book = Book::new(&data.run.experiment, &[], start);
        for (n, slice) in Synthetic::hold(600).slices().enumerate() {
            for ms in 0..20 {
                let mut event = super::super::testing::start_event("ghost", 1, n as u64);
                event.at = slice.from + Duration::from_millis(ms * 50);
                book.event(&event);
            }
            book.slice(&slice);
            book.close_due(slice.to);
        }
        assert!(held(&book)[1] <= MOST_STARTS + 50 * 20, "{:?}", held(&book));
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
