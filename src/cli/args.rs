//! What can be typed.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::comparing;
use crate::experiment::Overrides;
use crate::ids::BaselineName;
use crate::record::{Aspect, Line, Metric};
use crate::units::{Bytes, Percent, Rate, parse_duration};

/// Endurance and chaos soak orchestrator: brings a system up, holds a steady rate on it for hours,
/// hurts it, heals it, and judges it.
#[derive(Debug, Parser)]
#[command(name = "longhaul", version, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Common {
    /// Print JSON on stdout instead of text: one document, or one a line while a run goes. Errors too.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Say less: only results and errors.
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Log more: -v info, -vv debug, -vvv trace. `LONGHAUL_LOG` takes a filter instead.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// How log lines on stderr are written.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub(super) log_format: LogFormat,
    /// Where runs are recorded.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LONGHAUL_DATA",
        default_value = ".longhaul"
    )]
    pub(super) data: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The main job in about two minutes, without any setup.
    ///
    /// With a Docker engine: brings a small system up in containers, holds a rate on it, kills one of its
    /// containers, cuts its network, heals both, judges and reports. Without one: the same system as
    /// child processes.
    Demo(DemoArgs),
    /// Carry out an experiment.
    Run(RunArgs),
    /// Check experiment files; start nothing.
    Validate(ValidateArgs),
    /// Judge series of readings, of any tool, for leaks.
    ///
    /// Each file is a CSV whose first line names the columns: `t_s` (seconds) and `anon` (bytes); optional are
    /// `epoch` (another whole number for each process life), `fault` (1 while a fault is in force) and `requests`
    /// (served so far). Others are passed over, and the order is free. With `--json` one line a file, in the order
    /// given: what is not known is null, and so is, within `hours_to_limit`, a time that never comes; of a file that
    /// can't be judged all is null but `error`, and the exit code is 3.
    Analyse(AnalyseArgs),
    /// Show what a run would do, when and to whom; start nothing.
    Plan(PlanArgs),
    /// Check what this machine can do.
    ///
    /// Exit codes: 0 when container targets can work here, 12 when the Docker engine or Compose is missing.
    /// What is only limited does not count.
    Doctor,
    /// Heal and remove whatever an earlier run left behind.
    Cleanup(CleanupArgs),
    /// Judge a recorded run, or a sweep, again and write its report.
    ///
    /// Needs the records only, never the target. Ends with the exit code of the verdict, as the run did: 0
    /// passed, 10 a limit breached, 11 inconclusive, 12 to 14 and the others as `longhaul run`; 2 when there
    /// is no such run.
    Report(ReportArgs),
    /// Investigate a recorded run for leaks: what grows, how fast, since when, and what it is.
    ///
    /// Judges every gauge of every instance against rival explanations and writes `leak.html`, `leak.md`, `leak.json`
    /// and the readings as CSV. Exits with 10 when something leaks.
    Leak(LeakArgs),
    /// Recorded runs.
    Runs(RunsArgs),
    /// Compare a run with an earlier one: is it slower or bigger?
    ///
    /// Exit codes: 0 compared; 16 a regression, with --fail-on-regression; 11 not comparable.
    Compare(CompareArgs),
    /// Runs in short, as files to commit and compare with.
    Baseline(BaselineArgs),
    /// A figure over an experiment's runs, and since when it is another.
    Trend(TrendArgs),
    /// Print the JSON Schema of the experiment file.
    Schema,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// How a run is shown and what stays of it.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Showing {
    /// Leave the target's containers up at the end. The next run of the same project then refuses to begin, until
    /// `longhaul cleanup` has taken them down.
    #[arg(long)]
    pub(super) keep_up: bool,
    /// Plain lines instead of the live view, also on a terminal.
    #[arg(long)]
    pub(super) no_tui: bool,
    /// Where reports are written: `DIR/<run>/`.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) out: PathBuf,
    /// How long a network fault outlives whoever renews it (1s to 5m).
    #[arg(long, value_name = "DURATION", env = "LONGHAUL_LEASE", default_value = "15s", value_parser = lease)]
    pub(super) lease: Duration,
    /// How network faults reach a container: from this host by process id, or through a helper container.
    #[arg(long, value_name = "WAY", default_value = "auto", hide_short_help = true)]
    pub(super) transport: TransportArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TransportArg {
    /// By process id where that works, else by helper container.
    Auto,
    /// By process id (needs root on the engine's host).
    Pid,
    /// By helper container.
    Container,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DemoArgs {
    /// Without Docker, also where there is an engine.
    #[arg(long)]
    pub(super) process: bool,
    #[command(flatten)]
    pub(super) showing: Showing,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RunArgs {
    /// The experiment.
    pub(super) file: PathBuf,
    /// Compare the run with this baseline (name or file) or run; a regression fails it.
    #[arg(long, value_name = "REF")]
    pub(super) baseline: Option<String>,
    #[command(flatten)]
    pub(super) comparing: ComparingArgs,
    #[command(flatten)]
    pub(super) overrides: OverrideArgs,
    #[command(flatten)]
    pub(super) showing: Showing,
}

/// Changes to the experiment for this one run.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct OverrideArgs {
    /// Length of the profile's one `hold`.
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub(super) duration: Option<Duration>,
    /// Rate of the profile's one `hold`.
    #[arg(long, value_name = "R")]
    pub(super) rate: Option<Rate>,
    /// The seed of all randomness.
    #[arg(long, value_name = "N", value_parser = seed)]
    pub(super) seed: Option<u64>,
    /// A variable of the file.
    #[arg(long, value_name = "K=V", value_parser = Overrides::key_value)]
    pub(super) set: Vec<(String, String)>,
    /// A tag.
    #[arg(long, value_name = "K=V", value_parser = Overrides::key_value)]
    pub(super) tag: Vec<(String, String)>,
}

impl From<&OverrideArgs> for Overrides {
    fn from(args: &OverrideArgs) -> Self {
        Self {
            duration: args.duration,
            rate: args.rate,
            seed: args.seed,
            set: args.set.clone(),
            tag: args.tag.clone(),
        }
    }
}

/// By what rules runs are compared.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct ComparingArgs {
    /// Compare although the runs differ in this: length, faults, target, resources, sampling, machine, outcome.
    #[arg(long, value_name = "ASPECT", value_delimiter = ',', value_parser = comparing::aspect)]
    pub(super) accept: Vec<Aspect>,
    /// How much worse a metric may become before it warns and before it fails: METRIC=WARN/FAIL or METRIC=off.
    /// Default: mean=10%/20%, p95=15%/25%, throughput=5%/10%, `error_rate=0.5%/1%` (points), memory=20%/50%;
    /// p50, p99, cpu, descriptors and threads are compared when they get a line.
    #[arg(long, value_name = "LINE", value_parser = comparing::line)]
    pub(super) line: Vec<(Metric, Option<Line>)>,
    /// The folder of baselines.
    #[arg(long, value_name = "DIR", env = "LONGHAUL_BASELINES", default_value = "baselines")]
    pub(super) baselines: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CompareArgs {
    /// The run to compare with: id, unique prefix, `latest`, `latest~1`, a baseline's name, or its file.
    pub(super) a: String,
    /// The run to judge, likewise.
    #[arg(default_value = "latest")]
    pub(super) b: String,
    /// Exit with 16 when a figure is worse beyond its fail line.
    #[arg(long)]
    pub(super) fail_on_regression: bool,
    /// Also write compare.html, compare.md and compare.json into this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) comparing: ComparingArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BaselineArgs {
    #[command(subcommand)]
    pub(super) command: BaselineCommand,
    /// The folder of baselines.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LONGHAUL_BASELINES",
        default_value = "baselines"
    )]
    pub(super) baselines: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Make a run the baseline of this name: write NAME.json.
    Set {
        /// Its name.
        #[arg(value_parser = comparing::baseline_name)]
        name: BaselineName,
        /// The run: id, unique prefix, `latest`, `latest~1`, or another baseline.
        #[arg(default_value = "latest")]
        run: String,
    },
    /// List baselines.
    Ls,
    /// Remove a baseline.
    Rm {
        /// Its name.
        #[arg(value_parser = comparing::baseline_name)]
        name: BaselineName,
    },
    /// Print a run as the text of a baseline's file.
    Export {
        /// The run, likewise.
        #[arg(default_value = "latest")]
        run: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct TrendArgs {
    /// The experiment's name.
    pub(super) name: String,
    /// What to show: mean, p50, p95, p99, throughput, `error_rate`, memory, cpu, descriptors, threads.
    #[arg(long, value_name = "METRIC", default_value = "p95")]
    pub(super) metric: Metric,
    /// Of which step (`scenario/step`) or service; default: of all steps, or of the only service.
    #[arg(long, value_name = "NAME")]
    pub(super) of: Option<String>,
    /// How many runs, the latest ones.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) last: u32,
    /// Also write trend.html, trend.svg and trend.json into this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ValidateArgs {
    /// The experiments.
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct AnalyseArgs {
    /// The series.
    #[arg(required = true, value_name = "SERIES")]
    pub(super) files: Vec<PathBuf>,
    /// How long the process is meant to run: the growth limit is shared out over it.
    #[arg(long, value_name = "D", default_value = "24h", value_parser = planned)]
    pub(super) planned: Duration,
    /// Growth over that time up to which a series is called stable. What certainly grows for ever is leaking all the same.
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = growth)]
    pub(super) growth_limit: Percent,
    /// Where the process dies: `512MiB`; with `--count` a number.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) limit: Option<Bytes>,
    /// The series count things (descriptors, threads), not bytes; so do the figures of the answer.
    #[arg(long)]
    pub(super) count: bool,
    /// Exit with 10 when a series is judged to leak: a gate for scripts.
    #[arg(long)]
    pub(super) fail_on_leak: bool,
    /// So many series at a time; default: one for each core.
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZero<usize>>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct PlanArgs {
    /// The experiment.
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) overrides: OverrideArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CleanupArgs {
    /// Only this run: id, unique prefix or `latest`.
    pub(super) run: Option<String>,
    /// Also remove whatever carries longhaul's label on this engine: runs of other data folders too, also
    /// when they are under way.
    #[arg(long)]
    pub(super) all: bool,
    /// Show what would be done.
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ReportArgs {
    /// The run: id, unique prefix or `latest`; or the id of a sweep.
    #[arg(default_value = "latest")]
    pub(super) run: String,
    /// Which formats; default: all.
    #[arg(long, value_name = "F", value_delimiter = ',')]
    pub(super) format: Vec<FormatArg>,
    /// Where reports are written: `DIR/<run>/`.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) out: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(super) struct LeakArgs {
    /// The run: id, unique prefix or `latest`.
    #[arg(default_value = "latest")]
    pub(super) run: String,
    /// Only this service.
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,
    /// Where reports are written: `DIR/<run>/`.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    /// `index.html`.
    Html,
    /// `report.md`.
    Md,
    /// `summary.json`.
    Json,
    /// `junit.xml`.
    Junit,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    pub(super) command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
    /// List recorded runs, newest first.
    Ls,
    /// Show one run: verdict, limits, ledger, faults.
    Show {
        /// The run: id, unique prefix or `latest`.
        #[arg(default_value = "latest")]
        run: String,
    },
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease = parse_duration(text).map_err(|e| e.to_string())?;
    if (Duration::from_secs(1)..=Duration::from_mins(5)).contains(&lease) {
        Ok(lease)
    } else {
        Err("a lease lasts 1s to 5m".to_owned())
    }
}

fn planned(text: &str) -> Result<Duration, String> {
    let planned = parse_duration(text).map_err(|e| e.to_string())?;
    if planned >= Duration::from_mins(1) { Ok(planned) } else { Err("at least 1m".to_owned()) }
}

fn growth(text: &str) -> Result<Percent, String> {
    let growth: Percent = text.parse().map_err(|e: crate::units::UnitError| e.to_string())?;
    if growth.get() >= 0.0 { Ok(growth) } else { Err("0% or more".to_owned()) }
}

fn size(text: &str) -> Result<Bytes, String> {
    let number = text.parse().map(Bytes);
    number.or_else(|_| text.parse().map_err(|e: crate::units::UnitError| e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }
}
