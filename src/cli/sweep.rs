//! `longhaul run FILE` of a sweep: a run for each size, and what they come to.

use serde_json::json;

use super::args::Common;
use super::colors::color;
use super::exit::Exit;
use super::run::{exit, tell_end};
use super::stage::Stage;
use crate::clock::wall;
use crate::ids::SweepId;
use crate::record::{StopCause, SweepPart, SweepVerdict};
use crate::report::{Format, sweep_text};
use crate::run::{JudgedSweep, Plan, goes_on, judge_sweep};

/// Carries the plans out one after the other, judges them together, and answers the exit code of the sweep: the gravest
/// of all.
pub(super) async fn sweep(stage: &Stage<'_>, plans: Vec<Plan>) -> anyhow::Result<Exit> {
    let common = stage.common;
    let now = wall();
    let nonce = (now.subsec_nanosecond() / 1000) as u16;
    let id = SweepId::new(&plans[0].experiment.name, now, nonce);
    let of = plans.len();
    let (mut left, mut trouble) = (false, None);
    for (number, plan) in (1..).zip(plans) {
        if stage.stopped().is_some() {
            break;
        }
        if let Some(part) = plan.part(&id) {
            tell_size(&part, number, of, common);
        }
        match stage.carry_out(plan, Some(&id)).await {
            Ok(finished) => {
                tell_end(&finished, common);
                left |= !finished.leftover.is_empty();
                if !goes_on(exit(&finished).code()) {
                    break;
                }
            }
            Err(error) => {
                trouble = Some(error);
                break;
            }
        }
    }
    let judged = judge_sweep(&stage.store, &id, &stage.showing.out, &Format::ALL);
    let judged = match (judged, trouble) {
        // What went wrong is told last; what was measured before it is told all the same.
        (judged, Some(trouble)) => {
            if let Ok(Some(judged)) = judged {
                let code = judged.verdict.exit_code;
                tell_sweep(&judged, Exit::Verdict(code), common);
            }
            return Err(trouble);
        }
        (judged, None) => judged?,
    };
    let Some(judged) = judged else { return Ok(stopped(stage, Exit::Pass)) };
    let cut_short = judged.verdict.runs.iter().any(|run| run.run.is_none());
    let code = Exit::Verdict(judged.verdict.exit_code);
    // Asked to stop between two runs, no run says so.
    let between = cut_short && matches!(code.code(), 0 | 10 | 11 | 16);
    let exit = if left {
        Exit::HealingIncomplete
    } else if between {
        stopped(stage, code)
    } else {
        code
    };
    tell_sweep(&judged, exit, common);
    Ok(exit)
}

/// How a sweep ends that was asked to stop; `otherwise` when it was not.
fn stopped(stage: &Stage<'_>, otherwise: Exit) -> Exit {
    match stage.stopped() {
        None => otherwise,
        Some(StopCause::Interrupt) => Exit::Verdict(130),
        Some(_) => Exit::Verdict(143),
    }
}

fn tell_size(part: &SweepPart, number: usize, of: usize, common: &Common) {
    if common.json {
        let SweepPart { id, service, size } = part;
        say!(
            "{}",
            json!({
                "type": "size", "sweep": id, "service": service, "size": size, "number": number, "of": of,
            })
        );
    } else if !common.quiet {
        complain!("-- {part}: run {number} of {of} of the sweep {}", part.id);
    }
}

fn tell_sweep(judged: &JudgedSweep, exit: Exit, common: &Common) {
    let SweepVerdict { id, .. } = &judged.verdict;
    if common.json {
        say!(
            "{}",
            json!({
                "type": "swept", "sweep": id, "exit_code": exit.code(), "summary": judged.summary,
                "report": judged.files,
            })
        );
        return;
    }
    say!("\n{}", sweep_text(&judged.verdict, color(common, &std::io::stdout())));
    if let Some(index) = judged.files.first() {
        say!("report: {}", index.display());
    }
}
