//! Whether a plan leaves a limit any way to fail, or to hold.

use std::time::Duration;

use super::{Plan, leak_outlook};
use crate::experiment::{Limit, LoadMeasure, Measure, Scenario, Step};
use crate::units::{Rate, duration, trim};
use crate::verdict::LimitInWords;

/// The limits whose outcome the plan decides already, and what to do about it.
pub(super) fn warnings(plan: &Plan) -> Vec<(String, String)> {
    plan.experiment.limits.iter().filter_map(|limit| doubt(plan, limit)).collect()
}

fn doubt(plan: &Plan, limit: &Limit) -> Option<(String, String)> {
    let bound = limit.bound.limit.base();
    let (fate, hint) = match &limit.measure {
        Measure::Load(LoadMeasure::Latency { step, .. }) => {
            let longest = longest_timeout(plan, step.as_deref())?;
            let fate = format!(
                "can't fail: what takes longer than {} is a timeout, and no latency",
                duration(longest)
            );
            (bound >= longest.as_secs_f64())
                .then_some((fate, "lower it, or give the steps a longer `timeout`"))?
        }
        Measure::Load(LoadMeasure::Throughput { step }) => {
            let most = most_requests(plan, step.as_deref())?;
            let most_text = Rate::per_second(trim(most, 2).parse().unwrap_or(most));
            let fate = format!("can't hold: the profile asks for {most_text} at most");
            (bound > most * 1.001).then_some((fate, "lower it, or raise the rate"))?
        }
        Measure::Restarts { service, unless_injected: false } if limit.window.is_none() => {
            let ours = |name: &str| service.as_ref().is_none_or(|service| service == name);
            let ends = plan.faults.iter().filter(|fault| leak_outlook::ends_a_life(fault));
            let planned = ends.flat_map(|f| &f.victims).filter(|v| ours(&v.service)).count();
            let fate = format!("can't hold: the faults restart what it counts {planned} times");
            (planned as f64 > bound)
                .then_some((fate, "add `unless: injected`, or allow for the faults"))?
        }
        Measure::Recovery { fault: Some(name), .. }
        | Measure::MedianRecovery { fault: Some(name), .. }
            if !plan.faults.iter().any(|fault| fault.name == *name) =>
        {
            let fate = "can't be told: the fault never comes".to_owned();
            (fate, "let it come within the profile, or leave the limit out")
        }
        _ => return None,
    };
    let words = LimitInWords::of(limit);
    Some((format!("{}, {}, {fate}", words.limit, words.bound), hint.to_owned()))
}

/// How long the slowest of the steps may take, or the one of this name.
fn longest_timeout(plan: &Plan, name: Option<&str>) -> Option<Duration> {
    let load = &plan.experiment.load;
    let steps = load.scenarios.iter().flat_map(|s| s.all_steps().map(move |step| (s, step)));
    steps
        .filter(|(scenario, step)| is_meant(name, scenario, step))
        .map(|(_, step)| step.timeout().unwrap_or(load.timeout))
        .max()
}

/// Whether a step is the one of this name, `scenario/step`; without a name each is.
fn is_meant(name: Option<&str>, scenario: &Scenario, step: &Step) -> bool {
    name.is_none_or(|name| name == format!("{}/{}", scenario.name, step.name()))
}

/// Requests a second of the busiest part of the profile, or of the step of this name alone. `None` where the plan does not tell:
/// sessions, and steps of more than one request, come as often as they come.
fn most_requests(plan: &Plan, name: Option<&str>) -> Option<f64> {
    let load = &plan.experiment.load;
    let timeline = load.timeline();
    let profile = timeline.pieces.iter().filter(|piece| piece.start >= timeline.warmup);
    let mut arrivals = 0.0_f64;
    for piece in profile {
        if !piece.flow.is_fixed() {
            return None;
        }
        let (from, to) = piece.flow.rates();
        arrivals = arrivals.max(from).max(to);
    }
    if !load.scenarios.iter().all(|s| s.session.is_empty() && s.steps.iter().all(Step::is_http1)) {
        return None;
    }
    let all: f64 = load.scenarios.iter().map(|s| f64::from(s.weight)).sum();
    let each = load.scenarios.iter().map(|s| {
        let meant = s.steps.iter().filter(|step| is_meant(name, s, step)).count();
        f64::from(s.weight) / all * meant as f64
    });
    Some(arrivals * each.sum::<f64>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment;

    async fn told(limit: &str) -> Option<String> {
        let text = format!(
            "version: 1
name: p
target: {{ process: {{ services: {{ api: {{ command: [x] }}, db: {{ command: [x] }} }} }} }}
load:
  profile: [ hold: {{ rate: 50/s, for: 10m }}, hold: {{ rate: 20/s, for: 10m }} ]
  timeout: 5s
  scenarios:
    read: {{ weight: 4, steps: [ http: {{ name: item, get: \"http://api.target:80/\" }} ] }}
    buy:
      steps:
        - http: {{ name: look, get: \"http://api.target:80/\", timeout: 20s }}
        - http: {{ name: pay, get: \"http://api.target:80/\" }}
faults:
  - {{ name: k, inject: {{ kill: {{ service: api }} }}, schedule: {{ every: 5m }} }}
  - {{ name: late, inject: {{ pause: {{ service: db }} }}, schedule: {{ at: 15m1s }}, for: 4m59s }}
limits: [ {limit} ]
"
        );
        let experiment = experiment::parse(&text, Path::new("/e.yaml")).unwrap();
        let plan = Plan::resolve(experiment).await.unwrap();
        let warnings = warnings(&plan);
        assert!(warnings.len() < 2, "{warnings:?}");
        warnings.into_iter().next().map(|(message, _)| message)
    }

    #[tokio::test]
    async fn a_limit_that_the_plan_decides_is_told_and_no_other() {
        for (limit, fate) in [
            ("latency: { p99: 20s }", Some("can't fail: what takes longer than 20s")),
            ("latency: { p99: 6s }", None),
            ("latency: { p99: 6s, step: buy/pay }", Some("can't fail: what takes longer than 5s")),
            ("throughput: { min: 61/s }", Some("can't hold: the profile asks for 60/s at most")),
            ("throughput: { min: 60/s }", None),
            ("throughput: { min: 11/s, step: buy/pay }", Some("asks for 10/s at most")),
            ("throughput: { min: 40/s, step: read/item }", None),
            ("restarts: { max: 0 }", Some("can't hold: the faults restart what it counts 3 times")),
            ("restarts: { max: 3 }", None),
            ("restarts: { max: 0, unless: injected }", None),
            ("restarts: { max: 0, service: db }", None),
            ("recovery: { fault: late, max: 1m }", Some("can't be told: the fault never comes")),
            ("recovery: { fault: k, max: 1m }", None),
        ] {
            let told = told(limit).await;
            assert_eq!(told.is_some(), fate.is_some(), "{limit}: {told:?}");
            if let (Some(told), Some(fate)) = (told, fate) {
                assert!(told.contains(fate), "{limit}: {told}");
            }
        }
    }
}
