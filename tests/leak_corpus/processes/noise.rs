//! Flat, with unrest of every colour, and with shifts.

use crate::leak_corpus::draft::Draft;

/// White noise of 0.2 to 2 %.
pub(crate) fn white(draft: &mut Draft) {
    let sd = draft.chance.spread(0.002, 0.02);
    draft.white(sd);
}

/// AR(1) noise, phi 0.5 to 0.9 at 10 s.
pub(crate) fn autocorrelated(draft: &mut Draft) {
    let (phi, sd) = (draft.chance.between(0.5, 0.9), draft.chance.spread(0.005, 0.02));
    draft.autocorrelated(phi, sd);
}

/// AR(1) noise, phi 0.95 to 0.98 at 10 s (3 to 8 minutes), 1 to 4 %.
pub(crate) fn strongly_autocorrelated(draft: &mut Draft) {
    let (phi, sd) = (draft.chance.between(0.95, 0.98), draft.chance.spread(0.01, 0.04));
    draft.autocorrelated(phi, sd);
}

/// Wanders about its level: AR(1) with a memory of 10 to 30 minutes, 0.5 to 2 %.
pub(crate) fn wandering(draft: &mut Draft) {
    let (minutes, sd) = (draft.chance.between(10.0, 30.0), draft.chance.spread(0.005, 0.02));
    draft.autocorrelated((-1.0 / (6.0 * minutes)).exp(), sd);
}

/// Heavy-tailed noise, and single readings up to twice as high.
pub(crate) fn spiky(draft: &mut Draft) {
    let (sd, often) = (draft.chance.spread(0.002, 0.01), draft.chance.between(0.001, 0.01));
    for i in 0..draft.steps() {
        draft.value[i] += sd * draft.chance.heavy(3).clamp(-30.0, 30.0);
        if draft.chance.happens(often) {
            draft.value[i] += draft.chance.between(0.1, 1.0);
        }
    }
}

/// One to three shifts of 3 to 15 %, up or down.
pub(crate) fn shifting(draft: &mut Draft) {
    for _ in 0..draft.chance.whole(1, 3) {
        let at = draft.hours * draft.chance.between(0.05, 0.95);
        let by = draft.chance.sign() * draft.chance.between(0.03, 0.15);
        draft.add(|h| if h >= at { by } else { 0.0 });
    }
    draft.unrest();
}

/// Gives memory back, by 0.2 to 2 % an hour, fading.
pub(crate) fn shrinking(draft: &mut Draft) {
    let (slope, fade) = (draft.chance.spread(0.002, 0.02), draft.chance.between(4.0, 12.0));
    draft.add(|h| slope * fade * ((-h / fade).exp() - 1.0));
    draft.unrest();
}
