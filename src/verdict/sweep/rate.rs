//! What a run carried.

use super::super::words::Unit;
use crate::experiment::Segment;
use crate::record::{
    Capacity, Estimate, EventKind, GaveWay, MeasuredRate, Phase, RateSource, RunData, Verdict,
    VerdictOutcome,
};

/// Of what was offered, at least this share ended well: then the offer was carried, and what more could be is not known.
/// The same shares by which a step of `steps` holds, errors and answers together.
const CARRIED: f64 = 0.95;

/// The rate that a run carried: the limit that `steps` found, else its throughput. Else why it has none.
pub(super) fn measured(data: &RunData, verdict: &Verdict) -> Result<MeasuredRate, String> {
    match verdict.outcome {
        VerdictOutcome::Passed | VerdictOutcome::Warned | VerdictOutcome::Failed => {}
        VerdictOutcome::Inconclusive | VerdictOutcome::Aborted | VerdictOutcome::Errored => {
            return Err(format!("its run has no sound figures ({})", verdict.headline));
        }
    }
    if data.events.iter().any(|event| matches!(event.kind, EventKind::Stop { .. })) {
        return Err(format!("its run did not come to its end ({})", verdict.headline));
    }
    let profile = &data.run.experiment.load.profile;
    if profile.iter().any(|segment| matches!(segment, Segment::Steps(_))) {
        let found = data.events.iter().find_map(|event| match &event.kind {
            EventKind::Capacity(found) => Some(found),
            _ => None,
        });
        let found = found.ok_or("the search for its limit did not come to its end")?;
        let rate = limit(found).map_err(|why| format!("{why} ({found})"))?;
        return Ok(MeasuredRate { rate, source: RateSource::Limit, note: found.to_string() });
    }
    throughput(data, verdict)
}

/// What a search says of the target's own limit.
fn limit(found: &Capacity) -> Result<Estimate, &'static str> {
    let generator = found.gave_way == Some(GaveWay::Generator);
    match (found.rate, found.above) {
        (Some(rate), None) => Ok(Estimate::AtLeast(rate.get())),
        (Some(rate), Some(_)) if generator => Ok(Estimate::AtLeast(rate.get())),
        (Some(_), Some(_)) if !found.confirmed => Err("its limit was not confirmed"),
        (Some(rate), Some(_)) => Ok(Estimate::Exactly(rate.get())),
        (None, Some(above)) if !generator => Ok(Estimate::AtMost(above.get())),
        (None, _) => Err("the search found no rate"),
    }
}

fn throughput(data: &RunData, verdict: &Verdict) -> Result<MeasuredRate, String> {
    let seconds = data.phase(Phase::Holding).map(|(from, to)| to.since(from).as_secs_f64());
    let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) else {
        return Err("its load profile never began".to_owned());
    };
    let (ok, offered) = (verdict.totals.ok as f64, verdict.totals.scheduled as f64);
    // Users who wait are offered to a target no faster than it answers.
    let waited_for = data
        .run
        .experiment
        .load
        .profile
        .iter()
        .all(|s| matches!(s, Segment::Users { .. } | Segment::Pause { .. }));
    let all = !waited_for && ok >= CARRIED * offered;
    let per_second = |n: f64| Unit::Rate.text(n / seconds);
    let rate = ok / seconds;
    let (rate, note) = if all {
        let note = format!(
            "all of the {} that it was offered ended well: it may carry more",
            per_second(offered)
        );
        (Estimate::AtLeast(rate), note)
    } else {
        let note = format!("{} ended well of {} that began", per_second(ok), per_second(offered));
        (Estimate::Exactly(rate), note)
    };
    Ok(MeasuredRate { rate, source: RateSource::Throughput, note })
}
