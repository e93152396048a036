//! A sweep, judged from its runs: what each size carried, how efficient that is, and the worst of it all.

mod rate;

use super::limits::Bound;
use super::words::percent;
use crate::experiment::Sweep;
use crate::record::{
    Estimate, LimitResult, RunData, RunRecord, SweepRun, SweepVerdict, Tier, Verdict,
    VerdictOutcome,
};

/// Exit codes, gravest first; the others are passes.
const GRAVITY: [u8; 9] = [14, 12, 13, 1, 130, 143, 11, 10, 16];

/// What a run of a sweep comes to, so far as it says it itself; `None` for a run that belongs to none.
pub fn sweep_run(data: &RunData, verdict: &Verdict) -> Option<SweepRun> {
    let part = data.run.sweep.as_ref()?;
    let (rate, why_not) = match rate::measured(data, verdict) {
        Ok(rate) => (Some(rate), None),
        Err(why) => (None, Some(why)),
    };
    Some(SweepRun {
        size: part.size,
        run: Some(data.run.id.clone()),
        judged: Some((verdict.outcome, verdict.exit_code, verdict.headline.clone())),
        rate,
        efficiency: None,
        why_not,
    })
}

/// Judges a sweep from its runs. `first` is the record of one of them, the earliest. The same runs give the same
/// verdict; `None` when `first` belongs to no sweep.
///
/// The exit code is the gravest of the runs' and the sweep's own: 11 where a size was not run or the limit could not be
/// judged, 10 where it is breached.
pub fn sweep(first: &RunRecord, runs: Vec<SweepRun>) -> Option<SweepVerdict> {
    let (part, sweep) = (first.sweep.as_ref()?, first.experiment.sweep.clone()?);
    let mut runs = in_order(&sweep, runs);
    held_against_one(&mut runs);
    let limits = limits(&sweep, &runs);
    let (endings, reasons) = endings(&sweep, &runs, &limits);
    // The first of equals: what is said of the sweep itself comes before what is said of its runs.
    let gravest =
        endings.into_iter().min_by_key(|ending| gravity(ending.exit_code, ending.outcome));
    let ending = gravest.unwrap_or_else(|| good(&sweep, &runs));
    Some(SweepVerdict {
        id: part.id.clone(),
        experiment: first.experiment.name.clone(),
        started: first.anchor,
        sweep,
        outcome: ending.outcome,
        exit_code: ending.exit_code,
        headline: ending.headline,
        reasons,
        limits,
        runs,
    })
}

/// A run for each size asked for; of one that was not run, that.
fn in_order(sweep: &Sweep, mut runs: Vec<SweepRun>) -> Vec<SweepRun> {
    let of_size = |size: &u32| {
        let at = runs.iter().position(|run| run.size == *size);
        at.map_or_else(|| missing(*size), |at| runs.swap_remove(at))
    };
    sweep.sizes.iter().map(of_size).collect()
}

fn missing(size: u32) -> SweepRun {
    let why_not = Some("it was not run".to_owned());
    SweepRun { size, run: None, judged: None, rate: None, efficiency: None, why_not }
}

/// Works out the efficiency of each size, or why there is none.
fn held_against_one(runs: &mut [SweepRun]) {
    let single = runs.iter().find(|run| run.size == 1).cloned();
    for run in runs {
        let Some(rate) = run.rate.as_ref().map(|rate| rate.rate) else { continue };
        if run.size == 1 {
            run.efficiency = Some(Estimate::Exactly(1.0));
            continue;
        }
        let against = single.as_ref().ok_or(String::new()).and_then(|single| match &single.rate {
            Some(rate) => Ok(rate.rate),
            None => Err(format!(": {}", single.why_not.as_deref().unwrap_or_default())),
        });
        let found = match against {
            Ok(single) => efficiency(run.size, rate, single).map_err(str::to_owned),
            Err(why) => Err(format!("there is no single-replica run to hold it against{why}")),
        };
        match found {
            Ok(efficiency) => run.efficiency = Some(efficiency),
            Err(why) => run.why_not = Some(why),
        }
    }
}

/// `rate_n / (n x rate_1)`, as far as it follows from what is known of the two; else why nothing does.
fn efficiency(size: u32, rate: Estimate, single: Estimate) -> Result<Estimate, &'static str> {
    use Estimate::{AtLeast, AtMost, Exactly};
    if single.value() <= 0.0 {
        return Err("one instance alone carried nothing");
    }
    let share = rate.value() / (f64::from(size) * single.value());
    match (rate, single) {
        (Exactly(_), Exactly(_)) => Ok(Exactly(share)),
        (AtLeast(_), Exactly(_)) => Ok(AtLeast(share)),
        (AtMost(_), Exactly(_)) | (Exactly(_) | AtMost(_), AtLeast(_)) => Ok(AtMost(share)),
        (AtLeast(_), AtLeast(_)) => Err(
            "one instance alone carried all that it was offered, and so did this size: offer more",
        ),
        (_, AtMost(_)) => Err("one instance alone held no rate at all: begin with a lower one"),
    }
}

/// The limit at each size but 1.
fn limits(sweep: &Sweep, runs: &[SweepRun]) -> Vec<LimitResult> {
    let Some(bound) = &sweep.efficiency else { return Vec::new() };
    let bound = Bound::of(bound);
    let result = |run: &SweepRun| {
        let name = format!("efficiency {} x {}", sweep.service, run.size);
        let Some(efficiency) = run.efficiency else {
            let why = run.why_not.clone().unwrap_or_default();
            return bound.unknown(name, why);
        };
        let note = run.rate.as_ref().map(|rate| rate.note.clone());
        let judged = bound.judge(name.clone(), efficiency.value(), None, note);
        let sure = match efficiency {
            Estimate::Exactly(_) => true,
            Estimate::AtLeast(_) => judged.tier != Tier::Fail,
            Estimate::AtMost(_) => judged.tier == Tier::Fail,
        };
        let measured = format!("{}{}", efficiency.words(), judged.measured);
        if sure {
            return LimitResult { measured, ..judged };
        }
        bound.unknown(name, format!("it is {measured}: {}", judged.note.unwrap_or_default()))
    };
    runs.iter().filter(|run| run.size != 1).map(result).collect()
}

struct Ending {
    outcome: VerdictOutcome,
    exit_code: u8,
    headline: String,
}

/// The less, the graver. A pass with a warning is graver than one without.
fn gravity(exit_code: u8, outcome: VerdictOutcome) -> usize {
    let place = GRAVITY.iter().position(|code| *code == exit_code);
    place.unwrap_or(GRAVITY.len() + usize::from(outcome == VerdictOutcome::Passed))
}

/// Everything that keeps the sweep from being a plain pass, and the reasons, in words.
fn endings(sweep: &Sweep, runs: &[SweepRun], limits: &[LimitResult]) -> (Vec<Ending>, Vec<String>) {
    let mut found = Vec::new();
    let mut reasons = Vec::new();
    let service = &sweep.service;
    let open: Vec<String> = runs
        .iter()
        .filter(|run| run.judged.is_none())
        .map(|run| format!("{service} x {}", run.size))
        .collect();
    if !open.is_empty() {
        let text = format!("not run: {}", open.join(", "));
        let (outcome, headline) = (VerdictOutcome::Inconclusive, format!("inconclusive: {text}"));
        found.push(Ending { outcome, exit_code: 11, headline });
        reasons.push(text);
    }
    for limit in limits {
        let (name, measured, bound) = (&limit.name, &limit.measured, &limit.bound);
        let (outcome, exit_code, word, text) = match limit.tier {
            Tier::Pass => continue,
            Tier::Warn => {
                let warn = limit.warn.as_deref().unwrap_or(bound);
                let text = format!("{name} was {measured} (warn {warn}, limit {bound})");
                (VerdictOutcome::Warned, 0, "passed with a warning", text)
            }
            Tier::Unknown => {
                let why = limit.note.as_deref().unwrap_or_default();
                let text = format!("{name} could not be judged: {why}");
                (VerdictOutcome::Inconclusive, 11, "inconclusive", text)
            }
            Tier::Fail => {
                let margin = limit.margin.as_deref().unwrap_or_default();
                let text = format!("{name} was {measured} (limit {bound}, {margin})");
                (VerdictOutcome::Failed, 10, "failed", text)
            }
        };
        found.push(Ending { outcome, exit_code, headline: format!("{word}: {text}") });
        reasons.push(text);
    }
    for run in runs {
        let Some((outcome, exit_code, headline)) = &run.judged else { continue };
        if *outcome != VerdictOutcome::Passed {
            let headline = format!("{service} x {}: {headline}", run.size);
            reasons.push(headline.clone());
            found.push(Ending { outcome: *outcome, exit_code: *exit_code, headline });
        }
    }
    (found, reasons)
}

fn good(sweep: &Sweep, runs: &[SweepRun]) -> Ending {
    let told: Vec<String> = runs
        .iter()
        .filter(|run| run.size != 1)
        .filter_map(|run| {
            let efficiency = run.efficiency?;
            let share = percent(efficiency.value());
            Some(format!("{}{share} at {}", efficiency.words(), run.size))
        })
        .collect();
    let told =
        if told.is_empty() { String::new() } else { format!(", efficiency {}", told.join(", ")) };
    let headline = format!("passed: {} sizes of {}{told}", runs.len(), sweep.service);
    Ending { outcome: VerdictOutcome::Passed, exit_code: 0, headline }
}

#[cfg(test)]
mod tests;
