//! `leak.md`: the investigation for tickets and chats.

use std::fmt::Write as _;

use super::facts::Facts;
use super::figures::{calendar, clock, dash, span};
use super::leaks::{Case, nearest, per_request, sentence, slope, to_limit};
use super::table::{Table, cut, escape};
use crate::record::{Captured, LeakResult, MemoryPart, Standing};
use crate::units::{Bytes, trim};

/// The investigation of one service, or of all.
pub(super) fn investigation(facts: &Facts<'_>, service: Option<&str>) -> String {
    let cases = Case::all(facts, service);
    let mut out = String::new();
    // Writing to a string does not fail.
    head(&mut out, facts, service).ok();
    writeln!(out, "**{}**\n", escape(&sentence(&cases).text)).ok();
    out.push_str(&overview(&cases).markdown());
    for case in &cases {
        one(&mut out, facts, case).ok();
    }
    out
}

fn head(out: &mut String, facts: &Facts<'_>, service: Option<&str>) -> std::fmt::Result {
    let run = &facts.data.run;
    let of = service.map_or_else(String::new, |s| format!(", service {}", escape(s)));
    writeln!(out, "# Leak investigation: {}{of}\n", escape(&run.experiment.name))?;
    writeln!(
        out,
        "Run `{}` on {}, started {}, took {}.\n",
        run.id,
        escape(&facts.target()),
        calendar(clock(run.anchor, facts.span.0)),
        span(facts.duration()),
    )
}

/// Every gauge in one table.
pub(super) fn overview(cases: &[Case<'_>]) -> Table {
    let mut table = Table::new([
        "Verdict",
        "Instance",
        "Gauge",
        ">Growth",
        ">A request",
        ">Limit reached in",
        "Since",
        "Why",
    ]);
    for case in cases {
        for result in &case.results {
            let f = &result.finding;
            table.row([
                f.verdict.word().to_owned(),
                case.instance.to_string(),
                result.gauge.to_string(),
                slope(&result.gauge, f).map_or_else(dash, |s| s.to_string()),
                per_request(&result.gauge, f).unwrap_or_else(dash),
                to_limit(f).map_or_else(dash, |s| s.to_string()),
                f.change_point.map_or_else(dash, |c| c.at.to_string()),
                f.reason.clone(),
            ]);
        }
    }
    table
}

fn one(out: &mut String, facts: &Facts<'_>, case: &Case<'_>) -> std::fmt::Result {
    writeln!(out, "\n## {}\n", escape(&case.instance.to_string()))?;
    for clue in case.clues {
        writeln!(out, "- **{}**", escape(&clue.sentence))?;
        for step in &clue.next {
            writeln!(out, "  - {}", escape(step))?;
        }
    }
    for result in &case.results {
        gauge(out, facts, case, result)?;
    }
    memory(out, case)?;
    let lives = case.lives(&facts.data.events);
    if lives.len() > 1 {
        let mut table =
            Table::new([">#", "From", "To", ">Lasted", ">Memory at first", ">At last", "Ended by"]);
        let bytes = |b: Option<u64>| b.map_or_else(dash, |b| Bytes(b).human());
        for life in &lives {
            table.row([
                (life.number + 1).to_string(),
                life.from.to_string(),
                life.to.to_string(),
                span(life.to.since(life.from)),
                bytes(life.memory.0),
                bytes(life.memory.1),
                life.ending.clone().unwrap_or_else(dash),
            ]);
        }
        write!(out, "\n### Lives\n\n{}", table.markdown())?;
    }
    for grown in case.grown_sites() {
        writeln!(
            out,
            "\n### Sites that grew: {}, {} to {}\n",
            escape(grown.source),
            grown.from,
            grown.to
        )?;
        match &grown.sites {
            Ok(sites) => {
                let mut table = Table::new([">Grown by", ">Last", "Allocated by"]);
                for site in sites.iter().take(8) {
                    table.row([
                        Bytes(site.bytes().unsigned_abs()).human(),
                        Bytes(site.last).human(),
                        site.frames.join(", called by "),
                    ]);
                }
                out.push_str(&table.markdown());
            }
            Err(why) => writeln!(out, "Not compared, because {}", escape(why))?,
        }
    }
    let missing = case.missing();
    if !missing.is_empty() {
        out.push('\n');
        for line in missing {
            writeln!(out, "- {}", escape(&line))?;
        }
    }
    Ok(())
}

fn gauge(
    out: &mut String,
    facts: &Facts<'_>,
    case: &Case<'_>,
    result: &LeakResult,
) -> std::fmt::Result {
    let finding = &result.finding;
    writeln!(
        out,
        "\n### {}: {}\n\n{}",
        escape(&result.gauge.to_string()),
        finding.verdict,
        escape(&finding.reason)
    )?;
    if !finding.rivals.is_empty() {
        let mut table = Table::new([
            "Explanation",
            "Parameters",
            ">ΔBIC",
            ">Growth at the end",
            "Standing",
            "Why",
        ]);
        for rival in &finding.rivals {
            let text = |v| finding.unit.amount(v);
            let s = rival.slope;
            table.row([
                rival.shape.clone(),
                rival.parameters.clone(),
                trim(rival.delta_bic, 1),
                format!("{}/h ({} to {})", text(s.value), text(s.low), text(s.high)),
                match rival.standing {
                    Standing::Best => "best",
                    Standing::Plausible => "plausible",
                    Standing::Lost => "lost",
                }
                .to_owned(),
                rival.why.clone(),
            ]);
        }
        write!(out, "\n{}", table.markdown())?;
    }
    writeln!(out, "\nWhat would change this verdict: {}", escape(&finding.would_change))?;
    let Some(change) = finding.change_point else { return Ok(()) };
    let near = nearest(&facts.data.events, change.at);
    let near = near.map_or_else(
        || "nothing happened within five minutes of it".to_owned(),
        |near| format!("nearest event: {}", near.what),
    );
    writeln!(out, "\nSince {}; {}", change.at, escape(&near))?;
    match case.log(change.at) {
        Some(Captured::Captured(lines)) if !lines.is_empty() => {
            writeln!(out, "\nWhat it printed then:\n")?;
            // Indented, it is text whatever it says.
            lines.iter().try_for_each(|line| writeln!(out, "    {}", cut(line, 300)))
        }
        Some(Captured::NotCaptured(why)) => {
            writeln!(out, "\nWhat it printed then: not captured, because {}", escape(why))
        }
        Some(Captured::Captured(_)) | None => Ok(()),
    }
}

fn memory(out: &mut String, case: &Case<'_>) -> std::fmt::Result {
    let looks = case.chosen();
    if looks.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(
        ["Memory".to_owned()].into_iter().chain(looks.iter().map(|l| format!(">{}", l.from))),
    );
    for part in MemoryPart::ALL {
        let values: Vec<Option<u64>> = looks.iter().map(|l| l.memory(part)).collect();
        if values.iter().any(|v| v.is_some_and(|v| v > 0)) {
            let cells = values.iter().map(|v| v.map_or_else(dash, |v| Bytes(v).human()));
            table.row([part.name().to_owned()].into_iter().chain(cells));
        }
    }
    write!(out, "\n### Taken apart\n\n{}", table.markdown())
}
