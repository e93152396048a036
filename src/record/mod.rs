//! The waist of the hourglass: plain, serialisable facts that flow between rooms.
//!
//! Producers (`target`, `load`, `sample`, `fault`) and consumers (`store`, `verdict`, `report`, `cli`)
//! know these types and never each other. Nothing here does I/O or reads a clock.

mod capacity;
mod clue;
mod comparison;
mod digest;
mod event;
mod evidence;
mod fault;
mod figure;
mod gauge;
mod heap_profile;
mod heap_sites;
mod histogram;
mod instance;
mod leak;
mod ledger;
mod log_excerpt;
mod memory_part;
mod run;
mod sample;
mod scrape;
mod slice;
mod sweep;
mod trend;
mod verdict;

pub use capacity::{Capacity, GaveWay, Level};
pub use clue::{Clue, InstanceClues, Pattern};
pub use comparison::{
    Against, Change, ComparedRun, Comparison, Difference, Finding, Line, Lines, Spread, Terms,
};
pub use digest::{Aspect, Digest, LoadDigest, ServiceDigest};
pub use event::{Event, EventKind, GapSource, StopCause, TargetAction};
pub use evidence::{
    CaptureMoment, Captured, ContainerFacts, Counted, Descriptors, Disk, Evidence, Extent, Folder,
    FolderUsage, Mapping, Mappings, MemoryKind, Sockets, Tally, Threads,
};
pub use fault::{FaultStage, NetworkCut, PlannedFault, Victim};
pub use figure::{Figure, Metric, MetricError};
pub use gauge::Gauge;
pub use heap_profile::{HeapProfile, ProfileBody, ProfileStatus};
pub use heap_sites::{HeapSite, HeapSites, SiteGrowth};
pub use histogram::{Histogram, HistogramError};
pub use instance::{Endpoint, Endpoints, Health, Instance, InstanceState, Roster};
pub use leak::{
    Basis, ChangePoint, GaugeUnit, HoursToLimit, LeakCurves, LeakFinding, LeakResult, LeakVerdict,
    OwnGauge, Range, Rival, Standing,
};
pub use ledger::{LedgerRow, ServiceRow};
pub use log_excerpt::LogExcerpt;
pub use memory_part::MemoryPart;
pub use run::{Phase, PhaseMark, Provenance, RunData, RunRecord, RunStatus};
pub use sample::{Reading, Sample, Series, Subject};
pub use scrape::{ScrapedColumn, ScrapedKind, ScrapedSeries, Scrapes, is_telling, probe_series};
pub use slice::{
    Counts, ErrorCount, HistogramRow, LoadSlice, Outcome, Quantiles, SliceRow, StepId, StepSlice,
};
pub use sweep::{Estimate, MeasuredRate, RateSource, SweepPart, SweepRun, SweepVerdict};
pub use trend::{Trend, TrendChange, TrendFinding, TrendPoint};
pub use verdict::{
    Availability, ErrorBudget, FaultResult, LimitResult, Recoveries, Recovery, Side, Tier, Times,
    Verdict, VerdictOutcome,
};
