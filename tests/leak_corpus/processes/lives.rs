//! Processes that die and live again, and processes that faults hit.

use crate::leak_corpus::draft::Draft;

/// Restarts 1 to 4 hours apart (at least two in a series), each with a warm-up of its own.
fn restarts(draft: &mut Draft) -> Vec<f64> {
    let gap = draft.chance.between(1.0, 4.0).min(draft.hours / 2.5);
    let moments = draft.chance.rhythm(draft.hours, gap);
    for at in &moments {
        let down = draft.chance.whole(1, 3);
        draft.restart(*at, down);
    }
    let (amplitude, tau) = (draft.chance.between(0.05, 0.3), draft.chance.spread(2.0, 15.0) / 60.0);
    draft.add_by_age(|age| -amplitude * (-age / tau).exp());
    draft.unrest();
    moments
}

/// Deployed or recycled every 1 to 4 hours.
pub(crate) fn recycled(draft: &mut Draft) {
    restarts(draft);
}

/// The same, and each life settles at another level, within 4 %.
pub(crate) fn recycled_unevenly(draft: &mut Draft) {
    for at in restarts(draft) {
        let by = 0.04 * draft.chance.between(-1.0, 1.0);
        let from = draft.step(at);
        let life = draft.epoch[from];
        let steps = draft.steps();
        for i in (from..steps).take_while(|i| draft.epoch[*i] == life).collect::<Vec<_>>() {
            draft.value[i] += by;
        }
    }
}

/// Recycled, and from one restart on a version that needs 5 to 20 % more or less.
pub(crate) fn new_version(draft: &mut Draft) {
    let moments = restarts(draft);
    let which = draft.chance.whole(0, moments.len() - 1);
    let by = draft.chance.sign() * draft.chance.between(0.05, 0.2);
    let at = moments[which];
    draft.add(|h| if h >= at { by } else { 0.0 });
}

/// Killed every 20 to 90 minutes.
pub(crate) fn killed(draft: &mut Draft) {
    let gap = draft.chance.between(0.33, 1.5).min(draft.hours / 2.5);
    for at in draft.chance.rhythm(draft.hours, gap) {
        let down = draft.chance.whole(1, 2);
        draft.restart(at, down);
        draft.fault_at(at, 3);
    }
    let (amplitude, tau) = (draft.chance.between(0.05, 0.3), draft.chance.spread(0.5, 5.0) / 60.0);
    draft.add_by_age(|age| -amplitude * (-age / tau).exp());
    draft.unrest();
}

/// Paused or cut off every 20 to 60 minutes for up to 2 minutes: what waits piles up, and drains after.
pub(crate) fn piling_up(draft: &mut Draft) {
    let gap = draft.chance.between(20.0, 60.0) / 60.0;
    let by = draft.chance.between(0.1, 0.5);
    let drain = draft.chance.between(20.0, 70.0) / 3600.0;
    for begin in draft.chance.rhythm(draft.hours, gap) {
        let steps = draft.chance.whole(3, 12);
        draft.fault_at(begin, steps);
        let end = begin + Draft::hour(steps);
        draft.add(|h| match h {
            h if h < begin => 0.0,
            h if h < end => by * (h - begin) / (end - begin),
            h => by * (-(h - end) / drain).exp(),
        });
    }
    draft.unrest();
}
