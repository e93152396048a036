//! Whether a plan leaves a leak verdict anything to rest on.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Plan;
use crate::experiment::{Injection, Measure};
use crate::record::{PlannedFault, Victim};
use crate::units::duration;

/// Nothing is called leaking before so much record.
const LEAST_RECORD: Duration = Duration::from_hours(2);
/// A life this long, without a restart, carries a verdict of its own.
const LEAST_LIFE: Duration = Duration::from_hours(6);
/// Signals that a process outlives, as a rule.
const HARMLESS: [&str; 7] =
    ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGWINCH", "SIGCHLD", "SIGCONT", "SIGURG"];

/// What keeps the plan's `leak` limits from being told, and what to do about it.
pub(super) fn warnings(plan: &Plan) -> Vec<(String, String)> {
    let services = services(plan);
    if services.is_empty() {
        return Vec::new();
    }
    let profile = plan.experiment.load.profile_length();
    let mut warnings = Vec::new();
    if profile < LEAST_RECORD {
        let message = format!(
            "a `leak` limit can't fail here: nothing is called leaking before {} of record, and the profile takes {}",
            duration(LEAST_RECORD),
            duration(profile)
        );
        let hint = format!("hold the load for {} or longer", duration(LEAST_RECORD));
        warnings.push((message, hint));
    }
    for service in services {
        let lives = (1..=plan.replicas.get(service).copied().unwrap_or(0))
            .map(|ordinal| Victim { service: service.to_owned(), ordinal })
            .map(|victim| (longest_life(plan, &victim), victim));
        // The replica that is left in peace the longest; the first of equals.
        let best = lives.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((life, victim)) = best else { continue };
        let restarted = plan.faults.iter().any(|fault| restarts(fault, &victim));
        if restarted && life < LEAST_LIFE {
            let message = format!(
                "the faults destroy what `leak` of {service} rests on: each of its replicas is started again, and \
                 the longest life without that takes {} ({victim})",
                duration(life)
            );
            let hint = format!(
                "a life of {} or more tells a leak: let the faults come less often, hurt a service that is not under \
                 `leak`, or make the profile longer; `pick` can't spare a replica, it draws anew each time",
                duration(LEAST_LIFE)
            );
            warnings.push((message, hint));
        }
    }
    warnings
}

/// The services under a `leak` limit.
fn services(plan: &Plan) -> BTreeSet<&str> {
    let mut services = BTreeSet::new();
    for limit in &plan.experiment.limits {
        match &limit.measure {
            Measure::Leak { service: Some(service), .. } => {
                services.insert(service.as_str());
            }
            Measure::Leak { service: None, .. } => {
                services.extend(plan.replicas.keys().map(String::as_str));
            }
            _ => {}
        }
    }
    services
}

/// The longest stretch of the profile in which nothing starts an instance again.
fn longest_life(plan: &Plan, victim: &Victim) -> Duration {
    let profile = plan.experiment.load.profile_length();
    let (mut longest, mut since) = (Duration::ZERO, Duration::ZERO);
    for fault in plan.faults.iter().filter(|fault| restarts(fault, victim)) {
        longest = longest.max(fault.at.saturating_sub(since));
        since = since.max(fault.at + fault.lasts);
    }
    longest.max(profile.saturating_sub(since))
}

/// Whether a fault begins another life of an instance.
fn restarts(fault: &PlannedFault, victim: &Victim) -> bool {
    ends_a_life(fault) && fault.victims.contains(victim)
}

/// Whether its victims are started again.
pub(super) fn ends_a_life(fault: &PlannedFault) -> bool {
    match &fault.inject {
        Injection::Kill { signal, .. } => !HARMLESS.contains(&signal.0.as_str()),
        Injection::Stop { .. } | Injection::Restart { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment;

    async fn told(profile: &str, faults: &str, limits: &str) -> Vec<String> {
        let text = format!(
            "version: 1
name: p
target:
  process:
    services:
      api: {{ command: [x], replicas: 2 }}
      db: {{ command: [x] }}
load:
  profile: [ hold: {{ rate: 1/s, for: {profile} }} ]
  scenarios: {{ s: {{ steps: [ http: {{ get: \"http://api.target:80/\" }} ] }} }}
faults: [ {faults} ]
limits: [ {limits} ]
"
        );
        let experiment = experiment::parse(&text, Path::new("/e.yaml")).unwrap();
        let plan = Plan::resolve(experiment).await.unwrap();
        warnings(&plan).into_iter().map(|(message, hint)| format!("{message} ({hint})")).collect()
    }

    fn kill(pick: &str, schedule: &str) -> String {
        format!(
            "{{ name: k, inject: {{ kill: {{ service: api, pick: {pick} }} }}, schedule: {{ {schedule} }} }}"
        )
    }

    #[tokio::test]
    async fn a_short_profile_and_kills_of_every_replica_are_told() {
        insta::assert_snapshot!(told("1h", "", "leak: { service: api }").await.join("\n"), @"a `leak` limit can't fail here: nothing is called leaking before 2h of record, and the profile takes 1h (hold the load for 2h or longer)");
        let often = kill("all", "every: 1h");
        insta::assert_snapshot!(told("24h", &often, "leak: { service: api }").await.join("\n"), @"the faults destroy what `leak` of api rests on: each of its replicas is started again, and the longest life without that takes 1h (api#1) (a life of 6h or more tells a leak: let the faults come less often, hurt a service that is not under `leak`, or make the profile longer; `pick` can't spare a replica, it draws anew each time)");
        let all = told("24h", &often, "leak: {}").await;
        assert_eq!(all.len(), 1, "the db is left in peace: {all:?}");
    }

    #[tokio::test]
    async fn a_replica_that_is_left_in_peace_carries_the_verdict() {
        let never = Vec::<String>::new();
        let leak = "leak: { service: api }";
        assert_eq!(told("24h", &kill("all", "every: 1h"), "restarts: { max: 99 }").await, never);
        assert_eq!(told("24h", "", leak).await, never);
        assert_eq!(told("24h", &kill("all", "at: 7h"), leak).await, never);
        assert_eq!(told("4h", &kill("one", "at: 1h"), leak).await, never, "one of two is spared");
        let usr1 = kill("all", "every: 1h").replace("pick: all", "pick: all, signal: SIGUSR1");
        assert_eq!(told("24h", &usr1, leak).await, never);
        assert_eq!(told("8h", &kill("all", "at: 4h"), leak).await.len(), 1);
    }
}
