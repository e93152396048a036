//! Threads that are started and do not end.

use super::grows;
use super::growth::{Looks, counted, fastest};
use crate::record::{Clue, LeakFinding, Pattern};

pub(super) fn clue(finding: Option<&LeakFinding>, looks: Option<&Looks>) -> Option<Clue> {
    let finding = finding.filter(|f| grows(f))?;
    let rate = finding.slope.map_or_else(String::new, |s| format!(" by {:.0} an hour", s.value));
    let both = looks.and_then(|l| Some((l, l.first.threads.get()?, l.last.threads.get()?)));
    let names = both.map(|(_, a, b)| fastest(&a.names, &b.names)).unwrap_or_default();
    let what = match names.first() {
        Some((name, grown)) => format!("; {} more are named {name}", grown.by()),
        None => "; their names were not captured twice in one life".to_owned(),
    };
    let mut figures: Vec<String> =
        names.iter().take(3).map(|(name, grown)| counted(name, *grown)).collect();
    figures.extend(both.map(|(looks, ..)| looks.span()));
    Some(Clue {
        pattern: Pattern::Threads,
        harmful: true,
        sentence: format!("processes and threads grow{rate}{what}"),
        figures,
        next: vec![
            "look for threads or child processes that wait for something that never comes: a queue nobody closes, a \
             child that nobody waits for"
                .to_owned(),
            "a dump of all stacks (a debugger, SIGQUIT for a JVM, /debug/pprof/goroutine for Go) shows where they wait"
                .to_owned(),
        ],
    })
}
