//! The waist of the hourglass: plain, serialisable facts that flow between rooms.
//!
//! Producers (`target`, `load`, `sample`, `fault`) and consumers (`store`, `verdict`, `report`, `cli`)
//! know these types and never each other. Nothing here does I/O or reads a clock.

mod clue;
mod event;
mod fault;
mod gauge;
mod histogram;
mod instance;
mod leak;
mod ledger;
mod run;
mod sample;
mod slice;
mod verdict;

pub use clue::{Clue, InstanceClues, Pattern};
pub use event::{Event, EventKind, GapSource, StopCause, TargetAction};
pub use fault::{FaultStage, NetworkCut, PlannedFault, Victim};
pub use gauge::Gauge;
pub use histogram::{Histogram, HistogramError};
pub use instance::{Endpoint, Endpoints, Health, Instance, InstanceState, Roster};
pub use leak::{
    Basis, ChangePoint, HoursToLimit, LeakCurves, LeakFinding, LeakResult, LeakVerdict, Range,
    Rival, Standing,
};
pub use ledger::{LedgerRow, ServiceRow};
pub use run::{Phase, PhaseMark, Provenance, RunData, RunRecord, RunStatus};
pub use sample::{Reading, Sample, Series, Subject};
pub use slice::{
    Counts, ErrorCount, HistogramRow, LoadSlice, Outcome, Quantiles, SliceRow, StepId, StepSlice,
};
pub use verdict::{
    Availability, FaultResult, LimitResult, Recovery, Side, Tier, Verdict, VerdictOutcome,
};
