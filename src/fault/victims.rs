//! Whom a fault hits, and whether it can be had on this target at all.

use std::collections::BTreeMap;

use super::times::below;
use crate::experiment::{Injection, Pick, Process, System, Victims};
use crate::record::Victim;
use crate::seed::Rng;

/// Whether the target has what the fault asks for; else why not.
pub(super) fn available(
    inject: &Injection,
    system: &System,
    replicas: &BTreeMap<String, u32>,
) -> Result<(), String> {
    for service in services(inject) {
        match replicas.get(service) {
            None => {
                let known: Vec<&str> = replicas.keys().map(String::as_str).collect();
                return Err(format!(
                    "no service {service:?} in the target: it has {}",
                    known.join(", ")
                ));
            }
            Some(0) => return Err(format!("service {service:?} has no instances")),
            Some(_) => {}
        }
    }
    match (inject, system) {
        (Injection::Detach { .. }, System::Process(_)) => {
            Err("detach is not available for process targets: they have no network of their own".into())
        }
        (Injection::Partition { between, and, .. }, _)
            if between.iter().any(|s| and.contains(s)) =>
        {
            Err("a service can't be on both sides of a partition".into())
        }
        (Injection::Partition { between, and, .. }, System::Process(process))
            if !linked(process, between, and) && !linked(process, and, between) =>
        {
            Err("no link between the two groups of processes, so there is nothing to cut: add `links` \
                 to one of the services"
                .into())
        }
        (Injection::Kill { signal, .. }, _) if freezes(&signal.0) => {
            Err(format!("{} freezes a process without ending it: use pause", signal.0))
        }
        _ => Ok(()),
    }
}

/// What to know of a fault that would hit more instances than there are.
pub(super) fn too_few(inject: &Injection, replicas: &BTreeMap<String, u32>) -> Option<String> {
    let (Injection::Kill { victims, .. }
    | Injection::Stop { victims, .. }
    | Injection::Restart { victims, .. }
    | Injection::Pause { victims }
    | Injection::Detach { victims, .. }) = inject
    else {
        return None;
    };
    let there = replicas.get(&victims.service).copied().unwrap_or(0);
    match victims.pick {
        Pick::Count(wanted) if wanted > there => Some(format!(
            "{} has {there} of the {wanted} instances to pick: all are hit",
            victims.service
        )),
        _ => None,
    }
}

/// Draws the victims, and the peers of a partition. The services must be [`available`].
pub(super) fn choose(
    inject: &Injection,
    replicas: &BTreeMap<String, u32>,
    rng: &mut Rng,
) -> (Vec<Victim>, Vec<Victim>) {
    let all = |services: &[String]| -> Vec<Victim> {
        let mut list: Vec<Victim> = services
            .iter()
            .flat_map(|s| {
                (1..=replicas.get(s).copied().unwrap_or(0))
                    .map(|ordinal| Victim { service: s.clone(), ordinal })
            })
            .collect();
        list.sort();
        list.dedup();
        list
    };
    match inject {
        Injection::Kill { victims, .. }
        | Injection::Stop { victims, .. }
        | Injection::Restart { victims, .. }
        | Injection::Pause { victims }
        | Injection::Detach { victims, .. } => (pick(victims, replicas, rng), Vec::new()),
        Injection::Partition { between, and, .. } => (all(between), all(and)),
    }
}

fn pick(victims: &Victims, replicas: &BTreeMap<String, u32>, rng: &mut Rng) -> Vec<Victim> {
    let mut left: Vec<u32> = (1..=replicas.get(&victims.service).copied().unwrap_or(0)).collect();
    let mut picked: Vec<u32> = (0..victims.pick.of(left.len() as u32))
        .map(|_| left.swap_remove(below(rng, left.len() as u64) as usize))
        .collect();
    picked.sort_unstable();
    picked.into_iter().map(|ordinal| Victim { service: victims.service.clone(), ordinal }).collect()
}

fn services(inject: &Injection) -> Vec<&String> {
    match inject {
        Injection::Kill { victims, .. }
        | Injection::Stop { victims, .. }
        | Injection::Restart { victims, .. }
        | Injection::Pause { victims }
        | Injection::Detach { victims, .. } => vec![&victims.service],
        Injection::Partition { between, and, .. } => between.iter().chain(and).collect(),
    }
}

fn linked(process: &Process, clients: &[String], servers: &[String]) -> bool {
    clients
        .iter()
        .filter_map(|c| process.services.get(c))
        .any(|client| client.links.values().any(|server| servers.contains(server)))
}

fn freezes(signal: &str) -> bool {
    let name = signal.to_ascii_uppercase();
    matches!(name.strip_prefix("SIG").unwrap_or(&name), "STOP" | "TSTP" | "TTIN" | "TTOU")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Signal;
    use crate::fault::sample::{self, kill, partition};
    use crate::seed::Seed;
    use crate::units::Percent;

    #[test]
    fn picks_are_distinct_in_order_and_hit_everybody_in_time() {
        let replicas = BTreeMap::from([("api".to_owned(), 5)]);
        let mut rng = Seed(1).rng();
        let mut hits = [0_u32; 5];
        for (pick, many) in [
            (Pick::One, 1),
            (Pick::All, 5),
            (Pick::Count(3), 3),
            (Pick::Share(Percent::of(50.0)), 3),
        ] {
            for _ in 0..200 {
                let (victims, _) = choose(&kill("a", pick).inject, &replicas, &mut rng);
                assert_eq!(victims.len(), many);
                assert!(victims.windows(2).all(|w| w[0].ordinal < w[1].ordinal));
                for v in victims {
                    hits[v.ordinal as usize - 1] += 1;
                }
            }
        }
        assert!(hits.iter().all(|h| (400..=560).contains(h)), "{hits:?}");
    }

    #[test]
    fn a_pick_of_more_than_there_are_is_told() {
        let told = |pick| too_few(&kill("a", pick).inject, &sample::replicas());
        assert_eq!(told(Pick::Count(2)), None);
        assert_eq!(told(Pick::All), None);
        let three = "api has 2 of the 3 instances to pick: all are hit";
        assert_eq!(told(Pick::Count(3)).as_deref(), Some(three));
        assert_eq!(too_few(&partition("p").inject, &sample::replicas()), None);
    }

    #[test]
    fn what_a_process_target_lacks_is_refused() {
        let system = sample::processes();
        let replicas = sample::replicas();
        let refused = |inject: &Injection| available(inject, &system, &replicas).unwrap_err();
        let victims = Victims { service: "api".into(), pick: Pick::One };
        let detach = Injection::Detach { victims: victims.clone(), network: None };
        assert!(refused(&detach).contains("not available for process targets"));
        let mut apart = partition("p");
        sample::between(&mut apart, "gateway", "db");
        assert!(refused(&apart.inject).contains("nothing to cut"));
        assert_eq!(available(&partition("p").inject, &system, &replicas), Ok(()));
        let stop = Injection::Kill {
            victims,
            signal: Signal("SIGSTOP".into()),
            restart_after: std::time::Duration::ZERO,
        };
        assert!(refused(&stop).contains("use pause"));
    }
}
