//! `longhaul leak RUN`

use std::path::Path;
use std::time::Duration;

use super::args::{Common, LeakArgs};
use super::exit::Exit;
use super::{Complaint, print_json, recorded};
use crate::clock::Offset;
use crate::record::{LeakVerdict, LogExcerpt, RunData, Verdict, Victim};
use crate::report::{leak_document, leak_text, write_leak};
use crate::target::kept_log_lines;
use crate::verdict::judge;

/// Investigates a recorded run for leaks; never needs the target.
pub(super) fn leak(args: &LeakArgs, common: &Common) -> anyhow::Result<Exit> {
    let store = recorded(common)?;
    let id = store.find(&args.run)?;
    let data = store.load(&id)?;
    let verdict = judge(&data);
    let service = args.service.as_deref();
    if let Some(service) = service
        && !verdict.leaks.iter().any(|l| l.instance.service == service)
    {
        return Err(unknown(service, &verdict).into());
    }
    let dir = args.out.join(id.as_str());
    let logs = logs(&store.run_dir(&id), &data, &verdict);
    let files = write_leak(&data, &verdict, &dir, service, &logs)?;
    if common.json {
        print_json(&leak_document(&data, &verdict, service, &logs))?;
    } else {
        say!("{}", leak_text(&data, &verdict, service));
        for file in files.iter().filter(|f| f.parent() == Some(&dir)) {
            say!("report: {}", file.display());
        }
    }
    let leaking = verdict
        .leaks
        .iter()
        .filter(|l| service.is_none_or(|s| s == l.instance.service))
        .any(|l| l.finding.verdict == LeakVerdict::Leaking);
    Ok(if leaking { Exit::Verdict(10) } else { Exit::Pass })
}

/// So long before a change and after it, what an instance prints may tell why.
const BEFORE: Duration = Duration::from_mins(2);
const AFTER: Duration = Duration::from_mins(1);
/// Lines of it that are shown.
const LINES: usize = 40;

/// What instances printed around the moments at which their gauges changed.
fn logs(run_dir: &Path, data: &RunData, verdict: &Verdict) -> Vec<LogExcerpt> {
    let mut moments: Vec<(&Victim, Offset)> = verdict
        .leaks
        .iter()
        .filter_map(|l| Some((&l.instance, l.finding.change_point?.at)))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let wall = |at: Offset| data.run.anchor + at.since(Offset::ZERO);
    let excerpt = |(instance, around): (&Victim, Offset)| {
        let (from, to) = (wall(around) - BEFORE, wall(around) + AFTER);
        let lines = kept_log_lines(run_dir, instance, from, to, LINES).map_err(|e| e.to_string());
        LogExcerpt { instance: instance.clone(), around, lines: lines.into() }
    };
    moments.into_iter().map(excerpt).collect()
}

fn unknown(service: &str, verdict: &Verdict) -> Complaint {
    let mut names: Vec<&str> = verdict.leaks.iter().map(|l| l.instance.service.as_str()).collect();
    names.dedup();
    Complaint::new(Exit::Usage, format!("no service `{service}` was judged in this run"))
        .hint(format!("the services that were: {}", names.join(", ")))
}
