//! `inject:` what a fault does, and to whom.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::known::ServiceName;
use super::source::{
    Context, Decode, Definitions, Lasting, Node, OneOrMore, Placed, Text, choice, excerpt, form,
    word, words,
};
use crate::units::{Percent, duration_text};

/// The fault kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Injection {
    /// A signal to the main process, through the engine.
    Kill {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// Which signal.
        signal: Signal,
        /// The engine disarms restart policies for what it killed; longhaul starts it again after this.
        #[serde(with = "duration_text")]
        restart_after: Duration,
    },
    /// An orderly stop, and a start at the end.
    Stop {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// From SIGTERM to SIGKILL.
        #[serde(with = "duration_text")]
        grace: Duration,
    },
    /// An orderly stop and an immediate start.
    Restart {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// From SIGTERM to SIGKILL.
        #[serde(with = "duration_text")]
        grace: Duration,
    },
    /// Frozen by the cgroup freezer (containers) or SIGSTOP (processes).
    Pause {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
    },
    /// Disconnected from its networks.
    Detach {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// Only from this network (its key in the compose file); default: all.
        network: Option<String>,
    },
    /// Packets between two groups of services are dropped.
    Partition {
        /// One group: service names.
        between: Vec<String>,
        /// The other group.
        and: Vec<String>,
        /// Which packets.
        direction: Direction,
    },
}

impl Injection {
    /// How long its victims may take to stop in order before they are killed; zero where none is stopped so.
    pub fn grace(&self) -> Duration {
        match self {
            Self::Stop { grace, .. } | Self::Restart { grace, .. } => *grace,
            _ => Duration::ZERO,
        }
    }
}

/// Whom of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Victims {
    /// Service name.
    pub service: String,
    /// How many of its instances, drawn from the seed.
    pub pick: Pick,
}

/// How many instances. Text: `one`, `all`, `2`, `50%`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// One.
    One,
    /// All.
    All,
    /// So many, at most all.
    Count(u32),
    /// A share, rounded up, at least one.
    Share(Percent),
}

impl Pick {
    /// How many of `n`.
    pub fn of(self, n: u32) -> u32 {
        match self {
            Self::One => n.min(1),
            Self::All => n,
            Self::Count(k) => k.min(n),
            Self::Share(share) => {
                ((f64::from(n) * share.fraction()).ceil() as u32).clamp(n.min(1), n)
            }
        }
    }
}

/// A POSIX signal by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signal(
    /// `SIGKILL`, `SIGTERM`, ...
    pub String,
);

/// Which packets a partition drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Only from `between` to `and`.
    Forward,
    /// Only from `and` to `between`.
    Backward,
}

words! {
    Direction {
        "both" => Direction::Both,
        "forward" => Direction::Forward,
        "backward" => Direction::Backward,
    }
}

const SIGNALS: [&str; 30] = [
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "SIGQUIT",
    "SIGHUP",
    "SIGABRT",
    "SIGSEGV",
    "SIGBUS",
    "SIGFPE",
    "SIGILL",
    "SIGTRAP",
    "SIGSYS",
    "SIGPIPE",
    "SIGALRM",
    "SIGUSR1",
    "SIGUSR2",
    "SIGSTOP",
    "SIGCONT",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGCHLD",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
];

impl Decode for Signal {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        word(node, &SIGNALS, &[], cx).map(|name| Self(name.to_owned()))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "enum": SIGNALS })
    }
}

impl Decode for Pick {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        const WANTED: &str = "one, all, a number or a percentage";
        let text = node.scalar(WANTED, cx)?;
        let share = || text.parse::<Percent>().ok().filter(|p| p.get() > 0.0 && p.get() <= 100.0);
        let pick = match text {
            "one" => Some(Self::One),
            "all" => Some(Self::All),
            _ => match text.parse::<u32>() {
                Ok(n) => (1..=1000).contains(&n).then_some(Self::Count(n)),
                Err(_) => share().map(Self::Share),
            },
        };
        if pick.is_none() {
            let message = format!("expected {WANTED}, found {}", excerpt(text));
            cx.problem_hint(node.span, message, "write one, all, 2 or 50%");
        }
        pick
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "anyOf": [
            { "enum": ["one", "all"] },
            { "type": "integer", "minimum": 1, "maximum": 1000 },
            { "type": "string", "pattern": "^\\s*[0-9._]+\\s*%\\s*$" },
        ] })
    }
}

form! {
    /// A signal to the main process. It is started again afterwards, because an engine that was asked
    /// to kill does not act on its restart policy.
    struct KillForm {
        /// Service name.
        service: ServiceName = Required,
        /// How many instances, drawn from the seed: one, all, a number or a percentage.
        pick: Pick = Default("one"),
        /// Which signal.
        signal: Signal = Default("SIGKILL"),
        /// When it is started again, 0s to 24h.
        restart_after: Lasting<0, 86_400_000> = Default("5s"),
    }
}

form! {
    /// An orderly stop, and a start at the end.
    struct StopForm {
        /// Service name.
        service: ServiceName = Required,
        /// How many instances, drawn from the seed: one, all, a number or a percentage.
        pick: Pick = Default("one"),
        /// From SIGTERM to SIGKILL, 0s to 10min.
        grace: Lasting<0, 600_000> = Default("10s"),
    }
}

form! {
    /// Frozen.
    struct PauseForm {
        /// Service name.
        service: ServiceName = Required,
        /// How many instances, drawn from the seed: one, all, a number or a percentage.
        pick: Pick = Default("one"),
    }
}

form! {
    /// Disconnected from its networks; containers only.
    struct DetachForm {
        /// Service name.
        service: ServiceName = Required,
        /// How many instances, drawn from the seed: one, all, a number or a percentage.
        pick: Pick = Default("one"),
        /// Only from this network, its key in the compose file; default: from all.
        network: Text = Optional,
    }
}

form! {
    /// Packets between two groups of services are dropped.
    struct PartitionForm {
        /// One group: a service or several.
        between: OneOrMore<ServiceName> = Required,
        /// The other group.
        and: OneOrMore<ServiceName> = Required,
        /// Which packets: both ways, or only from `between` to `and` (forward), or only back.
        direction: Direction = Default("both"),
    }
}

choice! {
    /// What a fault does.
    enum InjectionForm {
        /// A signal to the main process, and a start afterwards.
        Kill["kill"]: KillForm,
        /// An orderly stop, and a start at the end.
        Stop["stop"]: StopForm,
        /// An orderly stop and an immediate start.
        Restart["restart"]: StopForm,
        /// Frozen.
        Pause["pause"]: PauseForm,
        /// Disconnected from its networks.
        Detach["detach"]: DetachForm,
        /// Packets between two groups of services are dropped.
        Partition["partition"]: PartitionForm,
    }
}

/// An injection as it is written.
#[derive(Debug)]
pub(super) struct Drafted(pub Injection);

impl Decode for Drafted {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        Some(Self(match InjectionForm::decode(node, cx)? {
            InjectionForm::Kill(form) => Injection::Kill {
                victims: victims(form.service, form.pick, cx)?,
                signal: form.signal?.value,
                restart_after: form.restart_after?.value.0,
            },
            InjectionForm::Stop(form) => Injection::Stop {
                victims: victims(form.service, form.pick, cx)?,
                grace: form.grace?.value.0,
            },
            InjectionForm::Restart(form) => Injection::Restart {
                victims: victims(form.service, form.pick, cx)?,
                grace: form.grace?.value.0,
            },
            InjectionForm::Pause(form) => {
                Injection::Pause { victims: victims(form.service, form.pick, cx)? }
            }
            InjectionForm::Detach(form) => {
                let span = node.span;
                cx.later(move |known, found| {
                    if known.target.processes {
                        found.add(span, "processes can't be detached", "use `partition`");
                    }
                });
                Injection::Detach {
                    victims: victims(form.service, form.pick, cx)?,
                    network: form.network.map(|n| n.value.0),
                }
            }
            InjectionForm::Partition(form) => partition(*form, cx)?,
        }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        InjectionForm::schema(defs)
    }
}

fn victims(
    service: Option<Placed<ServiceName>>,
    pick: Option<Placed<Pick>>,
    cx: &mut Context,
) -> Option<Victims> {
    let (ServiceName(service), Placed { value: pick, span }) = (service?.value, pick?);
    let of = service.clone();
    cx.later(move |known, found| {
        if let (Pick::Count(wanted), Some(there)) = (pick, known.target.replicas.get(&of))
            && wanted > *there
        {
            let message = format!("{wanted} of `{of}` can't be picked: it has {there}");
            let hint = format!("at most {there}, or `all`, or more instances of it");
            found.add(span, message, hint);
        }
    });
    Some(Victims { service, pick })
}

fn partition(form: PartitionForm, cx: &mut Context) -> Option<Injection> {
    let (one, other) = (form.between?, form.and?);
    let span = one.span;
    let mut seen: Vec<String> = Vec::new();
    for service in one.value.0.iter().chain(&other.value.0) {
        let (name, span) = (service.value.0.clone(), service.span);
        if seen.contains(&name) {
            let message = format!("{} is already in the partition", excerpt(&name));
            cx.problem_hint(span, message, "each service is in one group, once");
        }
        seen.push(name);
    }
    let names =
        |group: OneOrMore<ServiceName>| group.0.into_iter().map(|s| s.value.0).collect::<Vec<_>>();
    let (between, and) = (names(one.value), names(other.value));
    let (left, right) = (between.clone(), and.clone());
    cx.later(move |known, found| {
        if let Some(process) = known.processes
            && left.iter().chain(&right).all(|name| process.services.contains_key(name))
            && !process.linked(&left, &right)
        {
            let message = "no `links` lead from one group to the other: it would cut nothing";
            found.add(span, message, "list the server under `links` of its client");
        }
    });
    Some(Injection::Partition { between, and, direction: form.direction?.value })
}
