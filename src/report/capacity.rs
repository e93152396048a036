//! The search for the target's limit: every rate that was tried.

use super::facts::Facts;
use super::figures::{count, dash, latency, percent};
use super::table::Table;
use crate::record::{GaveWay, Level};

/// What was found, and the table of what was tried; `None` for a run without a search that came to its end.
pub(super) fn of(facts: &Facts<'_>) -> Option<(String, Table)> {
    let (levels, found) = facts.capacity()?;
    Some((found.to_string(), table(&levels)))
}

fn table(levels: &[&Level]) -> Table {
    let mut table = Table::new([
        ">#",
        "From",
        ">Offered",
        ">Scheduled",
        ">Errors",
        ">Answered in time",
        ">p95",
        ">p99",
        ">Sent late p95",
        "Gave way",
    ]);
    for (n, level) in levels.iter().enumerate() {
        table.row([
            (n + 1).to_string(),
            level.from.to_string(),
            level.rate.to_string(),
            count(level.scheduled),
            count(level.errors),
            percent(level.achieved),
            latency(level.p95_us),
            latency(level.p99_us),
            latency(level.late_us),
            level.gave_way.map_or_else(dash, |what| GaveWay::words(what).to_owned()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Offset;
    use crate::record::{Capacity, Event, EventKind};
    use crate::report::{fixture, html, markdown};
    use crate::units::Rate;

    #[test]
    fn the_limit_and_every_rate_that_was_tried_are_in_the_reports() {
        let (mut data, verdict) = fixture::passed();
        let level = |second: u64, rate: f64, errors: u64, gave_way| Level {
            rate: Rate::per_second(rate),
            from: Offset::from_micros(second * 1_000_000),
            to: Offset::from_micros((second + 10) * 1_000_000),
            scheduled: 1000,
            errors,
            achieved: 0.98,
            p95_us: 1_500,
            p99_us: 2_500,
            late_us: 90,
            gave_way,
        };
        let levels = [level(5, 100.0, 3, None), level(15, 200.0, 77, Some(GaveWay::Errors))];
        let found = Capacity {
            rate: Some(Rate::per_second(100.0)),
            confirmed: true,
            above: Some(Rate::per_second(200.0)),
            gave_way: Some(GaveWay::Errors),
        };
        let at = Offset::from_micros(25_000_000);
        data.events
            .extend(levels.map(|level| Event { at: level.to, kind: EventKind::Level(level) }));
        data.events.push(Event { at, kind: EventKind::Capacity(found) });
        let facts = Facts::of(&data, &verdict);
        let (said, table) = of(&facts).unwrap();
        assert_eq!(said, "the limit is 100/s (confirmed twice); at 200/s errors gave way first");
        let text = table.text(200);
        assert_eq!(
            text.lines()
                .skip(1)
                .map(|line| line.split_whitespace().collect::<Vec<_>>())
                .collect::<Vec<_>>(),
            [
                "1 00:00:05 100/s 1,000 3 98% 1.5 ms 2.5 ms 90 µs –",
                "2 00:00:15 200/s 1,000 77 98% 1.5 ms 2.5 ms 90 µs errors",
            ]
            .map(|row| row.split(' ').collect::<Vec<_>>())
        );
        for report in [markdown::report(&facts), html::page(&facts)] {
            assert!(report.contains(&said) || report.contains(&said.replace('(', "\\(")), "{said}");
            assert!(report.contains("Answered in time"));
        }
        let (data, verdict) = fixture::passed();
        assert!(!html::page(&Facts::of(&data, &verdict)).contains("Answered in time"));
    }
}
