//! A comparison on a terminal.

use std::fmt::Write as _;

use super::super::table::cut;
use super::super::terminal::{WIDTH, paint, tier_code, wrap};
use super::words;
use crate::record::Comparison;

/// The comparison in at most 100 columns. `color` adds terminal colours.
pub fn comparison_text(c: &Comparison, color: bool) -> String {
    let mut out = String::new();
    let bold = format!("1;{}", tier_code(c.tier()));
    writeln!(out, "{}", paint(color, &bold, &cut(&words::headline(c), WIDTH))).ok();
    writeln!(out, "  a  {}", cut(&words::run(&c.a), WIDTH - 5)).ok();
    writeln!(out, "  b  {}", cut(&words::run(&c.b), WIDTH - 5)).ok();
    let mut list = |intro: &str, lines: &[String]| {
        for line in lines {
            for (i, part) in wrap(line, WIDTH - 4 - intro.len()).iter().enumerate() {
                let before = if i == 0 { intro.to_owned() } else { " ".repeat(intro.len()) };
                writeln!(out, "  {before}{part}").ok();
            }
        }
    };
    list("changed: ", &words::versions(c));
    let told = |all: &[crate::record::Difference]| -> Vec<String> {
        all.iter().map(words::difference_text).collect()
    };
    list("unlike:  ", &told(&c.refused));
    list("accepted: ", &told(&c.accepted));
    if !c.refused.is_empty() {
        list("hint: ", &words::ways_out(&c.refused));
        return out;
    }
    out.push('\n');
    let tiers = std::iter::once(None).chain(c.findings.iter().map(Some));
    for (line, finding) in words::table(c).text(WIDTH).lines().zip(tiers) {
        let code = finding.map_or("2", |f| tier_code(f.tier));
        writeln!(out, "{}", paint(color, code, line)).ok();
    }
    out.push('\n');
    for line in words::gaps(c).iter().chain([&words::allowance(c)]) {
        for part in wrap(line, WIDTH - 2) {
            writeln!(out, "  {part}").ok();
        }
    }
    out
}
