//! Limits as they are written in an experiment file.

use std::path::Path;

use crate::experiment::{Condition, Experiment, Limit, parse};

/// The limits of one entry of `limits`.
pub(super) fn limits(entry: &str) -> Vec<Limit> {
    experiment(&format!("limits: [ {entry} ]")).limits
}

/// The one condition of an entry of a steady state.
pub(in super::super) fn condition(entry: &str) -> Condition {
    let steady = experiment(&format!("steady_state: {{ for: 1s, require: [ {entry} ] }}"));
    steady.steady_state.unwrap().require.remove(0)
}

fn experiment(rest: &str) -> Experiment {
    let fault = |name| {
        format!(
            "{{ name: {name}, inject: {{ kill: {{ service: api }} }}, schedule: {{ at: 1h }} }}"
        )
    };
    let faults = ["kill", "cut", "first", "second", "late"].map(fault).join(", ");
    let step = |name| format!("http: {{ name: {name}, get: \"http://api.target:80/\" }}");
    let text = format!(
        "version: 1\nname: written\n\
         target: {{ process: {{ services: {{ api: {{ command: [x] }}, store: {{ command: [x] }} }} }} }}\n\
         load: {{ settle: 1s, cooldown: 1s, profile: [ hold: {{ rate: 50/s, for: 24h }} ], \
         scenarios: {{ browse: {{ steps: [ {}, {} ] }} }} }}\n\
         probes: {{ p: {{ http: \"http://api.target:80/\", json: /n }} }}\n\
         faults: [ {faults} ]\n\
         sampling: {{ scrape: {{ api: \"http://api.target:80/metrics\" }} }}\n{rest}\n",
        step("get"),
        step("other"),
    );
    parse(&text, Path::new("/written.yaml")).unwrap_or_else(|problems| panic!("{problems}"))
}
