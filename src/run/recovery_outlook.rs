//! Whether a plan leaves a `recover_within` anything to rest on.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Plan;
use crate::record::PlannedFault;
use crate::units::duration;

/// So much undisturbed load before a fault tells what is usual.
const LEAST_BEFORE: Duration = Duration::from_secs(10);

/// What keeps the plan's `recover_within` limits from being told, and what to do about it: the first fault of each entry.
pub(super) fn warnings(plan: &Plan) -> Vec<(String, String)> {
    let mut told = BTreeSet::new();
    let limited =
        plan.faults.iter().enumerate().filter_map(|(i, f)| Some((i, f, f.recover_within?)));
    limited
        .filter_map(|(i, fault, within)| warning(plan, i, fault, within))
        .filter(|(name, _)| told.insert(name.clone()))
        .map(|(_, warning)| warning)
        .collect()
}

/// The entry's name, and what to say of it.
fn warning(
    plan: &Plan,
    place: usize,
    fault: &PlannedFault,
    within: Duration,
) -> Option<(String, (String, String))> {
    let id = &fault.id;
    let earlier = plan.faults[..place].iter().map(|f| f.at + f.lasts).max();
    if earlier.is_none() && fault.at < LEAST_BEFORE {
        let message = format!(
            "`recover_within` of {id} can't be told: it comes {} into the profile, and what is usual shows in {} before it",
            duration(fault.at),
            duration(LEAST_BEFORE)
        );
        return Some((fault.name.clone(), (message, "let it come later".to_owned())));
    }
    let over = fault.at + fault.lasts;
    let profile = plan.experiment.load.profile_length();
    let next = plan.faults[place + 1..].iter().map(|f| f.at).min().unwrap_or(profile).min(profile);
    let watched = next.saturating_sub(over);
    (watched < within).then(|| {
        let message = format!(
            "`recover_within: {}` of {id} can't fail: {} after it {} comes",
            duration(within),
            duration(watched),
            if next == profile { "the end of the profile" } else { "the next fault" }
        );
        (fault.name.clone(), (message, "leave more time after it, or lower the limit".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment;

    async fn told(faults: &str) -> Vec<String> {
        let text = format!(
            "version: 1
name: p
target: {{ process: {{ services: {{ api: {{ command: [x] }} }} }} }}
load:
  profile: [ hold: {{ rate: 1/s, for: 10m }} ]
  scenarios: {{ s: {{ steps: [ http: {{ get: \"http://api.target:80/\" }} ] }} }}
faults: [ {faults} ]
"
        );
        let experiment = experiment::parse(&text, Path::new("/e.yaml")).unwrap();
        let plan = Plan::resolve(experiment).await.unwrap();
        warnings(&plan).into_iter().map(|(message, hint)| format!("{message} ({hint})")).collect()
    }

    fn pause(name: &str, at: &str, within: &str) -> String {
        format!(
            "{{ name: {name}, inject: {{ pause: {{ service: api, pick: all }} }}, schedule: {{ at: {at} }}, for: 5s, recover_within: {within} }}"
        )
    }

    #[tokio::test]
    async fn a_fault_too_early_and_one_with_too_little_time_after_it_are_told() {
        insta::assert_snapshot!(told(&pause("a", "3s", "30s")).await.join("\n"), @"`recover_within` of a-1 can't be told: it comes 3s into the profile, and what is usual shows in 10s before it (let it come later)");
        let close = [pause("a", "1m", "1m"), pause("b", "90s", "30s")].join(", ");
        insta::assert_snapshot!(told(&close).await.join("\n"), @"`recover_within: 1m` of a-1 can't fail: 25s after it the next fault comes (leave more time after it, or lower the limit)");
        insta::assert_snapshot!(told(&pause("late", "[1m, 580s]", "1m")).await.join("\n"), @"`recover_within: 1m` of late-2 can't fail: 15s after it the end of the profile comes (leave more time after it, or lower the limit)");
        assert_eq!(told(&pause("well", "1m", "1m")).await, Vec::<String>::new());
    }
}
