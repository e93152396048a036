//! Reports, drawn from what was stored and how it was judged.
//!
//! In go a [`RunData`](crate::record::RunData) and its [`Verdict`](crate::record::Verdict); out come files
//! ([`write()`]) and texts for a terminal ([`verdict_text`], [`ledger_text`]); likewise from a
//! [`Comparison`](crate::record::Comparison) of two runs, a [`Trend`](crate::record::Trend) over many, and a
//! [`SweepVerdict`](crate::record::SweepVerdict) on those of a sweep. The page is one file that needs
//! neither a network nor a script; its charts are drawn here.
//!
//! **Invariant**: every text that came from the target, the experiment or an engine is escaped on its way into
//! a report. This room never reads the target, judges nothing, and writes only inside the folder it is given.

mod capacity;
mod chart;
mod compare;
mod events;
mod facts;
mod figures;
mod found;
mod html;
mod junit;
mod leak_json;
mod leak_markdown;
mod leak_series;
mod leak_terminal;
mod leaks;
mod markdown;
mod opening;
mod own;
mod steps;
mod summary;
mod sums;
mod sweep;
mod table;
mod terminal;
mod trend;
mod write;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod leak_test;
#[cfg(test)]
mod page_test;
#[cfg(test)]
mod synthetic;

pub use compare::{comparison_json, comparison_text, difference_text, ways_out, write_comparison};
pub use figures::{count as count_text, outcome as outcome_text, span as span_text};
pub use found::found_text;
pub use leak_json::{LEAK_SCHEMA, leak_document};
pub use leak_terminal::leak_text;
pub use leaks::{suspicion_json, suspicion_text};
pub use summary::{SCHEMA, ledger as ledger_json, summary};
pub use sweep::{sweep_summary, sweep_text, write_sweep};
pub use table::Table;
pub use terminal::{figure as latency_text, ledger_line, ledger_text, verdict_text};
pub use trend::{trend_json, trend_text, write_trend};
pub use write::{Format, ReportError, write, write_leak};
