//! Descriptors that are opened and not closed: of which type, leading where.

use super::grows;
use super::growth::{Looks, counted, fastest, fastest_of};
use crate::record::{Clue, LeakFinding, Pattern};

/// How many of the fastest growing names are told.
const NAMED: usize = 3;

pub(super) fn clue(finding: Option<&LeakFinding>, looks: Option<&Looks>) -> Option<Clue> {
    let finding = finding.filter(|f| grows(f))?;
    let rate = finding.slope.map_or_else(String::new, |s| format!(" by {:.0} an hour", s.value));
    let Some((looks, first, last)) =
        looks.and_then(|l| Some((l, l.first.descriptors.get()?, l.last.descriptors.get()?)))
    else {
        return Some(Clue {
            pattern: Pattern::Descriptors,
            harmful: true,
            sentence: format!(
                "open descriptors grow{rate}; what they lead to was not captured twice in one life"
            ),
            figures: Vec::new(),
            next: vec!["look at the links in /proc/PID/fd of the process while it runs".to_owned()],
        });
    };
    let types = fastest_of(&first.types, &last.types);
    let targets = fastest(&first.targets, &last.targets);
    let peers = match (looks.first.sockets.get(), looks.last.sockets.get()) {
        (Some(first), Some(last)) => fastest(&first.peers, &last.peers),
        _ => Vec::new(),
    };
    let total = last.total.saturating_sub(first.total);
    let sockets = types.first().is_some_and(|(name, _)| *name == "socket");
    // A socket's link is only a number: who is at its other end says more.
    let named = if sockets && !peers.is_empty() { &peers } else { &targets };
    let what = named.first().map_or_else(
        || "no single target stands out".to_owned(),
        |(name, grown)| format!("{} of the {total} new ones are {name}", grown.by()),
    );
    let figures = types
        .iter()
        .take(NAMED)
        .chain(named.iter().take(NAMED))
        .map(|(name, grown)| counted(name, *grown))
        .chain([looks.span()])
        .collect();
    Some(Clue {
        pattern: Pattern::Descriptors,
        harmful: true,
        sentence: format!("open descriptors grow{rate}: {what}"),
        figures,
        next: next(sockets, named.first().map_or("", |(name, _)| name)),
    })
}

fn next(sockets: bool, name: &str) -> Vec<String> {
    let mut next = Vec::new();
    if sockets && name.starts_with("CLOSE_WAIT") {
        next.push(
            "CLOSE_WAIT: the other side has closed and this process has not. Look for the code that connects there \
             and drops the connection without closing it: error paths, answers that are not read to their end"
                .to_owned(),
        );
    } else if sockets && name.starts_with("ESTABLISHED") {
        next.push(
            "connections to this peer are opened and kept: look for a client made anew for each request, or a pool \
             without an upper bound and an idle timeout"
                .to_owned(),
        );
    } else if !name.is_empty() {
        next.push(format!(
            "look for the code that opens {name} and does not close it on every path"
        ));
    }
    next.push("compare with the limit of open files (`ulimit -n` of the process): at it, every accept and open fails".to_owned());
    next
}
