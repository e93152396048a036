//! What is known once the whole file is read: for checks of one element against another. It comes from
//! whatever could be read, so that a bad value in one place hides nothing in another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::source::{
    Context, Decode, Definitions, Found, Kind, Node, Span, Text, closest, excerpt, resolve,
};
use super::{Compose, Process, Segment};

/// What elements note of themselves while they are read, each as soon as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// Time without load before the warm-up.
    pub settle: Option<Duration>,
    /// Time without load after the profile.
    pub cooldown: Option<Duration>,
    /// The profile; with what the command line says instead, if it says something.
    pub profile: Option<Vec<Segment>>,
    /// Every step's name, `scenario/step`.
    pub steps: Option<Vec<String>>,
    /// Names of the probes.
    pub probes: Vec<String>,
    /// How long the steady state is watched before the first fault.
    pub steady: Option<Duration>,
    /// Whether a limit is on the efficiency of a sweep.
    pub efficiency: bool,
}

/// The elements that could be read.
pub(super) struct Known<'a> {
    /// What they noted.
    pub noted: Noted,
    /// The target, as far as the tree tells it.
    pub target: Outline,
    /// The processes, when they are the target and all of them could be read.
    pub processes: Option<&'a Process>,
    /// Names of the faults; `None` when not all could be read.
    pub faults: Option<Vec<String>>,
    /// Services whose own metrics are asked for, as the tree tells it.
    pub scraped: BTreeSet<String>,
    /// Whether the profile's length is the command line's.
    pub shortened: bool,
    /// Whether the file is a sweep.
    pub sweeps: bool,
}

impl Known<'_> {
    /// Length of the profile.
    pub(super) fn profile(&self) -> Option<Duration> {
        Some(self.noted.profile.as_ref()?.iter().map(Segment::lasts).sum())
    }

    /// Length of the profile in which faults have a place: a search for a limit has none.
    pub(super) fn profile_for_faults(&self) -> Option<Duration> {
        let steady = |segment: &&Segment| !matches!(segment, Segment::Steps(_));
        Some(self.noted.profile.as_ref()?.iter().take_while(steady).map(Segment::lasts).sum())
    }

    /// A problem if the profile asks for no rate that could be achieved or spent, somewhere.
    pub(super) fn asks_for_a_rate(&self, span: Span, found: &mut Found) {
        if self.noted.profile.iter().flatten().any(|segment| !segment.is_fixed()) {
            let hint = "`users` and `steps` ask for no rate of their own";
            found.add(span, "the profile does not say how many arrivals there are", hint);
        }
    }

    /// A problem if the target has no such service.
    pub(super) fn service(&self, name: &str, span: Span, found: &mut Found) {
        if let Some(services) = &self.target.services {
            among(name, "service of the target", services.iter().map(String::as_str), span, found);
        }
    }
}

/// The target as the tree tells it, whether or not all of it can be read.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Whether it is child processes.
    pub processes: bool,
    /// Whether it is containers that are already running.
    pub external: bool,
    /// Names of its services, where they can be known without starting it.
    pub services: Option<BTreeSet<String>>,
    /// Instances by service, where the experiment file itself says it; the most of them in a sweep.
    pub replicas: BTreeMap<String, u32>,
    /// Services whose number of instances stands in the target.
    pub sized: BTreeSet<String>,
}

impl Outline {
    /// Of the file whose tree this is, in `folder`.
    pub(super) fn of(root: &Node, folder: &Path) -> Self {
        let mut outline = Self::of_target(root, folder);
        let scale = root.get("sweep").and_then(|sweep| sweep.get("scale"));
        for (service, sizes) in scale.into_iter().flat_map(Node::entries) {
            if let Some(most) = sizes.items().filter_map(number).max() {
                outline.replicas.insert(service.name.clone(), most);
            }
        }
        outline
    }

    fn of_target(root: &Node, folder: &Path) -> Self {
        let Some(target) = root.get("target") else { return Self::default() };
        if let Some(process) = target.get("process") {
            let short = [("app".to_owned(), process)];
            let services: Vec<(String, &Node)> = match process.get("services") {
                Some(services) => services.entries().map(|(k, n)| (k.name.clone(), n)).collect(),
                None => short.into(),
            };
            let count = |service: &Node| service.get("replicas").map_or(Some(1), number);
            let sized = services.iter().filter(|(_, service)| service.has("replicas"));
            return Self {
                processes: true,
                sized: sized.map(|(name, _)| name.clone()).collect(),
                services: Some(services.iter().map(|(name, _)| name.clone()).collect()),
                replicas: services
                    .into_iter()
                    .filter_map(|(name, service)| Some((name, count(service)?)))
                    .collect(),
                ..Self::default()
            };
        }
        if let Some(containers) = target.get("external").and_then(|e| e.get("containers")) {
            let count = |list: &Node| match &list.kind {
                Kind::List(items) => u32::try_from(items.len()).ok(),
                _ => Some(1),
            };
            return Self {
                external: true,
                services: Some(containers.entries().map(|(k, _)| k.name.clone()).collect()),
                replicas: containers
                    .entries()
                    .filter_map(|(k, list)| Some((k.name.clone(), count(list)?)))
                    .collect(),
                ..Self::default()
            };
        }
        let Some(compose) = target.get("compose") else { return Self::default() };
        let file = compose.get("file").and_then(Node::plain_text);
        let scale = || compose.get("scale").into_iter().flat_map(Node::entries);
        Self {
            services: file.and_then(|file| Compose::services(&resolve(folder, file))),
            replicas: scale()
                .filter_map(|(k, count)| Some((k.name.clone(), number(count)?)))
                .collect(),
            sized: scale().map(|(k, _)| k.name.clone()).collect(),
            ..Self::default()
        }
    }
}

fn number(node: &Node) -> Option<u32> {
    node.plain_text()?.parse().ok()
}

/// A service of the target, by its name: looked for when the whole file is read.
#[derive(Clone, Debug)]
pub(super) struct ServiceName(pub String);

impl Decode for ServiceName {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let name = node.scalar("the name of a service", cx)?.to_owned();
        let (sought, span) = (name.clone(), node.span);
        cx.later(move |known, found| known.service(&sought, span, found));
        Some(Self(name))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Text::schema(defs)
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
