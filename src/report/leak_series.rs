//! `series/SERVICE-N.csv`: the readings of an instance as `longhaul analyse` takes them.

use std::fmt::Write as _;

use super::facts::Facts;
use super::leaks::Case;
use crate::clock::Offset;

/// One row a reading: seconds since the start of the run, anonymous memory, life, whether a fault was in force,
/// requests answered until then by the whole target.
pub(super) fn csv(facts: &Facts<'_>, case: &Case<'_>) -> String {
    let mut out = String::from("t_s,anon,epoch,fault,requests,fds,threads\n");
    let Some(series) = case.series else { return out };
    let mut slices = facts.data.slices.iter().peekable();
    let mut requests = 0;
    for (at, epoch, reading) in &series.points {
        while let Some(slice) = slices.next_if(|s| s.to <= *at) {
            requests += slice.counts.ended();
        }
        let Some(anon) = reading.anon else { continue };
        let cell = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        // Writing to a string does not fail.
        writeln!(
            out,
            "{:.3},{anon},{epoch},{},{requests},{},{}",
            at.as_secs_f64(),
            u8::from(disturbed(facts, *at)),
            cell(reading.fds),
            cell(reading.pids),
        )
        .ok();
    }
    out
}

fn disturbed(facts: &Facts<'_>, at: Offset) -> bool {
    facts.verdict.faults.iter().any(|fault| {
        fault.injected_at.is_some_and(|from| from <= at)
            && fault.healed_at.is_none_or(|to| at <= to)
    })
}
