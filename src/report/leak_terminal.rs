//! The investigation on a terminal: every verdict in a table, then what to look at first.

use std::fmt::Write as _;

use super::facts::Facts;
use super::figures::dash;
use super::leaks::{Case, nearest, sentence, slope, to_limit};
use super::table::{Table, cut};
use crate::record::{RunData, Verdict};

const WIDTH: usize = 120;

/// The investigation of one service, or of all.
pub fn leak_text(data: &RunData, verdict: &Verdict, service: Option<&str>) -> String {
    let facts = Facts::of(data, verdict);
    let cases = Case::all(&facts, service);
    let mut table =
        Table::new(["verdict", "instance", "gauge", ">growth", ">limit reached in", "why"]);
    for case in &cases {
        for result in &case.results {
            let f = &result.finding;
            table.row([
                f.verdict.word().to_owned(),
                case.instance.to_string(),
                result.gauge.to_string(),
                slope(&result.gauge, f).map_or_else(dash, |s| s.value),
                to_limit(f).map_or_else(dash, |s| s.value),
                f.reason.clone(),
            ]);
        }
    }
    let mut out = format!("{}\n\n{}", sentence(&cases).text, table.text(WIDTH));
    for case in cases.iter().filter(|c| c.needs_a_look()) {
        write!(out, "\n{}\n", case.instance).ok();
        for result in &case.results {
            let Some(change) = result.finding.change_point else { continue };
            let near = nearest(&facts.data.events, change.at);
            let near = near.map_or_else(String::new, |n| format!(" (nearest event: {})", n.what));
            writeln!(out, "  {} since {}{near}", result.gauge, change.at).ok();
        }
        for clue in case.clues {
            writeln!(out, "  {}", cut(&clue.sentence, 1000)).ok();
            for step in &clue.next {
                writeln!(out, "    - {}", cut(step, 1000)).ok();
            }
        }
    }
    out
}
