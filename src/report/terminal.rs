//! What a terminal shows at the end of a run, and at each ledger row.

use std::fmt::Write as _;

use super::figures::{count, dash, growth, latency, percent_or_dash, rate, recovery, tier};
use super::leaks::in_a_sentence;
use super::opening::Opening;
use super::sums::{budget, recoveries};
use super::table::{Table, cut};
use crate::record::{LedgerRow, LimitResult, Side, Tier, Verdict};
use crate::units::Bytes;

/// Columns of what a terminal is told.
pub(super) const WIDTH: usize = 100;

/// Text in a colour of the terminal's, where colours are wanted.
pub(super) fn paint(color: bool, code: &str, text: &str) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The colour of a tier on a terminal.
pub(super) fn tier_code(tier: Tier) -> &'static str {
    match tier {
        Tier::Pass => "32",
        Tier::Warn | Tier::Unknown => "33",
        Tier::Fail => "31",
    }
}

/// The ledger as aligned tables of at most 100 columns: load first, then memory per service.
pub fn ledger_text(rows: &[LedgerRow]) -> String {
    let mut load = Table::new([
        ">#",
        "from",
        ">target",
        ">achieved",
        ">ok",
        ">errors",
        ">error %",
        ">p50",
        ">p95",
        ">p99",
        "faults",
    ]);
    for r in rows {
        load.row([
            r.number.to_string(),
            r.from.to_string(),
            rate(r.target_rate),
            rate(r.achieved_rate),
            count(r.counts.ok),
            count(r.counts.errors()),
            percent_or_dash(r.error_rate),
            figure(r.latency.count, r.latency.p50),
            figure(r.latency.count, r.latency.p95),
            figure(r.latency.count, r.latency.p99),
            r.faults.join(" "),
        ]);
    }
    let mut out = load.text(WIDTH);
    let names = services(rows);
    for some in names.chunks(3) {
        let mut table = Table::new(std::iter::once(">#".to_owned()).chain(
            some.iter().flat_map(|n| [format!(">{n}"), ">growth".to_owned(), ">cpu".to_owned()]),
        ));
        for r in rows {
            let mut cells = vec![r.number.to_string()];
            for name in some {
                let row = r.services.iter().find(|s| s.service == *name);
                let figure = |f: Option<String>| f.unwrap_or_else(dash);
                cells.push(figure(row.and_then(|s| s.memory_mean).map(|b| Bytes(b).human())));
                cells.push(figure(row.and_then(|s| s.growth_percent).map(growth)));
                cells.push(figure(row.and_then(|s| s.cpu_percent).map(|c| format!("{c:.1}%"))));
            }
            table.row(cells);
        }
        write!(
            out,
            "\n  mean memory, growth since the first row, CPU of one core\n{}",
            table.text(WIDTH)
        )
        .ok();
    }
    out
}

/// One ledger row as one line, as it is told while a run goes. It names the row's end: its figures are whole
/// some seconds later.
pub fn ledger_line(row: &LedgerRow) -> String {
    let memory: Vec<String> = row
        .services
        .iter()
        .filter_map(|s| {
            let grown = s.growth_percent.map_or_else(String::new, |g| format!(" ({})", growth(g)));
            s.memory_mean.map(|b| format!("{} {}{grown}", s.service, Bytes(b).human()))
        })
        .collect();
    let faults = if row.faults.is_empty() {
        String::new()
    } else {
        format!("; faults {}", row.faults.join(" "))
    };
    format!(
        "ledger {:>2} to {}: {} of {}, {} ok, {} errors ({}), p50 {} p95 {} p99 {}; {}{faults}",
        row.number,
        row.to,
        rate(row.achieved_rate),
        rate(row.target_rate),
        count(row.counts.ok),
        count(row.counts.errors()),
        percent_or_dash(row.error_rate),
        figure(row.latency.count, row.latency.p50),
        figure(row.latency.count, row.latency.p95),
        figure(row.latency.count, row.latency.p99),
        if memory.is_empty() { "no memory figures".to_owned() } else { memory.join(", ") },
    )
}

/// Limits as an aligned table, a line for each in the colour of its tier.
pub(super) fn limits_text(limits: &[LimitResult], color: bool) -> String {
    let mut table = Table::new(["", "limit", "bound", ">measured", ">margin", "note"]);
    for l in limits {
        table.row([
            mark(l.tier).to_owned(),
            l.name.clone(),
            l.bound.clone(),
            l.measured.clone(),
            l.margin.clone().unwrap_or_else(dash),
            l.note.clone().unwrap_or_default(),
        ]);
    }
    let tiers = std::iter::once(None).chain(limits.iter().map(|l| Some(l.tier)));
    let mut out = String::new();
    for (line, tier) in table.text(WIDTH).lines().zip(tiers) {
        let code = tier.map_or("2", tier_code);
        writeln!(out, "{}", paint(color, code, line)).ok();
    }
    out
}

/// The verdict: outcome, reasons, every limit and every fault; at most 100 columns. `color` adds terminal colours.
pub fn verdict_text(verdict: &Verdict, color: bool) -> String {
    let mut out = Opening::from(verdict).text(color);
    if !verdict.limits.is_empty() {
        write!(out, "\nLimits\n{}", limits_text(&verdict.limits, color)).ok();
    }
    if !verdict.faults.is_empty() {
        let mut table = Table::new(["fault", "what", "in force", "recovery"]);
        for f in &verdict.faults {
            table.row([
                f.id.to_string(),
                f.what.clone(),
                if f.verified { "verified".to_owned() } else { f.ending.clone() },
                recovery(&f.recovery),
            ]);
        }
        write!(out, "\nFaults\n{}", table.text(WIDTH)).ok();
        for all in &verdict.recoveries {
            let line = format!("{}: {}", all.fault, recoveries(all));
            for (i, line) in wrap(&line, WIDTH - 4).iter().enumerate() {
                writeln!(out, "  {}{line}", if i == 0 { "" } else { "  " }).ok();
            }
        }
    }
    if !verdict.leaks.is_empty() {
        let text = format!("Leaks: {}", in_a_sentence(verdict.leaks.iter()).text);
        for (i, line) in wrap(&text, WIDTH - 2).iter().enumerate() {
            writeln!(out, "{}{line}", if i == 0 { "\n" } else { "  " }).ok();
        }
    }
    let a = &verdict.availability;
    writeln!(
        out,
        "\nAvailability {}  outside faults {}  during {}  recovering {}",
        percent_or_dash(a.total),
        percent_or_dash(a.outside_faults),
        percent_or_dash(a.during_faults),
        percent_or_dash(a.recovering),
    )
    .ok();
    if let Some(spent) = &verdict.error_budget {
        for (i, line) in wrap(&budget(spent), WIDTH - 14).iter().enumerate() {
            writeln!(out, "{} {line}", if i == 0 { "Error budget" } else { "            " }).ok();
        }
    }
    let t = &verdict.totals;
    writeln!(
        out,
        "Arrivals {} = {} ok + {} failed + {} timed out + {} not sent",
        count(t.scheduled),
        count(t.ok),
        count(t.failed),
        count(t.timed_out),
        count(t.not_sent),
    )
    .ok();
    out
}

/// Whose fault, in words.
pub(super) fn side_words(side: Side) -> &'static str {
    match side {
        Side::Target => "the target",
        Side::Environment => "the environment (host, engine, network)",
        Side::Longhaul => "longhaul itself",
    }
}

/// Names of the services in the ledger, sorted.
pub(super) fn services(rows: &[LedgerRow]) -> Vec<String> {
    let mut names: Vec<String> =
        rows.iter().flat_map(|r| &r.services).map(|s| s.service.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// A latency figure, or a dash when nothing was measured.
pub fn figure(measured: u64, us: u64) -> String {
    if measured == 0 { dash() } else { latency(us) }
}

pub(super) fn mark(t: Tier) -> &'static str {
    match t {
        Tier::Pass => "ok",
        other => tier(other),
    }
}

/// Lines of at most so many characters, broken between words.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = cut(word, width);
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width
        {
            lines.push(word);
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(&word);
        }
    }
    lines
}
