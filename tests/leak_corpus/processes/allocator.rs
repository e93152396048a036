//! What allocators keep: arenas, fragments, and what they give back all at once.

use crate::leak_corpus::draft::Draft;

/// glibc-like: arenas that are touched for the first time, ever more rarely, and never given back.
pub(crate) fn arenas(draft: &mut Draft) {
    let often = draft.hours.min(6.0) * draft.chance.between(0.05, 0.2);
    for _ in 0..draft.chance.whole(3, 14) {
        let at = draft.chance.exponential(often).min(draft.hours * 0.6);
        let (by, over) = (draft.chance.between(0.01, 0.06), draft.chance.between(0.003, 0.03));
        draft.add(|h| by * ((h - at) / over).clamp(0.0, 1.0));
    }
    draft.unrest();
}

/// A ratchet: what was once needed is never given back, and the need wanders.
pub(crate) fn fragments(draft: &mut Draft) {
    let (minutes, sd) = (draft.chance.between(2.0, 15.0), draft.chance.between(0.01, 0.04));
    let need = draft.chance.autocorrelated(draft.value.len(), (-1.0 / (6.0 * minutes)).exp(), sd);
    let mut most = f64::MIN;
    for (value, need) in draft.value.iter_mut().zip(need) {
        most = most.max(need);
        *value += most;
    }
    draft.unrest();
}

/// Holds too much until it is trimmed, once, by 10 to 30 %.
pub(crate) fn trimmed(draft: &mut Draft) {
    let at = draft.hours * draft.chance.between(0.1, 0.9);
    let by = draft.chance.between(0.1, 0.3);
    draft.add(|h| if h < at { by } else { 0.0 });
    draft.unrest();
}
