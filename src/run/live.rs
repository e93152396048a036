//! The owner loop's mind: what every input means. No I/O here: inputs in, outputs out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::state::{Step, next};
use crate::clock::{Clock, Offset};
use crate::evidence::Finding;
use crate::experiment::{Experiment, Timeline};
use crate::ids::FaultId;
use crate::record::{
    CaptureMoment, Event, EventKind, Evidence, FaultStage, GapSource, LedgerRow, LoadSlice, Phase,
    PlannedFault, Sample, Scrapes, SliceRow, StopCause, TargetAction, Victim,
};
use crate::target::{TargetEvent, TargetEventKind};
use crate::verdict::{Book, Looking, Steady, Suspicions, Watch};

/// What reaches the loop.
#[derive(Debug)]
pub(super) enum Input {
    /// A stop was asked for.
    Stop(StopCause),
    /// A fault moved on.
    Stage(FaultId, FaultStage),
    /// The target did something.
    Target(TargetEvent),
    /// A second of load.
    Slice(Box<LoadSlice>),
    /// The engine has something to tell.
    Load(Event),
    /// The engine is done, or gave up: why.
    LoadEnded(Option<String>),
    /// A round of readings.
    Samples(Vec<Sample>),
    /// Evidence, or scraped values.
    Found(Finding),
    /// A moment of the plan has come.
    Timer,
}

/// What the loop has to do.
#[derive(Debug)]
pub(super) enum Output {
    /// Store and show.
    Event(Event),
    /// Store and show, with the rate asked for.
    Slice(Box<LoadSlice>, Arc<SliceRow>, f64),
    /// Store and show.
    Samples(Vec<Sample>),
    /// Store and show.
    Ledger(Box<LedgerRow>),
    /// Judge whether something seems to leak, beside the loop, and show it.
    Look(Looking),
    /// Store.
    Evidence(Box<Evidence>),
    /// Store.
    Scrapes(Box<Scrapes>),
    /// Look at everybody in the target in detail.
    Capture(CaptureMoment),
    /// Start a fault.
    Inject(PlannedFault),
    /// Tell the faults that an instance has started.
    Started(Victim),
    /// Leave the loop.
    End,
}

/// What is under way when the load ends may take this long, and far less in truth: every request has its time.
const LONGEST_END: Duration = Duration::from_hours(1);

/// Everything the loop knows.
pub(super) struct Live {
    clock: Clock,
    phase: Phase,
    begin: Offset,
    timeline: Timeline,
    profile: (Offset, Offset),
    cool_end: Offset,
    cool_over: bool,
    /// When the profile ended; `None` as long as it has not begun.
    held_until: Option<Offset>,
    pending: VecDeque<PlannedFault>,
    book: Book,
    watch: Watch,
    suspicions: Suspicions,
    steady: Option<(Offset, Steady)>,
    load_ended: bool,
    /// Where the last slice ended.
    loaded_to: Offset,
    cooldown: Duration,
    captures: Captures,
    out: Vec<Output>,
}

/// When evidence is captured next during the profile.
#[derive(Clone, Copy)]
struct Captures {
    every: Duration,
    next: Offset,
}

impl Live {
    /// The loop of a run whose load begins at `begin`.
    pub(super) fn new(
        experiment: &Arc<Experiment>,
        faults: &[PlannedFault],
        clock: Clock,
        begin: Offset,
    ) -> Self {
        let timeline = experiment.load.timeline();
        let profile = (begin + timeline.warmup, begin + timeline.total);
        let ledger = experiment.sampling.ledger_interval(experiment.load.profile_length());
        let every = experiment.capture.interval(ledger);
        Self {
            clock,
            phase: Phase::Preparing,
            begin,
            profile,
            cool_over: false,
            held_until: None,
            cool_end: profile.1 + experiment.load.cooldown,
            pending: faults.iter().cloned().collect(),
            book: Book::new(experiment, faults, profile.0),
            watch: Watch::new(experiment, begin),
            suspicions: Suspicions::new(experiment, begin),
            steady: experiment.steady_state.as_ref().map(|state| {
                (profile.0 + state.lasts, Steady::new(state, &experiment.load, begin))
            }),
            timeline,
            load_ended: false,
            loaded_to: begin,
            cooldown: experiment.load.cooldown,
            captures: Captures { every, next: profile.0 + every },
            out: Vec::new(),
        }
    }

    /// When the plan next has something to do.
    pub(super) fn next_timer(&self) -> Offset {
        let phase_end = match self.phase {
            Phase::Preparing => self.begin,
            Phase::Warming => self.profile.0,
            Phase::Holding => self.profile.1,
            // The load's end wakes the loop by itself.
            _ if self.cool_over => self.cool_end + LONGEST_END,
            _ => self.cool_end,
        };
        let fault = match (self.phase, self.pending.front()) {
            (Phase::Holding, Some(f)) => self.profile.0 + f.at,
            _ => phase_end,
        };
        let steady = match (self.phase, &self.steady) {
            // One slice later, so that the last second of the window has arrived.
            (Phase::Holding, Some((end, _))) => *end + Duration::from_secs(1),
            _ => phase_end,
        };
        let capture = match self.phase {
            Phase::Holding => self.captures.next,
            _ => phase_end,
        };
        phase_end.min(fault).min(steady).min(capture)
    }

    /// What `input` means at `now`.
    pub(super) fn handle(&mut self, input: Input, now: Offset) -> Vec<Output> {
        match input {
            Input::Stop(cause) => self.stop(now, cause, "asked to stop".to_owned()),
            Input::Stage(fault, stage) => self.event(now, EventKind::Fault { fault, stage }),
            Input::Target(event) => self.target(now, event),
            Input::Slice(slice) => self.slice(slice),
            Input::LoadEnded(trouble) => {
                self.load_ended = true;
                if trouble.is_none() && !self.timeline.is_fixed() && self.loaded_to < self.profile.1
                {
                    self.profile.1 = self.loaded_to.max(self.profile.0);
                    self.cool_end = self.profile.1 + self.cooldown;
                }
                if let Some(why) = trouble {
                    self.stop(now, StopCause::Internal, format!("the load gave up: {why}"));
                }
            }
            Input::Samples(samples) => {
                self.book.samples(&samples);
                self.suspicions.samples(&samples);
                self.out.push(Output::Samples(samples));
            }
            Input::Found(Finding::Evidence(evidence)) => self.out.push(Output::Evidence(evidence)),
            Input::Found(Finding::Scrapes(scrapes)) => self.out.push(Output::Scrapes(scrapes)),
            Input::Load(event) | Input::Found(Finding::Event(event)) => {
                self.event(event.at, event.kind);
            }
            Input::Timer => {}
        }
        self.on_time(now);
        std::mem::take(&mut self.out)
    }

    /// Closes what is still open, at the end of the run.
    pub(super) fn close(&mut self) -> Vec<Output> {
        if let Some(until) = self.held_until {
            let rows = self.book.close_all(until);
            self.ledger(rows);
        }
        std::mem::take(&mut self.out)
    }

    fn on_time(&mut self, now: Offset) {
        if self.phase == Phase::Preparing && now >= self.begin {
            let step = if self.profile.0 > self.begin { Step::Ready } else { Step::Hold };
            self.step(step, self.begin);
        }
        if self.phase == Phase::Warming && now >= self.profile.0 {
            self.step(Step::Hold, self.profile.0);
        }
        if self.phase == Phase::Holding {
            self.judge_steady_state(now);
            while self.phase == Phase::Holding
                && self.pending.front().is_some_and(|f| self.profile.0 + f.at <= now)
            {
                self.out.extend(self.pending.pop_front().map(Output::Inject));
            }
            if now >= self.profile.1 {
                self.step(Step::ProfileOver, self.profile.1);
            } else if now >= self.captures.next {
                self.out.push(Output::Capture(CaptureMoment::Interval));
                while self.captures.next <= now {
                    self.captures.next = self.captures.next + self.captures.every;
                }
            }
        }
        if self.phase == Phase::Cooling && now >= self.cool_end {
            self.cool_over = true;
            if self.load_ended {
                self.out.push(Output::End);
            } else if now >= self.cool_end + LONGEST_END {
                let text = "a defect in longhaul: the load has not ended an hour after its time";
                self.stop(now, StopCause::Internal, text.to_owned());
            }
        }
    }

    fn judge_steady_state(&mut self, now: Offset) {
        let Some((end, _)) = &self.steady else { return };
        if now < *end + Duration::from_secs(1) {
            return;
        }
        let Some((_, steady)) = self.steady.take() else { return };
        let (held, detail) = steady.finish();
        self.event(now, EventKind::Steady { held, detail: detail.clone() });
        if !held {
            self.stop(now, StopCause::SteadyState, format!("steady state not reached: {detail}"));
        }
    }

    fn target(&mut self, now: Offset, event: TargetEvent) {
        match event.kind {
            TargetEventKind::Action { victim, action, engine_time } => {
                let started = action == TargetAction::Start;
                self.event(now, EventKind::Target { victim: victim.clone(), action, engine_time });
                if started {
                    self.out.push(Output::Started(victim));
                }
            }
            TargetEventKind::Gap { from, reason } => {
                let from = self.clock.offset_of_wall(from);
                self.event(now, EventKind::Gap { source: GapSource::Events, from, reason });
            }
        }
    }

    fn slice(&mut self, slice: Box<LoadSlice>) {
        if slice.from >= self.profile.0 && slice.to <= self.profile.1 {
            if let Some(reason) = self.watch.slice(&slice)
                && self.phase == Phase::Holding
            {
                self.stop(slice.to, StopCause::AbortWhen, reason);
            }
            if let Some((end, steady)) = &mut self.steady
                && slice.to <= *end
            {
                steady.slice(&slice);
            }
        }
        self.loaded_to = slice.to;
        self.book.slice(&slice);
        self.suspicions.slice(&slice);
        let rows = self.book.close_due(slice.to);
        let from = slice.from.since(self.begin);
        let to = slice.to.since(self.begin);
        let asked = if self.timeline.is_fixed() {
            self.timeline.due_before(to) - self.timeline.due_before(from)
        } else {
            slice.counts.scheduled as f64
        };
        let seconds = slice.to.since(slice.from).as_secs_f64().max(0.001);
        let row = Arc::new(SliceRow::from(&*slice));
        self.out.push(Output::Slice(slice, row, asked / seconds));
        // A row of the ledger is the time to look up.
        let look = rows.last().and_then(|row| self.suspicions.look(row.to));
        self.ledger(rows);
        self.out.extend(look.map(Output::Look));
    }

    fn ledger(&mut self, rows: Vec<LedgerRow>) {
        self.out.extend(rows.into_iter().map(|row| Output::Ledger(Box::new(row))));
    }

    fn stop(&mut self, now: Offset, cause: StopCause, reason: String) {
        if self.phase < Phase::Healing {
            self.event(now, EventKind::Stop { cause, reason });
            self.out.push(Output::End);
        }
    }

    /// Moves on, at the moment the plan says, and tells it.
    pub(super) fn step(&mut self, step: Step, at: Offset) {
        let after = next(self.phase, step);
        if after != self.phase {
            if self.phase == Phase::Holding {
                self.held_until = Some(at);
            }
            let loaded = matches!(self.phase, Phase::Warming | Phase::Holding);
            self.phase = after;
            self.event(at, EventKind::Phase { phase: after });
            match after {
                Phase::Holding => self.out.push(Output::Capture(CaptureMoment::WarmupEnd)),
                Phase::Cooling | Phase::Healing if loaded => {
                    self.out.push(Output::Capture(CaptureMoment::LoadEnd));
                }
                _ => {}
            }
        }
    }

    /// What `step` means, when it comes from outside the loop.
    pub(super) fn advance(&mut self, step: Step, at: Offset) -> Vec<Output> {
        self.step(step, at);
        std::mem::take(&mut self.out)
    }

    fn event(&mut self, at: Offset, kind: EventKind) {
        let event = Event { at, kind };
        self.book.event(&event);
        self.suspicions.event(&event);
        self.out.push(Output::Event(event));
    }
}

#[cfg(test)]
mod tests;
