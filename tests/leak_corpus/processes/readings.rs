//! What is hard about the reading itself: coarse, missing, tiny, huge, or a count.

use crate::leak_corpus::draft::Draft;

/// Read in whole MiB, of a process of 20 to 80 MiB.
pub(crate) fn coarse(draft: &mut Draft) {
    let mib = draft.chance.spread(20.0, 80.0);
    draft.level_mib(mib);
    draft.quantum = 1_048_576.0;
    let (phi, quanta) = (draft.chance.between(0.0, 0.9), draft.chance.between(0.3, 1.0));
    draft.autocorrelated(phi, quanta / mib);
}

/// A twentieth to a fifth of the readings missing, and one to three gaps of 5 to 40 minutes.
pub(crate) fn gaps(draft: &mut Draft) {
    draft.unrest();
    let missing = draft.chance.between(0.05, 0.2);
    for i in 1..draft.steps() {
        draft.absent[i] = draft.chance.happens(missing);
    }
    for _ in 0..draft.chance.whole(1, 3) {
        let begin = draft.hours * draft.chance.between(0.05, 0.85);
        let hours = draft.chance.between(5.0, 40.0_f64.min(draft.hours * 6.0)) / 60.0;
        let (from, to) = (draft.step(begin), draft.step(begin + hours));
        draft.absent[from..to].iter_mut().for_each(|absent| *absent = true);
    }
}

/// 5 MiB, whose noise is a few pages.
pub(crate) fn tiny(draft: &mut Draft) {
    draft.level_mib(5.0);
    let (phi, pages) = (draft.chance.between(0.0, 0.9), draft.chance.between(1.0, 10.0));
    draft.autocorrelated(phi, pages / 1280.0);
}

/// 8 GiB.
pub(crate) fn huge(draft: &mut Draft) {
    draft.level_mib(8192.0);
    let (phi, sd) = (draft.chance.between(0.3, 0.95), draft.chance.spread(0.001, 0.01));
    draft.autocorrelated(phi, sd);
}

/// Open descriptors: some always, some per connection, whose number comes and goes (a queue of
/// Poisson arrivals and exponential stays).
pub(crate) fn descriptors(draft: &mut Draft) {
    let (always, open) = (draft.chance.between(15.0, 60.0), draft.chance.spread(5.0, 60.0));
    let stay = draft.chance.spread(1.5, 20.0);
    let kept = (-1.0 / stay).exp();
    let mut connections = draft.chance.poisson(open);
    counted(draft, always + open);
    for i in 0..draft.steps() {
        connections =
            draft.chance.of(connections, kept) + draft.chance.poisson(open * (1.0 - kept));
        draft.value[i] += (connections - open) / draft.level;
    }
}

/// Threads: a pool that grows to its size by steps within a part of the series, and stays.
pub(crate) fn threads(draft: &mut Draft) {
    let most = draft.chance.spread(8.0, 64.0).round();
    let started = draft.chance.between(0.5, 1.0);
    let tau = draft.hours.min(3.0) * draft.chance.between(0.05, 0.2);
    counted(draft, most);
    let now_and_then = draft.chance.between(0.0, 0.1);
    draft.add(|h| -(1.0 - started) * (-h / tau).exp());
    for i in 0..draft.steps() {
        if draft.chance.happens(now_and_then) {
            draft.value[i] += 1.0 / most;
        }
    }
}

fn counted(draft: &mut Draft, level: f64) {
    draft.level = level;
    draft.quantum = 1.0;
    draft.counts = true;
}
