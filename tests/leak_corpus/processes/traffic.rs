//! Memory that follows what the process has to do.

use std::f64::consts::TAU;

use crate::leak_corpus::draft::Draft;

/// Memory as a share of the traffic, following it with this lag in hours.
fn follow(draft: &mut Draft, share: f64, lag: f64) {
    let usual = draft.per_second;
    let mut felt = 1.0;
    for i in 0..draft.steps() {
        felt += (draft.traffic[i] / usual - felt) * (Draft::hour(1) / lag).min(1.0);
        draft.value[i] += share * (felt - 1.0);
    }
}

/// A day's rhythm in the traffic, nothing of it in the memory.
pub(crate) fn daily_load(draft: &mut Draft) {
    let (swing, phase) = (draft.chance.between(0.3, 0.6), draft.chance.between(0.0, 1.0));
    for (i, traffic) in draft.traffic.iter_mut().enumerate() {
        *traffic *= 1.0 + swing * (TAU * (Draft::hour(i) / 24.0 + phase)).sin();
    }
    draft.unrest();
}

/// A day's rhythm in the traffic, and in the memory with it.
pub(crate) fn diurnal(draft: &mut Draft) {
    daily_load(draft);
    let (share, lag) = (draft.chance.between(0.05, 0.2), draft.chance.spread(1.0, 10.0) / 60.0);
    follow(draft, share, lag);
}

/// A day's rhythm in the memory that the traffic doesn't show.
pub(crate) fn diurnal_unexplained(draft: &mut Draft) {
    let (swing, phase) = (draft.chance.between(0.01, 0.05), draft.chance.between(0.0, 1.0));
    draft.add(|h| swing * (TAU * (h / 24.0 + phase)).sin());
    draft.unrest();
}

/// Traffic that changes every 10 to 60 minutes, between half and one and a half times.
pub(crate) fn changing(draft: &mut Draft) {
    let gap = draft.chance.between(10.0, 60.0) / 60.0;
    let (mut factor, mut next) = (1.0, 0.0);
    for i in 1..draft.steps() {
        if Draft::hour(i) >= next {
            factor = draft.chance.between(0.5, 1.5);
            next += gap * draft.chance.between(0.5, 1.5);
        }
        draft.traffic[i] *= factor;
    }
    let (share, lag) = (draft.chance.between(0.1, 0.4), draft.chance.spread(0.5, 5.0) / 60.0);
    follow(draft, share, lag);
    draft.unrest();
}

/// Traffic that the test raises from a third to all of it, from the start to the end.
pub(crate) fn ramp(draft: &mut Draft) {
    let hours = draft.hours;
    for (i, traffic) in draft.traffic.iter_mut().enumerate() {
        *traffic *= 1.0 + 2.0 * Draft::hour(i) / hours;
    }
    let (share, lag) = (draft.chance.between(0.03, 0.1), draft.chance.spread(0.5, 5.0) / 60.0);
    follow(draft, share, lag);
    draft.unrest();
}

/// Jobs every 10 to 60 minutes that need 5 to 40 % more for 1 to 5 minutes.
pub(crate) fn periodic_jobs(draft: &mut Draft) {
    let gap = draft.chance.between(10.0, 60.0) / 60.0;
    let (by, lasts) = (draft.chance.between(0.05, 0.4), draft.chance.between(1.0, 5.0) / 60.0);
    for begin in draft.chance.rhythm(draft.hours, gap) {
        let (by, end) = (by * draft.chance.between(0.8, 1.2), begin + lasts);
        draft.add(|h| if (begin..end).contains(&h) { by } else { 0.0 });
    }
    draft.unrest();
}
