//! `longhaul plan FILE`

use std::path::Path;

use super::args::{Common, OverrideArgs, PlanArgs};
use super::complaint::Complaint;
use super::exit::Exit;
use super::print_json;
use crate::experiment::{self, Segment, System};
use crate::record::PlannedFault;
use crate::run::Plan;
use crate::units::{Bytes, duration};

/// Shows the timeline, the exact actions, the privileges they need and the disk they take.
pub(super) async fn plan(args: PlanArgs, common: &Common) -> anyhow::Result<Exit> {
    let plan = resolve(&args.file, &args.overrides).await?;
    if common.json {
        print_json(&plan)?;
    } else {
        say!("{}", text(&plan).trim_end());
    }
    Ok(Exit::Pass)
}

/// The plan of an experiment file, with what the command line says instead of it.
pub(super) async fn resolve(file: &Path, overrides: &OverrideArgs) -> anyhow::Result<Plan> {
    let experiment = experiment::load_with(file, &overrides.into())?;
    Plan::resolve(experiment).await.map_err(|e| {
        let text = format!("failed to plan {}: {e}", file.display());
        Complaint::new(Exit::InvalidExperiment, text).into()
    })
}

fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let experiment = &plan.experiment;
    let load = &experiment.load;
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("{}   seed {}", experiment.name, experiment.seed));
    line(String::new());
    line(format!("target      {}", target(plan)));
    let instances: Vec<String> = plan.replicas.iter().map(|(s, n)| format!("{s} x {n}")).collect();
    line(format!("services    {}", instances.join(", ")));
    if load.settle > std::time::Duration::ZERO {
        line(format!("settle      {}", duration(load.settle)));
    }
    line(format!("warm-up     {}", duration(load.warmup)));
    for segment in &load.profile {
        line(format!("profile     {}", segment_text(segment)));
    }
    line(format!("cool-down   {}", duration(load.cooldown)));
    line(format!("in all      {} from the ready target on", duration(plan.length())));
    line(format!("disk        about {}", Bytes(plan.disk_estimate()).human()));
    line(String::new());
    line(format!("{} faults, counted from the start of the profile", plan.faults.len()));
    for fault in &plan.faults {
        line(format!("  {:>12}  {}", clock(fault), action(fault)));
    }
    for note in &plan.notes {
        line(format!("  note: {note}"));
    }
    line(String::new());
    line(format!("needs       {}", privileges(plan)));
    out
}

fn target(plan: &Plan) -> String {
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
        Segment::Pause { lasts } => format!("pause for {}", duration(*lasts)),
    }
}

fn clock(fault: &PlannedFault) -> String {
    let s = fault.at.as_secs();
    format!("{:02}:{:02}:{:02}.{}", s / 3600, s / 60 % 60, s % 60, fault.at.subsec_millis() / 100)
}

fn action(fault: &PlannedFault) -> String {
    let lasts = if fault.lasts.is_zero() {
        String::new()
    } else {
        format!(", for {}", duration(fault.lasts))
    };
    format!("{:<24} {}{lasts}", fault.id.to_string(), crate::fault::label(fault))
}

fn privileges(plan: &Plan) -> String {
    use crate::experiment::Injection;
    let docker = !matches!(plan.experiment.target.system, System::Process(_));
    let network = plan.faults.iter().any(|f| matches!(f.inject, Injection::Partition { .. }));
    match (docker, network) {
        (false, _) => "no privileges: every process is longhaul's own child".to_owned(),
        (true, false) => "the Docker socket".to_owned(),
        (true, true) => {
            "the Docker socket; for partitions root on the engine's host, or else a helper \
                         container with NET_ADMIN inside the victim's network namespace"
                .to_owned()
        }
    }
}
