//! What one ledger row keeps of each instance's samples, and the service's figures from it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::record::Reading;

/// The samples of one instance within one row. Takes them in time order; says nothing about other instances.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Anonymous memory by tick: `(tick, sum, readings)`.
    ticks: Vec<(u64, u64, u32)>,
    fds_max: Option<u64>,
    pids_max: Option<u64>,
    cpu_us: u64,
    cpu_time: Duration,
}

impl Account {
    /// Adds a reading. `tick` numbers the sampling intervals since the profile's start.
    pub(super) fn reading(&mut self, tick: u64, reading: &Reading) {
        if let Some(anon) = reading.anon {
            match self.ticks.last_mut() {
                Some((last, sum, n)) if *last == tick => {
                    *sum += anon;
                    *n += 1;
                }
                _ => self.ticks.push((tick, anon, 1)),
            }
        }
        self.fds_max = self.fds_max.max(reading.fds);
        self.pids_max = self.pids_max.max(reading.pids);
    }

    /// Adds CPU time that was used in a stretch of time.
    pub(super) fn cpu(&mut self, used_us: u64, time: Duration) {
        self.cpu_us += used_us;
        self.cpu_time += time;
    }

    fn tick_means(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ticks.iter().map(|(tick, sum, n)| (*tick, sum / u64::from(*n).max(1)))
    }
}

/// A service's figures within one row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// Lowest, mean and highest memory of all instances together, bytes.
    pub(super) memory: Option<(u64, u64, u64)>,
    /// How many instances' memory was read.
    pub(super) instances: usize,
    /// CPU in percent of one core.
    pub(super) cpu_percent: Option<f64>,
    pub(super) fds_max: Option<u64>,
    pub(super) pids_max: Option<u64>,
}

/// The figures of a service from its instances' accounts.
///
/// Memory is summed over the instances tick by tick, over ticks where none is missing, so that a replica that is
/// down for a while does not look like memory given back. Where that leaves less than half of the ticks, the
/// instances' own figures are added up instead. CPU time is that of all instances, over the time that the
/// longest-seen of them was seen. Descriptors and threads are the highest of any instance.
pub(super) fn figures(accounts: &BTreeMap<u32, Account>) -> Figures {
    let cpu_us: u64 = accounts.values().map(|a| a.cpu_us).sum();
    let cpu_time = accounts.values().map(|a| a.cpu_time).max().unwrap_or_default();
    Figures {
        memory: memory(accounts),
        instances: accounts.values().filter(|a| !a.ticks.is_empty()).count(),
        cpu_percent: (cpu_time > Duration::ZERO)
            .then(|| cpu_us as f64 / 1e6 / cpu_time.as_secs_f64() * 100.0),
        fds_max: accounts.values().filter_map(|a| a.fds_max).max(),
        pids_max: accounts.values().filter_map(|a| a.pids_max).max(),
    }
}

fn memory(accounts: &BTreeMap<u32, Account>) -> Option<(u64, u64, u64)> {
    let present: Vec<&Account> = accounts.values().filter(|a| !a.ticks.is_empty()).collect();
    let mut ticks: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    for account in &present {
        for (tick, mean) in account.tick_means() {
            let entry = ticks.entry(tick).or_default();
            entry.0 += mean;
            entry.1 += 1;
        }
    }
    let whole: Vec<u64> =
        ticks.values().filter(|(_, n)| *n == present.len()).map(|(sum, _)| *sum).collect();
    if !whole.is_empty() && whole.len() * 2 >= ticks.len() {
        return spread(&whole);
    }
    present
        .iter()
        .filter_map(|a| spread(&a.tick_means().map(|(_, mean)| mean).collect::<Vec<_>>()))
        .reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2))
}

fn spread(values: &[u64]) -> Option<(u64, u64, u64)> {
    let (min, max) = (values.iter().min()?, values.iter().max()?);
    let sum: u128 = values.iter().map(|v| u128::from(*v)).sum();
    Some((*min, (sum / values.len() as u128) as u64, *max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(ticks: impl IntoIterator<Item = u64>, anon: u64) -> Account {
        let mut account = Account::default();
        for tick in ticks {
            account.reading(tick, &Reading { anon: Some(anon), ..Reading::default() });
        }
        account
    }

    #[test]
    fn a_missing_replica_is_a_gap_and_not_less_memory() {
        let steady = BTreeMap::from([(1, account(0..100, 300)), (2, account(0..100, 200))]);
        assert_eq!(figures(&steady).memory, Some((500, 500, 500)));
        let gap = (0..40).chain(50..100);
        let killed = BTreeMap::from([(1, account(0..100, 300)), (2, account(gap, 200))]);
        assert_eq!(figures(&killed).memory, Some((500, 500, 500)));
        let gone = BTreeMap::from([(1, account(0..100, 300)), (2, account(0..10, 200))]);
        assert_eq!(figures(&gone).memory, Some((500, 500, 500)));
        assert_eq!(figures(&BTreeMap::from([(1, Account::default())])).memory, None);
    }

    #[test]
    fn cpu_is_over_the_time_that_was_seen() {
        let mut busy = Account::default();
        busy.cpu(5_000_000, Duration::from_secs(10));
        let mut brief = Account::default();
        brief.cpu(1_000_000, Duration::from_secs(2));
        let both = figures(&BTreeMap::from([(1, busy), (2, brief)]));
        assert_eq!(both.cpu_percent, Some(60.0));
        assert_eq!(figures(&BTreeMap::from([(1, Account::default())])).cpu_percent, None);
    }
}
