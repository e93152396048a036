//! `report.md`: the run for tickets and chats.

use std::fmt::Write as _;

use super::compare;
use super::facts::Facts;
use super::figures::{
    calendar, clock, count, dash, growth, latency, outcome, percent, percent_or_dash, rate,
    recovery, span, tier,
};
use super::leaks::in_a_sentence;
use super::sums::{budget, recoveries};
use super::table::{Table, escape};
use super::terminal::{figure, services, side_words};
use super::{capacity, own, steps};
use crate::record::LimitResult;
use crate::units::Bytes;

/// The report.
pub(super) fn report(facts: &Facts<'_>) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    head(&mut out, facts).ok();
    write!(out, "\n## Limits\n\n{}", limits_table(&facts.verdict.limits).markdown()).ok();
    if let Some(comparison) = &facts.verdict.comparison {
        compare::markdown_section(&mut out, comparison).ok();
    }
    if let Some((found, tried)) = capacity::of(facts) {
        write!(out, "\n## The search for the limit\n\n{}.\n\n{}", escape(&found), tried.markdown())
            .ok();
    }
    ledger(&mut out, facts).ok();
    faults(&mut out, facts).ok();
    rest(&mut out, facts).ok();
    out
}

fn head(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let (run, v) = (&facts.data.run, facts.verdict);
    writeln!(out, "# {}: {}\n", escape(&run.experiment.name), outcome(v.outcome).to_uppercase())?;
    writeln!(out, "**{}**\n", escape(&v.headline))?;
    if let Some(side) = v.side {
        writeln!(out, "On the side of: {}.\n", side_words(side))?;
    }
    for reason in &v.reasons {
        writeln!(out, "- {}", escape(reason))?;
    }
    for (fault, reason) in &facts.stuck {
        writeln!(out, "- **not healed: {}**: {}", escape(fault), escape(reason))?;
    }
    if !v.reasons.is_empty() || !facts.stuck.is_empty() {
        out.push('\n');
    }
    writeln!(out, "Leaks: {}.\n", escape(&in_a_sentence(v.leaks.iter()).text))?;
    let part = run.sweep.as_ref().map_or_else(String::new, |part| {
        format!(" It is {} of the sweep `{}`.", escape(&part.to_string()), part.id)
    });
    writeln!(
        out,
        "Run `{}` on {}, started {}, took {}, seed {}, exit code {}.{part}",
        run.id,
        escape(&facts.target()),
        calendar(clock(run.anchor, facts.span.0)),
        span(facts.duration()),
        run.experiment.seed,
        v.exit_code,
    )
}

/// Limits as a table.
pub(super) fn limits_table(limits: &[LimitResult]) -> Table {
    let mut table =
        Table::new(["Tier", "Limit", ">Bound", ">Warn", ">Measured", ">Margin", "Note"]);
    for l in limits {
        let window = l.window.map(|(from, to)| format!("worst window {from} to {to}"));
        let note: Vec<String> = window.into_iter().chain(l.note.clone()).collect();
        table.row([
            tier(l.tier).to_owned(),
            l.name.clone(),
            l.bound.clone(),
            l.warn.clone().unwrap_or_else(dash),
            l.measured.clone(),
            l.margin.clone().unwrap_or_else(dash),
            note.join("; "),
        ]);
    }
    table
}

fn ledger(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let rows = &facts.verdict.ledger;
    let mut table = Table::new([
        ">#",
        "From",
        "To",
        ">Scheduled",
        ">OK",
        ">Errors",
        ">Achieved",
        ">Target",
        ">Error rate",
        ">No faults",
        ">p50",
        ">p95",
        ">p99",
        ">max",
        ">Sent late p99",
        "Faults",
    ]);
    let names = services(rows);
    let mut memory = Table::new(
        [">#".to_owned(), "From".to_owned()]
            .into_iter()
            .chain(names.iter().map(|n| format!(">{n}"))),
    );
    for r in rows {
        table.row([
            r.number.to_string(),
            r.from.to_string(),
            r.to.to_string(),
            count(r.counts.scheduled),
            count(r.counts.ok),
            count(r.counts.errors()),
            rate(r.achieved_rate),
            rate(r.target_rate),
            percent_or_dash(r.error_rate),
            percent_or_dash(r.error_rate_outside_faults),
            figure(r.latency.count, r.latency.p50),
            figure(r.latency.count, r.latency.p95),
            figure(r.latency.count, r.latency.p99),
            figure(r.latency.count, r.latency.max),
            figure(r.lateness.count, r.lateness.p99),
            r.faults.join(", "),
        ]);
        let cells = names.iter().map(|name| {
            let row = r.services.iter().find(|s| s.service == *name);
            let grown = row
                .and_then(|s| s.growth_percent)
                .map_or_else(String::new, |g| format!(" ({})", growth(g)));
            row.and_then(|s| s.memory_mean).map_or_else(dash, |b| Bytes(b).human() + &grown)
        });
        memory.row([r.number.to_string(), r.from.to_string()].into_iter().chain(cells));
    }
    write!(out, "\n## Ledger\n\n{}", table.markdown())?;
    write!(
        out,
        "\nMean memory per service, and growth since the first row:\n\n{}",
        memory.markdown()
    )
}

fn faults(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let mut table = Table::new([
        ">#",
        "Fault",
        "What",
        "Planned",
        "Injected",
        ">Lasted",
        "Verified",
        ">Errors",
        ">First error",
        ">Worst p99",
        "Recovery",
        ">Healthy after",
        "Ending",
    ]);
    for (i, f) in facts.verdict.faults.iter().enumerate() {
        let lasted = f.injected_at.zip(f.healed_at).map(|(from, to)| span(to.since(from)));
        table.row([
            (i + 1).to_string(),
            f.id.to_string(),
            f.what.clone(),
            f.planned_at.map_or_else(dash, |at| at.to_string()),
            f.injected_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            lasted.unwrap_or_else(dash),
            if f.verified { "yes" } else { "no" }.to_owned(),
            format!("{} of {}", count(f.impact.errors()), count(f.impact.ended())),
            f.first_error.map_or_else(dash, span),
            f.worst_p99_us.map_or_else(dash, latency),
            recovery(&f.recovery),
            f.healthy_after.map_or_else(dash, span),
            f.ending.clone(),
        ]);
    }
    write!(out, "\n## Faults\n\n{}", table.markdown())?;
    if !facts.verdict.recoveries.is_empty() {
        out.push('\n');
    }
    for all in &facts.verdict.recoveries {
        writeln!(out, "- {}: {}", escape(&all.fault), recoveries(all))?;
    }
    let a = &facts.verdict.availability;
    writeln!(
        out,
        "\nAvailability: {} in all, {} outside faults, {} while a fault was in force, {} between a fault's end and recovery.",
        percent_or_dash(a.total),
        percent_or_dash(a.outside_faults),
        percent_or_dash(a.during_faults),
        percent_or_dash(a.recovering),
    )?;
    if let Some(spent) = &facts.verdict.error_budget {
        writeln!(out, "\nError budget {}.", budget(spent))?;
    }
    Ok(())
}

fn rest(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let t = &facts.verdict.totals;
    writeln!(
        out,
        "\n## Load\n\n{} arrivals fell due: {} ok, {} failed, {} timed out, {} not sent ({} errors).\n",
        count(t.scheduled),
        count(t.ok),
        count(t.failed),
        count(t.timed_out),
        count(t.not_sent),
        t.error_rate().map_or_else(dash, percent),
    )?;
    out.push_str(&steps::requests(&facts.steps).markdown());
    write!(out, "\nWhere the time goes:\n\n{}", steps::times(&facts.steps).markdown())?;
    let mut errors = Table::new([">Count", "Error", "Step", "First seen", "Last seen"]);
    for e in facts.errors.iter().take(20) {
        errors.row([
            count(e.count),
            e.text.clone(),
            e.step.clone(),
            e.first.to_string(),
            e.last.to_string(),
        ]);
    }
    write!(out, "\n## Errors by text\n\n{}", errors.markdown())?;
    let (used, judged) = (own::table(facts).markdown(), own::verdicts(facts).markdown());
    write!(out, "\n## longhaul itself\n\n{judged}\n{used}")?;
    let run = &facts.data.run;
    let p = &run.provenance;
    writeln!(
        out,
        "\n## Provenance\n\n- longhaul {}\n- host {}: {}; {}; {}\n- engine: {}\n- experiment SHA-256: `{}`",
        escape(&p.longhaul),
        escape(&p.host),
        escape(&p.kernel),
        escape(&p.cpu),
        Bytes(p.memory).human(),
        p.engine.as_deref().map_or_else(|| "none".to_owned(), escape),
        p.experiment_sha256,
    )?;
    for (service, image) in &p.images {
        writeln!(out, "- image of {}: {}", escape(service), escape(image))?;
    }
    writeln!(out, "- judge again: `longhaul report {}`", run.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_report_reads_well() {
        let (data, verdict) = fixture::passed();
        insta::assert_snapshot!(report(&Facts::of(&data, &verdict)));
    }

    #[test]
    fn hostile_texts_stay_texts() {
        let (data, verdict) = fixture::hostile();
        let text = report(&Facts::of(&data, &verdict));
        assert!(!text.contains("<script"), "{text}");
    }
}
