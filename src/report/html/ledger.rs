//! The ledger: one row per interval.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::super::figures::{count, dash, growth, percent_or_dash, rate};
use super::super::terminal::{figure, services};
use super::section as part;
use crate::record::{LedgerRow, ServiceRow};
use crate::units::{Bytes, trim};

/// The section of the ledger.
pub(super) fn section(facts: &Facts<'_>) -> Markup {
    let rows = &facts.verdict.ledger;
    if rows.is_empty() {
        let body = html! { p.empty { "The judged phase never began, so the ledger has no rows." } };
        return part("ledger", "Ledger", "", &body);
    }
    let body = html! {
        (load(facts, rows))
        h3 { "Memory per service" span.lead { "mean of all its instances together, and growth since the first row" } }
        (memory(rows))
        details {
            summary { "Every figure per service: lowest, mean and highest memory, CPU, descriptors, threads, restarts" }
            (every_figure(rows))
        }
    };
    part("ledger", "Ledger", "one row per interval of the judged phase", &body)
}

fn load(facts: &Facts<'_>, rows: &[LedgerRow]) -> Markup {
    html! { div.scroll { table.dense {
        thead {
            tr {
                th rowspan="2" class="n" { "#" } th rowspan="2" { "From" }
                th.n rowspan="2" { "Scheduled" } th.n rowspan="2" { "OK" }
                th.group colspan="3" { "Errors" } th.group colspan="2" { "Rate" } th.group colspan="2" { "Error rate" }
                th.group colspan="4" { "Latency" } th.group colspan="3" title="how late longhaul itself was" { "Sent late" }
                th rowspan="2" { "Faults" }
            }
            tr {
                th.n { "failed" } th.n { "timed out" } th.n { "not sent" } th.n { "achieved" } th.n { "target" }
                th.n { "total" } th.n { "no faults" } th.n { "p50" } th.n { "p95" } th.n { "p99" } th.n { "max" }
                th.n { "p50" } th.n { "p99" } th.n { "max" }
            }
        }
        tbody { @for r in rows {
            @let (l, late) = (&r.latency, &r.lateness);
            tr {
                td.n { (r.number) } td.mono title={"to " (r.to)} { (r.from) }
                td.n { (count(r.counts.scheduled)) } td.n { (count(r.counts.ok)) }
                (errors(r.counts.failed)) (errors(r.counts.timed_out)) (errors(r.counts.not_sent))
                td.n { (rate(r.achieved_rate)) } td.n.soft { (rate(r.target_rate)) }
                td.n { (percent_or_dash(r.error_rate)) } td.n { (percent_or_dash(r.error_rate_outside_faults)) }
                td.n { (figure(l.count, l.p50)) } td.n { (figure(l.count, l.p95)) }
                td.n { (figure(l.count, l.p99)) } td.n { (figure(l.count, l.max)) }
                td.n { (figure(late.count, late.p50)) } td.n { (figure(late.count, late.p99)) }
                td.n { (figure(late.count, late.max)) }
                td { @for fault in &r.faults { (tag(facts, fault)) " " } }
            }
        } }
    } } }
}

/// The fault's number, as on the charts, with a link to its row.
fn tag(facts: &Facts<'_>, id: &str) -> Markup {
    let place = facts.verdict.faults.iter().position(|f| f.id.as_str() == id);
    html! { @match place {
        Some(i) => { a.tag.fault href={"#fault-" (i + 1)} title=(id) { (i + 1) } },
        None => { span.tag { (id) } },
    } }
}

fn errors(n: u64) -> Markup {
    html! { td.n.soft[n == 0] { (count(n)) } }
}

fn memory(rows: &[LedgerRow]) -> Markup {
    let names = services(rows);
    html! { div.scroll { table.narrow {
        thead { tr { th.n { "#" } th { "From" } @for name in &names { th.n colspan="2" { (name) } } } }
        tbody { @for r in rows { tr {
            td.n { (r.number) } td.mono { (r.from) }
            @for name in &names {
                @let row = of(r, name);
                td.n { (bytes(row.and_then(|s| s.memory_mean))) }
                td.n.soft { (row.and_then(|s| s.growth_percent).map_or_else(dash, growth)) }
            }
        } } }
    } } }
}

fn every_figure(rows: &[LedgerRow]) -> Markup {
    let number = |n: Option<f64>, digits| n.map_or_else(dash, |n| trim(n, digits));
    html! { div.scroll { table {
        thead { tr {
            th { "Service" } th.n { "#" } th.n { "Lowest" } th.n { "Mean" } th.n { "Highest" } th.n { "Growth" }
            th.n { "Bytes per arrival" } th.n { "CPU %" } th.n { "Descriptors" } th.n { "Threads" } th.n { "Restarts" }
        } }
        tbody { @for name in services(rows) { @for r in rows { @if let Some(s) = of(r, &name) { tr {
            td { (name) } td.n { (r.number) }
            td.n { (bytes(s.memory_min)) } td.n { (bytes(s.memory_mean)) } td.n { (bytes(s.memory_max)) }
            td.n { (s.growth_percent.map_or_else(dash, growth)) } td.n { (number(s.bytes_per_request, 1)) }
            td.n { (number(s.cpu_percent, 1)) } td.n { (s.fds_max.map_or_else(dash, count)) }
            td.n { (s.pids_max.map_or_else(dash, count)) } td.n { (s.restarts) }
        } } } } }
    } } }
}

fn of<'a>(row: &'a LedgerRow, service: &str) -> Option<&'a ServiceRow> {
    row.services.iter().find(|s| s.service == service)
}

fn bytes(b: Option<u64>) -> String {
    b.map_or_else(dash, |b| Bytes(b).human())
}
