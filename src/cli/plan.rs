//! `longhaul plan FILE`

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::args::{Common, OverrideArgs, PlanArgs};
use super::complaint::Complaint;
use super::exit::Exit;
use super::print_json;
use crate::experiment::{self, Problem, Secrets, Segment, System};
use crate::record::PlannedFault;
use crate::report::{Table, count_text};
use crate::run::{self, Forecast, HeldKind, LoadPart, Plan, Stretch, SweepForecast, Warning};
use crate::target;
use crate::units::{Bytes, duration, trim};

/// The plan as a document; of a sweep its first run, and the sizes of all.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(flatten)]
    forecast: &'a Forecast,
    sweep: Option<SweepForecast>,
}

/// Shows the timeline, the exact actions, the privileges they need and the disk they take.
pub(super) async fn plan(args: PlanArgs, common: &Common) -> anyhow::Result<Exit> {
    let (plans, doubtful) = resolve(&args.file, &args.overrides).await?;
    let commands = target::commands(&plans[0].experiment.target).await;
    let forecast = forecast(&plans, &doubtful, commands);
    let (plan, sweep) = (&plans[0], SweepForecast::of(&plans));
    if common.json {
        print_json(&Document { plan, forecast: &forecast, sweep })?;
    } else {
        say!("{}", text(plan, &forecast, sweep.as_ref()).trim_end());
    }
    Ok(Exit::Pass)
}

/// The plans of an experiment file, with what the command line says instead of it; and what is doubtful in the file. One
/// plan at least; one for each size of a sweep.
pub(super) async fn resolve(
    file: &Path,
    overrides: &OverrideArgs,
) -> anyhow::Result<(Vec<Plan>, Vec<Problem>)> {
    let (experiment, doubtful) = experiment::load_warned(file, &overrides.into())?;
    let plans = run::plans(experiment).await.map_err(|e| {
        let text = format!("failed to plan {}: {e}", file.display());
        Complaint::new(Exit::InvalidExperiment, text)
    })?;
    Ok((plans, doubtful))
}

/// What the first plan comes to, with whatever is doubtful in the file or about any of the plans.
fn forecast(plans: &[Plan], doubtful: &[Problem], commands: Vec<String>) -> Forecast {
    let first = &plans[0];
    let mut forecast = Forecast::of(first, commands);
    forecast.warnings = doubts(plans, doubtful);
    forecast.warnings.extend(absent(first));
    forecast
}

/// The secrets that a run could not have now.
fn absent(plan: &Plan) -> Vec<Warning> {
    let read = Secrets::read(&plan.experiment, |name| std::env::var_os(name));
    let problems = read.err().map_or_else(Vec::new, |error| error.problems);
    let warning = |(name, why): (String, String)| Warning {
        line: None,
        column: None,
        message: format!("the secret `{name}` can't be read here: {why}"),
        hint: Some("a run reads it when it begins".to_owned()),
    };
    problems.into_iter().map(warning).collect()
}

/// What is doubtful about a file and its plans, each with what to do about it.
pub(super) fn warnings(plans: &[Plan], doubtful: &[Problem]) -> Vec<String> {
    doubts(plans, doubtful).iter().map(|w| warning(w, "\nhint: ")).collect()
}

/// The same, each once.
pub(super) fn doubts(plans: &[Plan], doubtful: &[Problem]) -> Vec<Warning> {
    let mut all: Vec<Warning> = doubtful.iter().map(Warning::from).collect();
    for planned in plans.iter().flat_map(|plan| Forecast::of(plan, Vec::new()).warnings) {
        if !all.contains(&planned) {
            all.push(planned);
        }
    }
    all
}

/// A warning as it is told: where, what, and after `between` what to do about it.
fn warning(warning: &Warning, between: &str) -> String {
    let place = match (warning.line, warning.column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        _ => String::new(),
    };
    let hint = warning.hint.as_ref().map_or_else(String::new, |hint| format!("{between}{hint}"));
    format!("{place}{}{hint}", warning.message)
}

/// Nothing is cut off: what is planned is read in full.
const WIDTH: usize = usize::MAX;

fn text(plan: &Plan, forecast: &Forecast, sweep: Option<&SweepForecast>) -> String {
    let mut out = String::new();
    head(&mut out, plan, forecast);
    if let Some(sweep) = sweep {
        sizes(&mut out, sweep);
    }
    load(&mut out, plan, forecast);
    limits(&mut out, forecast);
    faults(&mut out, plan);
    section(&mut out, "commands", &forecast.commands);
    if matches!(plan.experiment.target.system, System::Compose(_)) {
        line(
            &mut out,
            "  RUN is the run's folder among the records; the last one is left out with --keep-up",
        );
    }
    line(&mut out, "");
    line(&mut out, &format!("needs       {}", forecast.needs));
    let warnings: Vec<String> =
        forecast.warnings.iter().map(|w| warning(w, "\n    hint: ")).collect();
    section(&mut out, "warnings", &warnings);
    out
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").ok();
}

/// A heading and its lines, if there are any.
fn section(out: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    write!(out, "\n{heading}\n").ok();
    for text in lines {
        line(out, &format!("  {text}"));
    }
}

fn head(out: &mut String, plan: &Plan, forecast: &Forecast) {
    let experiment = &plan.experiment;
    line(out, &format!("{}   seed {}\n", experiment.name, experiment.seed));
    line(out, &format!("target      {}", target_text(plan)));
    let instances: Vec<String> = plan.replicas.iter().map(|(s, n)| format!("{s} x {n}")).collect();
    line(out, &format!("services    {}", instances.join(", ")));
    for (n, (name, source)) in experiment.secrets.iter().enumerate() {
        let heading = if n == 0 { "secrets" } else { "" };
        line(out, &format!("{heading:<11} {name} from {source}"));
    }
    line(out, &format!("in all      {} from the ready target on", duration(forecast.length)));
    line(out, &format!("disk        about {}", Bytes(forecast.disk_bytes).human()));
}

/// The runs of a sweep; what is said above and below them is the first one's.
fn sizes(out: &mut String, sweep: &SweepForecast) {
    let count = sweep.runs.len();
    write!(
        out,
        "\nsweep       {count} runs one after the other, {} in all, disk about {}; shown is the first\n",
        duration(sweep.length),
        Bytes(sweep.disk_bytes).human()
    )
    .ok();
    let mut table = Table::new(["size", ">for", ">faults", ">disk"]);
    for run in &sweep.runs {
        table.row([
            format!("{} x {}", sweep.service, run.size),
            duration(run.length),
            run.faults.to_string(),
            Bytes(run.disk_bytes).human(),
        ]);
    }
    out.push_str(&table.text(WIDTH));
}

fn load(out: &mut String, plan: &Plan, forecast: &Forecast) {
    let load = &plan.experiment.load;
    write!(
        out,
        "\nload        {} arrivals, at most {} connections, {} for each step\n",
        count_text(forecast.arrivals),
        load.connections,
        duration(load.timeout)
    )
    .ok();
    let mut table = Table::new(["at", "for", "what", ">arrivals"]);
    for stretch in &forecast.stretches {
        table.row([
            stretch.at.map_or_else(|| "before".to_owned(), clock),
            duration(stretch.lasts),
            match &stretch.segment {
                Some(segment) => segment_text(segment),
                None => part(stretch),
            },
            match &stretch.segment {
                Some(segment) if !segment.is_fixed() => "not known".to_owned(),
                _ => count_text(stretch.arrivals),
            },
        ]);
    }
    out.push_str(&table.text(WIDTH));
    out.push_str("\nscenarios\n");
    let mut table = Table::new(["name", ">weight", ">share", ">arrivals"]);
    for scenario in &forecast.scenarios {
        table.row([
            scenario.name.clone(),
            scenario.weight.to_string(),
            format!("{}%", trim(scenario.share * 100.0, 2)),
            count_text(scenario.arrivals),
        ]);
    }
    out.push_str(&table.text(WIDTH));
}

fn part(stretch: &Stretch) -> String {
    let (from, to) = (trim(stretch.from_rate, 2), trim(stretch.to_rate, 2));
    match stretch.part {
        LoadPart::Settle => "no load yet".to_owned(),
        LoadPart::Warmup => format!("warm-up, {from}/s to {to}/s, not judged"),
        LoadPart::Profile => format!("{from}/s to {to}/s"),
        LoadPart::Cooldown => "cool-down, no load".to_owned(),
    }
}

fn limits(out: &mut String, forecast: &Forecast) {
    let of = |kind: HeldKind| forecast.limits.iter().filter(move |held| held.kind == kind);
    for (kind, heading) in [
        (HeldKind::SteadyState, "before the first fault"),
        (HeldKind::Limit, "limits"),
        (HeldKind::Sweep, "limits of the sweep"),
        (HeldKind::AbortWhen, "ends the run early unless"),
    ] {
        if of(kind).next().is_none() {
            continue;
        }
        let mut table = Table::new([heading, "must be", "warns unless"]);
        for held in of(kind) {
            let warn = held.words.warn.clone().unwrap_or_default();
            table.row([held.words.limit.clone(), held.words.bound.clone(), warn]);
        }
        line(out, "");
        out.push_str(&table.text(WIDTH));
    }
}

fn faults(out: &mut String, plan: &Plan) {
    write!(out, "\n{} faults, counted from the start of the profile\n", plan.faults.len()).ok();
    for fault in &plan.faults {
        let at = format!("{}.{}", clock(fault.at), fault.at.subsec_millis() / 100);
        line(out, &format!("  {at:>12}  {}", action(fault)));
    }
    for note in &plan.notes {
        line(out, &format!("  note: {note}"));
    }
}

fn target_text(plan: &Plan) -> String {
    match &plan.experiment.target.system {
        System::Compose(c) => format!("compose project {} from {}", c.project, c.file.display()),
        System::Process(_) => "child processes".to_owned(),
        System::External(_) => {
            "running containers (observed and hurt, never created or removed)".to_owned()
        }
    }
}

fn segment_text(segment: &Segment) -> String {
    match segment {
        Segment::Hold { rate, lasts } => format!("hold {rate} for {}", duration(*lasts)),
        Segment::Ramp { from, to, lasts } => {
            format!("ramp {from} to {to} over {}", duration(*lasts))
        }
        Segment::Spike { rate, lasts, then } if then.is_zero() => {
            format!("spike to {rate} for {}", duration(*lasts))
        }
        Segment::Spike { rate, lasts, then } => {
            let (lasts, then) = (duration(*lasts), duration(*then));
            format!("spike to {rate} for {lasts}, then the rate before for {then}")
        }
        Segment::Burst { size, every, lasts } => {
            format!("burst of {size} every {} for {}", duration(*every), duration(*lasts))
        }
        Segment::Steps(steps) => format!(
            "steps from {} by {} to {}, each for {}, until the limit is found; {} at most",
            steps.from,
            steps.by,
            steps.to,
            duration(steps.each),
            duration(steps.lasts())
        ),
        Segment::Users { count, lasts, think } => {
            let think = if think.is_zero() {
                String::new()
            } else {
                format!(", thinking for {}", duration(*think))
            };
            format!("{count} users for {}{think}", duration(*lasts))
        }
        Segment::Pause { lasts } => format!("pause for {}", duration(*lasts)),
    }
}

fn clock(at: Duration) -> String {
    let s = at.as_secs();
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

fn action(fault: &PlannedFault) -> String {
    let lasts = if fault.lasts.is_zero() {
        String::new()
    } else {
        format!(", for {}", duration(fault.lasts))
    };
    format!("{:<24} {}{lasts}", fault.id.to_string(), crate::fault::label(fault))
}

#[cfg(test)]
mod tests;
