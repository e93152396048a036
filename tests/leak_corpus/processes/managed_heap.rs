//! Heaps that fill and are collected, and buffers that fill and are written out.

use crate::leak_corpus::draft::Draft;
use crate::leak_corpus::series::STEP_S;

/// The longest period of which a series shows two full ones.
fn seen_twice(draft: &Draft, hours: f64) -> f64 {
    hours.min(draft.hours / 2.5)
}

/// JVM-like: the young generation is collected every 15 to 120 s, what survives fills the old one,
/// which is collected every 20 to 90 minutes.
pub(crate) fn generations(draft: &mut Draft) {
    let young = draft.chance.between(0.05, 0.25);
    let young_period = draft.chance.spread(15.0, 120.0);
    let old = draft.chance.between(0.1, 0.4);
    let old_period = draft.chance.spread(0.33, seen_twice(draft, 1.5)) * 3600.0;
    let mut filled = old * draft.chance.between(0.0, 0.5);
    let mut trigger = old;
    let mut phase = 0.0;
    for i in 0..draft.steps() {
        let pace = (1.0 + 0.1 * draft.chance.normal()).max(0.0);
        phase = (phase + STEP_S / young_period * pace) % 1.0;
        filled += old / old_period * STEP_S * pace;
        if filled > trigger {
            filled = old * draft.chance.between(0.0, 0.05);
            trigger = old * draft.chance.between(0.95, 1.05);
        }
        draft.value[i] += filled + young * phase;
    }
    draft.unrest();
}

/// Go-like: the heap doubles between collections seconds to two minutes apart; what was collected goes
/// back to the system over minutes.
pub(crate) fn doubling(draft: &mut Draft) {
    let period = draft.chance.spread(3.0, 120.0);
    let returned = draft.chance.between(60.0, 300.0);
    let (phi, sd) = (draft.chance.between(0.5, 0.95), draft.chance.spread(0.005, 0.02));
    let live = draft.chance.autocorrelated(draft.steps(), phi, sd);
    let mut phase = draft.chance.between(0.0, 1.0);
    let mut resident = 0.5;
    for (i, unrest) in live.into_iter().enumerate() {
        let live = 0.5 * (1.0 + unrest);
        let advance = STEP_S / period * (1.0 + 0.1 * draft.chance.normal()).max(0.0);
        let collected = phase + advance >= 1.0;
        phase = (phase + advance) % 1.0;
        let peak = if collected { 2.0 * live } else { live * (1.0 + phase) };
        resident = f64::max(peak, resident - (resident - live) * (STEP_S / returned));
        draft.value[i] += resident - 1.0;
    }
    draft.unrest();
}

/// Slow teeth: collected only every 30 minutes to 3 hours, 20 to 60 % high.
pub(crate) fn slow_teeth(draft: &mut Draft) {
    let period = draft.chance.spread(0.4, seen_twice(draft, 3.0));
    let height = draft.chance.between(0.2, 0.6);
    teeth(draft, period, height, 0.03);
}

/// A log buffer or file written out and started anew every 20 minutes to an hour, 3 to 12 %.
pub(crate) fn log_rotation(draft: &mut Draft) {
    let period = draft.chance.spread(0.33, seen_twice(draft, 1.0));
    let height = draft.chance.between(0.03, 0.12);
    teeth(draft, period, height, 0.0);
}

fn teeth(draft: &mut Draft, period: f64, height: f64, leftover: f64) {
    let ends = draft.chance.rhythm(draft.hours, period);
    let mut begin = ends.first().map_or(0.0, |first| first - period);
    let mut ends = ends.into_iter().peekable();
    let mut rest = 0.0;
    for i in 0..draft.steps() {
        let now = Draft::hour(i);
        if ends.next_if(|end| *end <= now).is_some() {
            begin = now;
            rest = leftover * draft.chance.between(0.0, 1.0);
        }
        draft.value[i] += height * (rest + (now - begin) / period);
    }
    draft.unrest();
}

/// Page-cache-like: buffers grow unevenly until pressure takes an uneven part of them back.
pub(crate) fn reclaimed(draft: &mut Draft) {
    let most = draft.chance.between(0.1, 0.4);
    let period = draft.chance.spread(0.2, seen_twice(draft, 1.0));
    let pace = draft.chance.autocorrelated(draft.value.len(), 0.95, 0.5);
    let mut held = most * draft.chance.between(0.0, 1.0);
    for (i, pace) in pace.into_iter().enumerate() {
        held += most / period * (1.0 + pace).max(0.0) * Draft::hour(1);
        if held > most {
            held *= 1.0 - draft.chance.between(0.4, 0.95);
        }
        draft.value[i] += held;
    }
    draft.unrest();
}
