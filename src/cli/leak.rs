//! `longhaul leak RUN`

use super::args::{Common, LeakArgs};
use super::exit::Exit;
use super::{Complaint, print_json, recorded};
use crate::record::{LeakVerdict, Verdict};
use crate::report::{leak_document, leak_text, write_leak};
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
    let files = write_leak(&data, &verdict, &dir, service)?;
    if common.json {
        print_json(&leak_document(&data, &verdict, service))?;
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

fn unknown(service: &str, verdict: &Verdict) -> Complaint {
    let mut names: Vec<&str> = verdict.leaks.iter().map(|l| l.instance.service.as_str()).collect();
    names.dedup();
    Complaint::new(Exit::Usage, format!("no service `{service}` was judged in this run"))
        .hint(format!("the services that were: {}", names.join(", ")))
}
