//! `longhaul run FILE`

use super::args::{Common, RunArgs};
use super::colors::color;
use super::complaint::Complaint;
use super::exit::Exit;
use super::stage::Stage;
use super::{plan, sweep, tell_found};
use crate::experiment::System;
use crate::report::{ledger_text, verdict_text};
use crate::run::{Finished, Plan};

/// Carries out an experiment, shows it, and answers the verdict's exit code.
pub(super) async fn run(args: RunArgs, common: &Common) -> anyhow::Result<Exit> {
    let (mut plans, doubtful) = plan::resolve(&args.file, &args.overrides).await?;
    refuse(&args, &plans)?;
    let stage = Stage::set(&args, &plans[0], common).await?;
    if !common.quiet {
        for warning in plan::warnings(&plans, &doubtful) {
            complain!("warning: {warning}");
        }
    }
    if plans[0].experiment.sweep.is_some() {
        return Box::pin(sweep::sweep(&stage, plans)).await;
    }
    let finished = stage.carry_out(plans.swap_remove(0), None).await?;
    tell_end(&finished, common);
    Ok(exit(&finished))
}

/// What makes no sense with the plans.
fn refuse(args: &RunArgs, plans: &[Plan]) -> anyhow::Result<()> {
    let usage = |text: &str| Complaint::new(Exit::Usage, text);
    let experiment = &plans[0].experiment;
    if args.showing.keep_up && experiment.sweep.is_some() {
        let text = "--keep-up makes no sense with `sweep`: each size brings the target up anew";
        return Err(usage(text).into());
    }
    if args.showing.keep_up && matches!(experiment.target.system, System::Process(_)) {
        let text = "--keep-up needs containers: child processes end with longhaul";
        return Err(usage(text).into());
    }
    if args.baseline.is_some() && experiment.sweep.is_some() {
        let text = "--baseline makes no sense with `sweep`: its runs differ in their target";
        let hint = "compare a size with the same size of an earlier sweep: `longhaul compare A B`";
        return Err(usage(text).hint(hint).into());
    }
    Ok(())
}

/// Tells how a run ended.
pub(super) fn tell_end(finished: &Finished, common: &Common) {
    if common.json {
        say!(
            "{}",
            serde_json::json!({
                "type": "finished", "run": finished.id, "exit_code": exit(finished).code(),
                "summary": finished.summary, "report": finished.report,
                "leftover": finished.leftover, "kept": finished.kept,
            })
        );
    } else {
        if !common.quiet {
            say!("\n{}", ledger_text(&finished.verdict.ledger));
        }
        say!("{}", verdict_text(&finished.verdict, color(common, &std::io::stdout())));
        tell_found(&finished.summary);
        if let Some(index) = finished.report.first() {
            say!("report: {}", index.display());
        }
        for left in &finished.leftover {
            complain!("error: {left}");
        }
    }
}

/// The exit code of a run.
pub(super) fn exit(finished: &Finished) -> Exit {
    if finished.leftover.is_empty() {
        Exit::Verdict(finished.verdict.exit_code)
    } else {
        Exit::HealingIncomplete
    }
}
