//! Sweeps over replicas: what is read, and what is wrong with one.

use super::fixture::{FULL, broken, folder, process, read};
use crate::experiment::{BoundSide, Experiment, Overrides, Quantity, System, load_warned};
use crate::units::Percent;

/// The load of the fixture goes to `a`.
const API: &str = "      a: { command: [a] }\n      api: { command: [a] }\n";
const BOTH: &str =
    "      a: { command: [a] }\n      api: { command: [a] }\n      db: { command: [a] }\n";

fn replicas(experiment: &Experiment, service: &str) -> u32 {
    match &experiment.target.system {
        System::Process(process) => process.services[service].replicas,
        System::Compose(compose) => compose.scale[service],
        System::External(_) => 0,
    }
}

#[test]
fn each_size_is_an_experiment_of_its_own() {
    let rest =
        "sweep: { scale: { api: [1, 4, 2] } }\nlimits: [ efficiency: { min: 70%, warn: 80% } ]\n";
    let whole = process(BOTH, rest).unwrap();
    let sweep = whole.sweep.clone().unwrap();
    assert_eq!((sweep.service.as_str(), sweep.sizes.as_slice()), ("api", &[1, 4, 2][..]));
    let bound = sweep.efficiency.unwrap();
    let share = |percent| Quantity::Share(Percent::of(percent));
    assert_eq!((bound.side, bound.limit), (BoundSide::AtLeast, share(70.0)));
    assert_eq!(bound.warn, Some(share(80.0)));
    assert!(whole.limits.is_empty(), "no limit of a run");
    let four = whole.at_size(4);
    assert_eq!((replicas(&four, "api"), replicas(&four, "db")), (4, 1));
    assert_eq!(four.sweep, whole.sweep, "a run of it knows what it is a part of");
    let text = serde_json::to_string(&four).unwrap();
    assert_eq!(serde_json::from_str::<Experiment>(&text).unwrap(), four);

    let alone = process(API, "").unwrap();
    assert_eq!(alone.at_size(3), alone);
    assert!(!serde_json::to_string(&alone).unwrap().contains("sweep"), "as it always was");
}

#[test]
fn a_compose_project_is_scaled_too() {
    let text = FULL
        .replace(", scale: { api: 3 }", "")
        .replace("overlap: allow", "sweep: { scale: { api: [1, 2] } }");
    assert_eq!(replicas(&read(&text).unwrap().at_size(2), "api"), 2);
}

#[test]
fn what_is_wrong_with_a_sweep_is_said_at_its_place() {
    let wrong = |services, rest: &str| process(services, rest).expect_err(rest);
    let sweep = |scale: &str| wrong(BOTH, &format!("sweep: {{ scale: {scale} }}\n"));
    let all = [
        sweep("{ apii: [1, 2] }"),
        sweep("{ api: [2, 4] }"),
        sweep("{ api: [1] }"),
        sweep("{ api: [1, 2, 2] }"),
        sweep("{ api: [1, 0, 65] }"),
        sweep("{ api: [1, 2], db: [1, 2] }"),
        sweep("{ api: 2 }"),
        sweep("{}"),
        wrong(API, "sweep: { scael: { api: [1, 2] } }\n"),
        wrong(
            "      a: { command: [a] }\n      api: { command: [a], replicas: 4 }\n",
            "sweep: { scale: { api: [1, 2] } }\n",
        ),
        wrong(
            "      a: { command: [a] }\n      api: { command: [a], port: 80 }\n",
            "sweep: { scale: { api: [1, 2] } }\n",
        ),
        wrong(API, "limits: [ efficiency: { min: 70% } ]\n"),
        wrong(
            API,
            "sweep: { scale: { api: [1, 2] } }\nlimits:\n  - efficiency: { min: 70%, warn: 60% }\n  - efficiency: { min: 80% }\n",
        ),
        wrong(
            API,
            "sweep: { scale: { api: [1, 2] } }\nfaults: [ { name: k, inject: { kill: { service: api, pick: 3 } }, schedule: { at: 5s } } ]\n",
        ),
        broken("overlap: allow", "sweep: { scale: { api: [1, 2] } }"),
        external(),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    e.yaml:12:19: "apii" is not a service of the target (did you mean `api`?)
    e.yaml:12:19: 1 is not among the sizes (add 1: efficiency needs a measured single-replica run)
    e.yaml:12:19: a sweep of one size compares nothing (give others besides 1, or leave `sweep` out)
    e.yaml:12:31: 2 is there twice (give each size once)
    e.yaml:12:28: expected a whole number from 1 to 64, found "0"
    e.yaml:12:31: expected a whole number from 1 to 64, found "65"
    e.yaml:12:32: a second service (a sweep is over the replicas of one service)
    e.yaml:12:24: expected a list, found "2" (begin each item with `- `, or write `[...]`)
    e.yaml:12:10: the map needs at least 1 entry
    e.yaml:11:1: `scale` is missing (The service and its sizes, 1 to 64 instances, in the order of the runs: `{ api: [1, 2, 4, 8] }`. 1 must be among them: the others are held against it.)
    e.yaml:11:10: unknown key "scael" (did you mean `scale`? allowed here: scale)
    e.yaml:11:19: the target says how many of `api` there are, too (leave its number out of `target`: the sweep says it)
    e.yaml:11:19: several instances of `api` can't share the port 80 (leave `port` out: each instance gets a port of its own)
    e.yaml:11:11: `efficiency` is a limit on a sweep, and there is none (say with `sweep` which sizes to run)
    e.yaml:13:35: `warn` must be more than `min` (`warn` is the stricter tier)
    e.yaml:14:5: a second `efficiency` (a sweep has one, for all its sizes)
    e.yaml:12:60: 3 of `api` can't be picked: it has 2 (at most 2, or `all`, or more instances of it)
    e.yaml:51:19: the target says how many of `api` there are, too (leave its number out of `target`: the sweep says it)
    e.yaml:7:19: containers that are already running can't be brought up in other sizes (a sweep needs a `compose` or `process` target)
    "#);
}

fn external() -> String {
    let load = "load:\n  profile: [ hold: { rate: 1/s, for: 1m } ]\n  scenarios: { s: { steps: [ http: { get: \"http://a.target:80/\" } ] } }\n";
    let target = "target: { external: { containers: { a: c, api: [a, b] } } }\n";
    let sweep = "sweep: { scale: { api: [1, 2] } }\n";
    read(&format!("version: 1\nname: p\n{target}{load}{sweep}")).unwrap_err()
}

#[test]
fn a_fixed_rate_under_an_efficiency_is_doubtful() {
    let warned = |profile: &str| {
        let text = format!(
            "version: 1\nname: s\ntarget: {{ process: {{ command: [x] }} }}\nsweep: {{ scale: {{ app: [1, 2] }} }}\nload:\n  profile: [ {profile} ]\n  scenarios: {{ a: {{ steps: [ http: {{ get: \"http://app.target:80/\" }} ] }} }}\nlimits: [ efficiency: {{ min: 70% }} ]\n"
        );
        let dir = folder();
        let file = dir.path().join("e.yaml");
        std::fs::write(&file, text).unwrap();
        load_warned(&file, &Overrides::default()).unwrap().1
    };
    let doubts = warned("hold: { rate: 5/s, for: 1m }");
    assert!(doubts[0].message.contains("offers its rate whatever the size"), "{doubts:?}");
    assert!(doubts[0].hint.as_deref().is_some_and(|hint| hint.contains("`steps`")));
    for measured in
        ["steps: { from: 5/s, to: 50/s, by: 5/s, each: 5s }", "users: { count: 5, for: 1m }"]
    {
        assert!(warned(measured).is_empty(), "{measured}");
    }
}
