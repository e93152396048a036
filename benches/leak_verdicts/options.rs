//! What is asked for.

use std::path::PathBuf;
use std::sync::OnceLock;

use longhaul::seed::Seed;

use crate::leak_corpus::{FAMILIES, Family, HORIZONS, Order};

/// Judges of leaks, judged.
#[derive(clap::Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Options {
    /// Series of each family, rate and length [default: 20, with --quick 4].
    #[arg(long, value_name = "N")]
    seeds: Option<usize>,
    /// Only families whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    families: Vec<String>,
    /// Only these lengths, in hours.
    #[arg(long, value_delimiter = ',')]
    hours: Vec<f64>,
    /// Only these rates, in percent per hour (families without a leak are drawn anyhow).
    #[arg(long, value_delimiter = ',')]
    rates: Vec<f64>,
    /// Few series, of up to 6 hours.
    #[arg(long)]
    quick: bool,
    /// Draw the series of this seed again [default: a new one].
    #[arg(long)]
    seed: Option<u64>,
    /// Threads [default: one per core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Only longhaul's method, without the rivals.
    #[arg(long)]
    pub(crate) alone: bool,
    /// Don't measure time and memory.
    #[arg(long)]
    pub(crate) no_cost: bool,
    /// List every series that was judged wrongly.
    #[arg(long)]
    pub(crate) misses: bool,
    /// Write the series and their labels to a folder instead of judging them.
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
    /// Judge the labelled series of a folder instead of drawing any.
    #[arg(long, value_name = "DIR")]
    pub(crate) traces: Option<PathBuf>,
    /// What cargo passes.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Series of each kind.
    pub(crate) fn seeds(&self) -> usize {
        self.seeds.unwrap_or(if self.quick { 4 } else { 20 })
    }

    /// Where all randomness comes from; without `--seed`, from the wall clock: series that nobody has seen.
    pub(crate) fn root(&self) -> Seed {
        static NEW: OnceLock<u64> = OnceLock::new();
        let new = || longhaul::clock::wall().as_microsecond().unsigned_abs() % 1_000_000_007;
        Seed(self.seed.unwrap_or_else(|| *NEW.get_or_init(new)))
    }

    /// Threads.
    pub(crate) fn jobs(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.unwrap_or(cores).max(1)
    }

    /// The series asked for.
    pub(crate) fn orders(&self) -> Result<Vec<Order>, String> {
        let asked = |family: &&Family| {
            self.families.is_empty() || self.families.iter().any(|f| family.name.contains(f))
        };
        let lengths = |hours: &&f64| {
            (self.hours.is_empty() || self.hours.contains(hours)) && (!self.quick || **hours <= 6.0)
        };
        let mut orders = Vec::new();
        for family in FAMILIES.iter().filter(asked) {
            for &hours in HORIZONS.iter().filter(lengths) {
                for &rate in family.rates() {
                    if rate == 0.0 || self.rates.is_empty() || self.rates.contains(&rate) {
                        let order = |index| Order { family, rate, hours, index };
                        orders.extend((0..self.seeds()).map(order));
                    }
                }
            }
        }
        if orders.is_empty() {
            let names: Vec<&str> = FAMILIES.iter().map(|f| f.name).collect();
            return Err(format!("no such series; families: {}", names.join("; ")));
        }
        Ok(orders)
    }
}
