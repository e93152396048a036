//! Experiments for the tests of this room.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::{Entry, Intent, Record};
use super::undo::UndoStep;
use crate::experiment::{
    CapturePlan, Compose, Direction, Experiment, Fault, FaultSchedule, Injection, Load, Overlap,
    Pick, Process, ProcessService, Sampling, Segment, Signal, SteadyState, System, Target, Victims,
};
use crate::ids::FaultId;
use crate::record::{FaultStage, PlannedFault, Victim};
use crate::seed::Seed;
use crate::units::Rate;

/// A gateway, two api replicas and a db.
pub(super) fn replicas() -> BTreeMap<String, u32> {
    BTreeMap::from([("api".to_owned(), 2), ("db".to_owned(), 1), ("gateway".to_owned(), 1)])
}

/// An experiment of one hour with these faults.
pub(super) fn experiment(faults: Vec<Fault>) -> Experiment {
    Experiment {
        version: 1,
        name: "sample".into(),
        description: None,
        tags: BTreeMap::new(),
        seed: Seed(42),
        target: Target {
            system: System::Compose(Compose {
                file: "compose.yaml".into(),
                project: "sample".into(),
                build: false,
                scale: BTreeMap::new(),
                env: BTreeMap::new(),
            }),
            ready: Vec::new(),
        },
        sweep: None,
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        load: Load::new(
            vec![Segment::Hold { rate: Rate::per_second(10.0), lasts: Duration::from_hours(1) }],
            Vec::new(),
        ),
        faults,
        overlap: Overlap::Forbid,
        steady_state: None,
        limits: Vec::new(),
        abort_when: Vec::new(),
        sampling: Sampling::default(),
        capture: CapturePlan::default(),
        probes: Vec::new(),
    }
}

/// A kill of api replicas at 100 s for 10 s.
pub(super) fn kill(name: &str, pick: Pick) -> Fault {
    Fault {
        name: name.into(),
        inject: Injection::Kill {
            victims: Victims { service: "api".into(), pick },
            signal: Signal("SIGKILL".into()),
            restart_after: Duration::from_secs(10),
        },
        schedule: FaultSchedule::At(vec![Duration::from_secs(100)]),
        lasts: Duration::from_secs(10),
        recover_within: None,
    }
}

/// A partition between api and db at 200 s for 20 s.
pub(super) fn partition(name: &str) -> Fault {
    Fault {
        name: name.into(),
        inject: Injection::Partition {
            between: vec!["api".into()],
            and: vec!["db".into()],
            direction: Direction::Both,
        },
        schedule: FaultSchedule::At(vec![Duration::from_secs(200)]),
        lasts: Duration::from_secs(20),
        recover_within: None,
    }
}

/// Aims a kill at another service.
pub(super) fn aim(fault: &mut Fault, service: &str) {
    if let Injection::Kill { victims, .. } = &mut fault.inject {
        victims.service = service.into();
    }
}

/// Gives a partition other groups.
pub(super) fn between(fault: &mut Fault, a: &str, b: &str) {
    if let Injection::Partition { between, and, .. } = &mut fault.inject {
        *between = vec![a.into()];
        *and = vec![b.into()];
    }
}

/// A steady state of this length.
pub(super) fn steady(lasts: Duration) -> SteadyState {
    SteadyState { lasts, require: Vec::new() }
}

/// gateway -> api -> db as processes.
pub(super) fn processes() -> System {
    let service = |links: &[(&str, &str)]| ProcessService {
        command: vec!["true".into()],
        env: BTreeMap::new(),
        replicas: 1,
        port: None,
        links: links.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        dir: None,
    };
    System::Process(Process {
        services: BTreeMap::from([
            ("gateway".to_owned(), service(&[("API", "api")])),
            ("api".to_owned(), service(&[("DB", "db")])),
            ("db".to_owned(), service(&[])),
        ]),
    })
}

/// The intent of fault `f-<n>`.
pub(super) fn intent_entry(n: usize) -> Entry {
    let who = Victim { service: "api".into(), ordinal: 1 };
    let fault = kill("f", Pick::One);
    let at: jiff::Timestamp = "2026-11-21T02:00:00Z".parse().expect("a time");
    Entry {
        at,
        fault: FaultId::new("f", n),
        record: Record::Intent(Box::new(Intent {
            plan: PlannedFault {
                id: FaultId::new("f", n),
                name: "f".into(),
                at: Duration::from_secs(100),
                lasts: fault.lasts,
                inject: fault.inject,
                victims: vec![who.clone()],
                peers: Vec::new(),
                recover_within: None,
            },
            seen: Vec::new(),
            undo: vec![UndoStep::Start { who, id: "c0ffee".into() }],
            deadline: at,
            settles: at,
            processes: false,
        })),
    }
}

/// Fault `f-<n>` moved on.
pub(super) fn stage_entry(n: usize, stage: FaultStage) -> Entry {
    let at = "2026-11-21T02:00:01Z".parse().expect("a time");
    Entry { at, fault: FaultId::new("f", n), record: Record::Stage(stage) }
}

/// One injection of each kind, all of them about api#1.
pub(super) fn all_kinds() -> Vec<Injection> {
    let victims = || Victims { service: "api".into(), pick: Pick::One };
    let grace = Duration::ZERO;
    vec![
        Injection::Kill {
            victims: victims(),
            signal: Signal("SIGKILL".into()),
            restart_after: grace,
        },
        Injection::Stop { victims: victims(), grace },
        Injection::Restart { victims: victims(), grace },
        Injection::Pause { victims: victims() },
        Injection::Detach { victims: victims(), network: None },
        cut_between("api", "db", Direction::Both),
    ]
}

/// A partition of two services.
pub(super) fn cut_between(a: &str, b: &str, direction: Direction) -> Injection {
    Injection::Partition { between: vec![a.into()], and: vec![b.into()], direction }
}

/// A fault of 30 s: of api#1, or of all api replicas and the db for a partition.
pub(super) fn planned(inject: Injection) -> PlannedFault {
    let who = |service: &str, ordinal| Victim { service: service.into(), ordinal };
    let (victims, peers) = match &inject {
        Injection::Partition { .. } => (vec![who("api", 1), who("api", 2)], vec![who("db", 1)]),
        _ => (vec![who("api", 1)], Vec::new()),
    };
    PlannedFault {
        id: FaultId::new("f", 1),
        name: "f".into(),
        at: Duration::ZERO,
        lasts: Duration::from_secs(30),
        inject,
        victims,
        peers,
        recover_within: None,
    }
}
