//! Targets of child processes.

use super::fixture::{process, read};
use crate::experiment::System;

#[test]
fn process_targets_are_checked_against_their_links() {
    let two = "      a: { command: [x], links: { B: b } }\n      b: { command: [\"{{self}}\", \"{{port}}\"] }\n";
    let cut = "faults:\n  - { name: f, inject: { partition: { between: a, and: b } }, schedule: { at: 10s }, for: 5s }\n";
    let e = process(two, cut).unwrap();
    let System::Process(p) = &e.target.system else { panic!() };
    assert_eq!(p.services["b"].command, ["{{self}}", "{{port}}"]);
    assert!(p.services["a"].dir.as_ref().unwrap().is_absolute());
    let told = [
        process(&two.replace(", links: { B: b }", ""), cut),
        process(&two.replace("B: b", "B: c"), ""),
        process(&two.replace("B: b", "B: a"), ""),
        process(&two.replace("{{port}}", "{{prt}}"), ""),
        process(&two.replace("[x],", "[x], replicas: 2, port: 80,"), ""),
        process(&two.replace("[x]", "[]"), ""),
        process(two, "faults: [ { name: f, inject: { detach: { service: a } }, schedule: { at: 1s }, for: 1s } ]\n"),
    ]
    .map(Result::unwrap_err)
    .join("\n");
    insta::assert_snapshot!(told, @r#"
    e.yaml:12:48: no `links` lead from one group to the other: it would cut nothing (list the server under `links` of its client)
    e.yaml:6:38: "c" is not a service of the target (there are a, b)
    e.yaml:6:7: the links go in a circle through a (services start after those they link to)
    e.yaml:7:37: "prt" is not a variable (did you mean `port`?)
    e.yaml:6:45: 2 replicas can't share one port (leave `port` out: each instance gets a port of its own)
    e.yaml:6:12: the list needs at least 1 item
    e.yaml:11:22: processes can't be detached (use `partition`)
    "#);
    let short = "version: 1\nname: p\ntarget: { process: { command: [x, \"1\"] } }\nload:\n  profile: [ hold: { rate: 1/s, for: 1m } ]\n  scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } }\n";
    let System::Process(p) = read(short).unwrap().target.system else { panic!() };
    assert_eq!(p.services["app"].command, ["x", "1"]);
}
