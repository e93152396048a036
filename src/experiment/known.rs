//! What is known once the whole file is read: for checks of one element against another.

use std::collections::BTreeSet;
use std::time::Duration;

use super::source::{Found, Span, closest, excerpt};
use super::{Load, Process, System, Target};

/// The elements that could be read.
pub(super) struct Known<'a> {
    /// The target.
    pub target: Option<&'a Target>,
    /// Names of its services, where they can be known without starting it.
    pub services: Option<BTreeSet<String>>,
    /// The load, with what the command line says instead.
    pub load: Option<&'a Load>,
    /// How long the steady state is watched before the first fault.
    pub steady: Duration,
    /// Names of the faults; `None` when not all could be read.
    pub faults: Option<Vec<String>>,
    /// Whether the profile's length is the command line's.
    pub shortened: bool,
}

impl Known<'_> {
    /// The processes, when they are the target.
    pub(super) fn processes(&self) -> Option<&Process> {
        match &self.target?.system {
            System::Process(process) => Some(process),
            _ => None,
        }
    }

    /// Length of the profile.
    pub(super) fn profile(&self) -> Option<Duration> {
        self.load.map(Load::profile_length)
    }

    /// A problem if the target has no such service.
    pub(super) fn service(&self, name: &str, span: Span, found: &mut Found) {
        if let Some(services) = &self.services {
            among(name, "service of the target", services.iter().map(String::as_str), span, found);
        }
    }
}

/// A problem if `name` is not one of `all`.
pub(super) fn among<'a>(
    name: &str,
    what: &str,
    all: impl Iterator<Item = &'a str>,
    span: Span,
    found: &mut Found,
) {
    let all: Vec<&str> = all.collect();
    if all.contains(&name) || found.is_full() {
        return;
    }
    let hint = match closest(name, &all) {
        Some(near) => format!("did you mean `{near}`?"),
        None if all.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", all[..all.len().min(20)].join(", ")),
    };
    found.add(span, format!("{} is not a {what}", excerpt(name)), hint);
}
