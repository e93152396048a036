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
fn doubts(plans: &[Plan], doubtful: &[Problem]) -> Vec<Warning> {
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
mod tests {
    use super::*;

    /// The plan of a file's text, as it is shown; the folder of the file is DIR.
    async fn shown(text: &str, commands: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("e.yaml");
        std::fs::write(&file, text).unwrap();
        std::fs::write(
            dir.path().join("compose.yaml"),
            "services: { api: { image: x, scale: 2 } }",
        )
        .unwrap();
        let (plans, doubtful) = resolve(&file, &OverrideArgs::default()).await.unwrap();
        let commands = commands.iter().map(|c| (*c).to_owned()).collect();
        let forecast = forecast(&plans, &doubtful, commands);
        let sweep = SweepForecast::of(&plans);
        super::text(&plans[0], &forecast, sweep.as_ref())
            .replace(&dir.path().display().to_string(), "DIR")
    }

    #[tokio::test]
    async fn a_plan_of_containers_says_all_of_it() {
        let text = "version: 1
name: night
seed: 9
target: { compose: { file: compose.yaml } }
load:
  settle: 30s
  warmup: 1m
  profile:
    - ramp: { from: 50/s, to: 100/s, over: 10m }
    - hold: { rate: 100/s, for: 6h }
    - pause: { for: 5m }
  cooldown: 10m
  scenarios:
    browse: { weight: 8, steps: [ http: { get: \"http://api.target:80/\" } ] }
    buy: { weight: 2, steps: [ http: { post: \"http://api.target:80/orders\" } ] }
faults:
  - name: kill-all
    inject: { kill: { service: api, pick: all } }
    schedule: { every: 2h }
    recover_within: 2m
  - { name: cut, inject: { pause: { service: api, pick: 3 } }, schedule: { at: 3h }, for: 20s }
steady_state: { for: 1m, require: [ { error_rate: { max: 1% } } ] }
limits:
  - error_rate: { max: 1%, warn: 0.5%, scope: outside_faults }
  - leak: { service: api }
  - abort_when: { error_rate: { max: 50%, window: 5m } }
";
        insta::assert_snapshot!(shown(text, &["docker compose -p night up -d"]).await, @"
        night   seed 9

        target      compose project night from DIR/compose.yaml
        services    api x 2
        in all      6h 26m 30s from the ready target on
        disk        about 15.2 MiB

        load        2,206,500 arrivals, at most 100 connections, 10s for each step
          at        for  what                               arrivals
          before    30s  no load yet                               0
          before    1m   warm-up, 0/s to 50/s, not judged      1,500
          00:00:00  10m  ramp 50/s to 100/s over 10m          45,000
          00:10:00  6h   hold 100/s for 6h                 2,160,000
          06:10:00  5m   pause for 5m                              0
          06:15:00  10m  cool-down, no load                        0

        scenarios
          name    weight  share   arrivals
          browse       8    80%  1,765,200
          buy          2    20%    441,300

          before the first fault  must be     warns unless
          error_rate, first 1m    at most 1%

          limits                     must be         warns unless
          error_rate outside faults  at most 1%      at most 0.5%
          leak api                   no gauge leaks  none is suspected
          recovery kill-all          at most 2m

          ends the run early unless  must be      warns unless
          error_rate, any 5m         at most 50%

        4 faults, counted from the start of the profile
            02:00:00.0  kill-all-1               SIGKILL to api#1, api#2, for 5s
            03:00:00.0  cut-1                    pause api#1, api#2, for 20s
            04:00:00.0  kill-all-2               SIGKILL to api#1, api#2, for 5s
            06:00:00.0  kill-all-3               SIGKILL to api#1, api#2, for 5s
          note: cut: api has 2 of the 3 instances to pick: all are hit

        commands
          docker compose -p night up -d
          RUN is the run's folder among the records; the last one is left out with --keep-up

        needs       the Docker socket

        warnings
          the faults destroy what `leak` of api rests on: each of its replicas is started again, and the longest life without that takes 2h (api#1)
            hint: a life of 6h or more tells a leak: let the faults come less often, hurt a service that is not under `leak`, or make the profile longer; `pick` can't spare a replica, it draws anew each time
        ");
    }

    #[tokio::test]
    async fn a_plan_of_a_sweep_shows_its_sizes_and_how_long_all_of_them_take() {
        let text = "version: 1
name: scaling
target: { process: { command: [server, \"{{port}}\"] } }
sweep: { scale: { app: [2, 1, 4] } }
load:
  profile: [ users: { count: 5, for: 1h } ]
  scenarios: { root: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
faults: [ { name: freeze, inject: { pause: { service: app, pick: all } }, schedule: { at: 5m }, for: 5s } ]
limits: [ efficiency: { min: 70%, warn: 80% } ]
";
        let shown = shown(text, &[]).await;
        for wanted in [
            "services    app x 2\n",
            "sweep       3 runs one after the other, 3h in all",
            "  app x 2   1h       1  ",
            "  app x 1   1h       1  ",
            "  app x 4   1h       1  ",
            "limits of the sweep  must be       warns unless\n  efficiency           at least 70%  at least 80%",
            "pause app#1, app#2, for 5s",
        ] {
            assert!(shown.contains(wanted), "{wanted:?} in {shown}");
        }
    }

    #[tokio::test]
    async fn a_plan_of_processes_needs_no_privileges() {
        let text = "version: 1
name: short
target: { process: { command: [server, \"{{port}}\"], env: { API_TOKEN: \"sk-1\", DB: \"{{secret.db}}\" } } }
secrets: { db: { env: LONGHAUL_TEST_NOT_SET }, key: { file: /no/such/key } }
load:
  profile: [ hold: { rate: 5/s, for: 1h } ]
  scenarios: { root: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
limits: [ leak: {} ]
";
        insta::assert_snapshot!(shown(text, &["server {{port}}   (app x 1)"]).await, @"
        short   seed 1

        target      child processes
        services    app x 1
        secrets     db from the environment variable LONGHAUL_TEST_NOT_SET
                    key from the file /no/such/key
        in all      1h from the ready target on
        disk        about 3.5 MiB

        load        18,000 arrivals, at most 100 connections, 10s for each step
          at        for  what             arrivals
          00:00:00  1h   hold 5/s for 1h    18,000

        scenarios
          name  weight  share  arrivals
          root       1   100%    18,000

          limits  must be         warns unless
          leak    no gauge leaks  none is suspected

        0 faults, counted from the start of the profile

        commands
          server {{port}}   (app x 1)

        needs       no privileges: every process is longhaul's own child

        warnings
          line 3, column 71: `API_TOKEN` looks like a secret, and its value stands in the file
            hint: name its source under `secrets` and write {{secret.NAME}} here: the record of every run holds what the file holds
          a `leak` limit can't fail here: nothing is called leaking before 2h of record, and the profile takes 1h
            hint: hold the load for 2h or longer
          the secret `db` can't be read here: the environment has no variable LONGHAUL_TEST_NOT_SET
            hint: a run reads it when it begins
          the secret `key` can't be read here: /no/such/key: there is no such file
            hint: a run reads it when it begins
        ");
    }
}
