//! Growth that ends: start-up, caches that fill.

use crate::leak_corpus::draft::Draft;

fn rising(draft: &mut Draft, amplitude: f64, tau: f64) {
    draft.add_by_age(|age| -amplitude * (-age / tau).exp());
}

/// One time constant of 5 to 20 minutes.
pub(crate) fn brief(draft: &mut Draft) {
    let (amplitude, tau) = (draft.chance.between(0.1, 0.4), draft.chance.spread(5.0, 20.0) / 60.0);
    rising(draft, amplitude, tau);
    draft.unrest();
}

/// One time constant of 20 minutes to 3.5 hours.
pub(crate) fn long(draft: &mut Draft) {
    let (amplitude, tau) = (draft.chance.between(0.1, 0.5), draft.chance.spread(0.33, 3.5));
    rising(draft, amplitude, tau);
    draft.unrest();
}

/// Two time constants: minutes, and up to 3.5 hours.
pub(crate) fn double(draft: &mut Draft) {
    let (first, tau) = (draft.chance.between(0.1, 0.3), draft.chance.spread(2.0, 15.0) / 60.0);
    rising(draft, first, tau);
    let (second, tau) = (draft.chance.between(0.05, 0.3), draft.chance.spread(0.5, 3.5));
    rising(draft, second, tau);
    draft.unrest();
}

/// A cache whose new keys become rarer as 1/t; full (by its limit) some day.
pub(crate) fn logarithmic(draft: &mut Draft) {
    let (per_e, t0) = (draft.chance.between(0.01, 0.06), draft.chance.spread(1.0, 20.0) / 60.0);
    draft.add(|h| per_e * (1.0 + h / t0).ln());
    draft.unrest();
}

/// A cache of keys asked for by Zipf's law: the distinct keys seen so far.
pub(crate) fn zipf(draft: &mut Draft) {
    let keys = draft.chance.spread(2e3, 5e4);
    let power = draft.chance.between(0.8, 1.1);
    let share = draft.chance.between(0.1, 0.5);
    // Ranks in bands, each a quarter wider than the last: expected distinct keys of a band after n
    // requests are its keys x (1 - exp(-n p)).
    let mut bands = Vec::new();
    let mut rank = 1.0;
    while rank < keys {
        let next = f64::min((rank * 1.25_f64).ceil().max(rank + 1.0), keys);
        bands.push((next - rank, f64::midpoint(rank, next).powf(-power)));
        rank = next;
    }
    let total: f64 = bands.iter().map(|(count, weight)| count * weight).sum();
    let per_hour = draft.per_second * 3600.0;
    draft.add(|h| {
        let seen: f64 = bands
            .iter()
            .map(|(count, weight)| count * -(-per_hour * h * weight / total).exp_m1())
            .sum();
        share * seen / keys
    });
    draft.unrest();
}

/// Fills at a constant rate until it is full, at 10 to 60 % of the series.
pub(crate) fn plateau(draft: &mut Draft) {
    let full = draft.hours * draft.chance.between(0.1, 0.6);
    let amplitude = draft.chance.between(0.05, 0.5);
    draft.add(|h| amplitude * (h / full).min(1.0));
    draft.unrest();
}
