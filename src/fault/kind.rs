//! What every fault kind brings: its name, its words, its undo, the deed, and how to see it.

use futures_util::future::{BoxFuture, join_all};

use super::scene::{Scene, Seen};
use super::undo::UndoStep;
use super::world::World;
use super::{detach, kill, partition, pause, restart, stop};
use crate::experiment::Injection;
use crate::record::PlannedFault;
use crate::target::ControlError;

/// How an injection ended. What undoes it is in the intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was done, to one victim at least.
    Applied,
    /// It was done to nobody.
    NotApplied(String),
    /// It may have been done. Healed as if it were.
    Unknown(String),
}

/// How a fault in force is doing.
#[derive(Clone, Debug)]
pub(super) enum Keep {
    /// It goes on.
    Holds,
    /// It should be in force and is not.
    Lost(String),
    /// Its target put an end to it.
    Ended(String),
    /// Its target moved: it is to be injected again in the new scene, which these steps undo.
    Moved(Box<Scene>, Vec<UndoStep>),
}

/// One fault kind.
pub(super) trait Kind: Send + Sync {
    /// Its key in the experiment file.
    fn name(&self) -> &'static str;
    /// What it does and how, for the reference.
    fn docs(&self) -> &'static str;
    /// What it does to whom, for charts: `SIGKILL to api#1`.
    fn label(&self, plan: &PlannedFault) -> String;
    /// What will undo it, exactly. Pure. Fails when there is nothing it could do.
    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String>;
    /// Does it. Doing it twice is doing it once, but for signals.
    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome>;
    /// Looks whether it is in force: the evidence, or why it can't be seen yet. `tries` counts from 0.
    fn check<'a>(
        &'a self,
        world: &'a World,
        scene: &'a Scene,
        tries: u32,
    ) -> BoxFuture<'a, Result<String, String>>;
    /// Looks after it while it is in force; renews what would expire.
    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep>;
}

/// The kind of an injection.
pub(super) fn kind(inject: &Injection) -> &'static dyn Kind {
    match inject {
        Injection::Kill { .. } => &kill::Kill,
        Injection::Stop { .. } => &stop::Stop,
        Injection::Restart { .. } => &restart::Restart,
        Injection::Pause { .. } => &pause::Pause,
        Injection::Detach { .. } => &detach::Detach,
        Injection::Partition { .. } => &partition::Partition,
    }
}

/// What a fault does to whom, in a few words for a chart: `SIGKILL to api#1`.
pub fn label(plan: &PlannedFault) -> String {
    kind(&plan.inject).label(plan)
}

/// Every fault kind by its key in the experiment file, with what it does and how.
pub fn catalogue() -> Vec<(&'static str, &'static str)> {
    let all: [&dyn Kind; 6] = [
        &kill::Kill,
        &stop::Stop,
        &restart::Restart,
        &pause::Pause,
        &detach::Detach,
        &partition::Partition,
    ];
    all.iter().map(|k| (k.name(), k.docs())).collect()
}

/// Does something to every victim at once, and sums up.
pub(super) async fn on_each<'a, F>(
    victims: impl IntoIterator<Item = &'a Seen>,
    deed: impl Fn(&'a Seen) -> F,
) -> Outcome
where
    F: Future<Output = Result<(), ControlError>>,
{
    let deeds = victims.into_iter().map(|seen| {
        let done = deed(seen);
        async move { (seen.who.to_string(), done.await) }
    });
    sum_up(join_all(deeds).await)
}

/// The outcome of deeds that belong together: whatever may have happened must be healed.
pub(super) fn sum_up(deeds: Vec<(String, Result<(), ControlError>)>) -> Outcome {
    let mut applied = false;
    let mut unknown = Vec::new();
    let mut refused = Vec::new();
    for (who, result) in deeds {
        match result {
            Ok(()) => applied = true,
            Err(e @ ControlError::Unknown(_)) => unknown.push(format!("{who}: {e}")),
            Err(e) => refused.push(format!("{who}: {e}")),
        }
    }
    if !unknown.is_empty() {
        Outcome::Unknown(unknown.join("; "))
    } else if applied {
        Outcome::Applied
    } else {
        Outcome::NotApplied(refused.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Direction, Pick, Signal, Victims};
    use crate::fault::fake::FakeTarget;
    use crate::fault::sample::{all_kinds, planned};

    /// Every kind holds to the same package: name, words, docs, an undo that heals what it did, and a
    /// check that is red before and green after.
    #[tokio::test]
    async fn every_kind_is_a_whole_package() {
        for inject in all_kinds() {
            let fake = FakeTarget::new();
            let world = fake.world();
            let before = fake.snapshot();
            let plan = planned(inject.clone());
            let kind = kind(&inject);
            let key = serde_json::to_value(&inject).unwrap();
            assert!(key.get(kind.name()).is_some(), "{} is not the key of {key}", kind.name());
            assert!(kind.docs().len() > 80, "{} has no docs", kind.name());
            assert!(kind.label(&plan).contains("api"), "{}", kind.label(&plan));
            assert!(catalogue().iter().any(|(name, _)| *name == kind.name()));

            let scene = Scene::look(&world, &plan, "longhaul_t".into()).await.unwrap();
            let undo = kind.plan(&scene).unwrap();
            assert!(!undo.is_empty());
            assert!(kind.check(&world, &scene, 0).await.is_err(), "{} sees itself", kind.name());
            assert_eq!(kind.inject(&world, &scene).await, Outcome::Applied);
            fake.traffic();
            let evidence = kind.check(&world, &scene, 0).await.unwrap();
            assert!(evidence.contains("api#1"), "{evidence}");
            assert!(matches!(kind.keep(&world, &scene).await, Keep::Holds), "{}", kind.name());
            if kind.name() != "restart" {
                assert_ne!(fake.snapshot(), before, "{} did nothing", kind.name());
                for step in &undo {
                    assert!(
                        step.check(&world).await.is_err(),
                        "{step:?} is undone before its undo"
                    );
                }
            }
            for _ in 0..2 {
                for step in &undo {
                    step.undo(&world).await.unwrap();
                    step.check(&world).await.unwrap();
                }
                assert_eq!(fake.snapshot(), before, "{} is not undone", kind.name());
            }
        }
        assert_eq!(catalogue().len(), all_kinds().len());
    }

    #[test]
    fn labels_are_words() {
        let victims = || Victims { service: "api".into(), pick: Pick::One };
        let network = Some("back".to_owned());
        let grace = std::time::Duration::from_secs(1);
        let labels: Vec<String> = [
            Injection::Kill {
                victims: victims(),
                signal: Signal("SIGKILL".into()),
                restart_after: grace,
            },
            Injection::Stop { victims: victims(), grace },
            Injection::Restart { victims: victims(), grace },
            Injection::Pause { victims: victims() },
            Injection::Detach { victims: victims(), network: None },
            Injection::Detach { victims: victims(), network },
            Injection::Partition {
                between: vec!["api".into()],
                and: vec!["db".into()],
                direction: Direction::Both,
            },
            Injection::Partition {
                between: vec!["api".into()],
                and: vec!["db".into()],
                direction: Direction::Backward,
            },
        ]
        .into_iter()
        .map(|i| label(&planned(i)))
        .collect();
        assert_eq!(
            labels,
            [
                "SIGKILL to api#1",
                "stop api#1",
                "restart api#1",
                "pause api#1",
                "detach api#1 from all networks",
                "detach api#1 from back",
                "cut api from db, both ways",
                "cut api from db, packets to api only",
            ]
        );
    }
}
