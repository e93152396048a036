//! A comparison as Markdown.

use std::fmt::Write as _;

use super::super::table::escape;
use super::words;
use crate::record::Comparison;

/// A document of its own.
pub(super) fn report(c: &Comparison) -> String {
    let mut out = format!("# {}: two runs compared\n\n", escape(&c.b.experiment));
    body(&mut out, c).ok();
    out
}

/// A section of a run's report.
pub(in crate::report) fn section(out: &mut String, c: &Comparison) -> std::fmt::Result {
    writeln!(out, "\n## Against {}\n", escape(&c.a.name))?;
    body(out, c)
}

fn body(out: &mut String, c: &Comparison) -> std::fmt::Result {
    writeln!(out, "**{}**\n", escape(&words::headline(c)))?;
    writeln!(out, "- a: {}\n- b: {}", escape(&words::run(&c.a)), escape(&words::run(&c.b)))?;
    for line in words::versions(c) {
        writeln!(out, "- changed: {}", escape(&line))?;
    }
    for (kind, all) in [("unlike", &c.refused), ("accepted difference", &c.accepted)] {
        for difference in all {
            writeln!(out, "- {kind}: {}", escape(&words::difference_text(difference)))?;
        }
    }
    if !c.refused.is_empty() {
        return words::ways_out(&c.refused)
            .iter()
            .try_for_each(|way| writeln!(out, "- {}", escape(way)));
    }
    write!(out, "\n{}\n", words::table(c).markdown())?;
    for line in words::gaps(c) {
        writeln!(out, "{}\n", escape(&line))?;
    }
    writeln!(out, "{}", words::allowance(c))
}
