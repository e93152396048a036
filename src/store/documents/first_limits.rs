//! The first limits: a kind with its own fields for the bound, where later ones have a measure, a bound and a scope.

use serde_json::{Map, Value, json};

use super::Document;

/// Gives the limits of an experiment, its steady state and what ends it early their later form, where they have the
/// first one. Format 0 is older than formats: some of its documents have the later form already.
pub(super) fn change(document: Document, value: &mut Value) {
    let Some(experiment) = value.get_mut("experiment").filter(|_| document == Document::Record)
    else {
        return;
    };
    for limit in items(experiment.get_mut("limits")) {
        let window = limit.get("window").cloned().unwrap_or_default();
        if let Some(first) = First::of(limit) {
            *limit = json!({
                "measure": first.measure, "bound": first.bound, "scope": first.scope, "window": window,
            });
        }
    }
    let steady = experiment.get_mut("steady_state").and_then(|state| state.get_mut("require"));
    for condition in items(steady) {
        become_condition(condition);
    }
    for abort in items(experiment.get_mut("abort_when")) {
        abort.get_mut("breached").map(become_condition);
    }
}

fn items(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// A condition is a limit on the load without scope and window.
fn become_condition(value: &mut Value) {
    if let Some(First { measure, bound, .. }) = First::of(value)
        && let Some(load) = measure.get("load")
    {
        *value = json!({ "measure": load, "bound": bound });
    }
}

/// A limit of the first form, in the parts of the later one.
struct First {
    measure: Value,
    bound: Value,
    scope: Value,
}

impl First {
    /// Nothing when it is none.
    fn of(limit: &Value) -> Option<Self> {
        let limit = limit.as_object().filter(|fields| !fields.contains_key("measure"))?;
        let (kind, fields) = limit.iter().find(|(name, _)| *name != "window")?;
        let fields = fields.as_object()?;
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let load = |measure: Value| json!({ "load": measure });
        let (measure, unit) = match kind.as_str() {
            "achieved_rate" => (load(json!("achieved_rate")), "share"),
            "error_rate" => (load(json!({ "error_rate": { "step": null } })), "share"),
            "latency" => {
                let latency = json!({ "figure": field("figure"), "step": field("step") });
                (load(json!({ "latency": latency })), "time")
            }
            "memory_max" | "memory_mean" => {
                let statistic = kind.trim_start_matches("memory_");
                let memory = json!({ "statistic": statistic, "service": field("service") });
                (json!({ "memory": memory }), "bytes")
            }
            "memory_growth" => {
                (json!({ "memory_growth": { "service": field("service") } }), "share")
            }
            "restarts" => {
                let (service, unless) = (field("service"), field("unless_injected"));
                (json!({ "restarts": { "service": service, "unless_injected": unless } }), "count")
            }
            "recovery" => {
                (json!({ "recovery": { "fault": field("fault"), "from": "end" } }), "time")
            }
            _ => return None,
        };
        let scope = fields.get("scope").cloned().unwrap_or(json!("total"));
        Some(Self { measure, bound: bound(fields, unit), scope })
    }
}

fn bound(fields: &Map<String, Value>, unit: &str) -> Value {
    let quantity = |name: &str| {
        let given = fields.get(name).filter(|value| !value.is_null());
        given.map_or(Value::Null, |value| json!({ unit: value }))
    };
    let (side, limit) = match fields.get("min") {
        Some(_) => ("at_least", "min"),
        None => ("at_most", "max"),
    };
    json!({ "side": side, "limit": quantity(limit), "warn": quantity("warn") })
}
