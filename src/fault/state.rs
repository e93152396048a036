//! The life of one fault as a pure state machine: events are what was learned, stages are derived.

use crate::record::FaultStage;

/// What was learned about a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultEvent {
    /// The intent is in the journal.
    Journaled,
    /// The side effect was asked for, and may have happened.
    Asked,
    /// Nothing was done, and nothing will be.
    Refused(String),
    /// It was seen to be in force.
    Seen(String),
    /// It could not be seen to be in force, or is no longer.
    NotSeen(String),
    /// The undo begins.
    HealBegun,
    /// It was seen to be undone.
    Undone(String),
    /// It could not be undone, for now.
    NotUndone(String),
}

/// The stage after `event`; `None` is the planned fault before its intent. Total: an event that makes
/// no sense in a stage leaves it as it is.
///
/// Whatever may have been done is healed: [`FaultStage::Healed`] is reached only through
/// [`FaultStage::Healing`], and every stage but the two final ones can reach it.
pub fn next(stage: Option<FaultStage>, event: FaultEvent) -> Option<FaultStage> {
    use FaultEvent as E;
    use FaultStage as S;
    let Some(stage) = stage else {
        return match event {
            E::Journaled => Some(S::Intended),
            E::Refused(reason) => Some(S::NotApplied { reason }),
            _ => None,
        };
    };
    Some(match (stage, event) {
        (S::Intended, E::Asked) => S::Injected,
        // Asked, and refused by everybody: only the answer itself may say so.
        (S::Intended | S::Injected, E::Refused(reason)) => S::NotApplied { reason },
        (S::Injected | S::Unverified { .. } | S::Active { .. }, E::Seen(evidence)) => {
            S::Active { evidence }
        }
        (S::Injected | S::Unverified { .. } | S::Active { .. }, E::NotSeen(reason)) => {
            S::Unverified { reason }
        }
        (
            S::Intended | S::Injected | S::Active { .. } | S::Unverified { .. } | S::Stuck { .. },
            E::HealBegun,
        ) => S::Healing,
        (S::Healing, E::Undone(evidence)) => S::Healed { evidence },
        (S::Healing, E::NotUndone(reason)) => S::Stuck { reason },
        (stage, _) => stage,
    })
}

/// Whether nothing is left to do about a fault in this stage.
pub(super) fn closed(stage: &FaultStage) -> bool {
    matches!(stage, FaultStage::Healed { .. } | FaultStage::NotApplied { .. })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_event() -> impl Strategy<Value = FaultEvent> {
        prop_oneof![
            Just(FaultEvent::Journaled),
            Just(FaultEvent::Asked),
            Just(FaultEvent::Refused("r".into())),
            Just(FaultEvent::Seen("s".into())),
            Just(FaultEvent::NotSeen("n".into())),
            Just(FaultEvent::HealBegun),
            Just(FaultEvent::Undone("u".into())),
            Just(FaultEvent::NotUndone("x".into())),
        ]
    }

    proptest! {
        // For all event sequences: Healed is entered only from Healing; a closed stage never changes; a
        // fault that was looked at or began to heal is never closed as "not applied".
        #[test]
        fn what_was_asked_for_is_healed_before_it_closes(events in prop::collection::vec(any_event(), 0..30)) {
            let mut stage = None;
            let mut beyond = false;
            for event in events {
                let before = stage.clone();
                stage = next(stage, event);
                beyond |= stage.as_ref().is_some_and(|s| !matches!(
                    s,
                    FaultStage::Intended | FaultStage::Injected | FaultStage::NotApplied { .. }
                ));
                if let Some(old) = &before && closed(old) {
                    prop_assert_eq!(&stage, &before);
                }
                if matches!(stage, Some(FaultStage::Healed { .. })) && before != stage {
                    prop_assert_eq!(before, Some(FaultStage::Healing));
                }
                if beyond {
                    let refused = matches!(stage, Some(FaultStage::NotApplied { .. }));
                    prop_assert!(!refused);
                }
            }
            // From wherever it stands, healing leads to the end.
            if stage.is_some() {
                let end = next(next(stage, FaultEvent::HealBegun), FaultEvent::Undone("u".into()));
                prop_assert!(end.as_ref().is_some_and(closed), "{:?}", end);
            }
        }
    }

    #[test]
    fn a_life_without_trouble() {
        let events = [
            FaultEvent::Journaled,
            FaultEvent::Asked,
            FaultEvent::Seen("exited".into()),
            FaultEvent::HealBegun,
            FaultEvent::NotUndone("engine is away".into()),
            FaultEvent::HealBegun,
            FaultEvent::Undone("running".into()),
        ];
        let mut stage = None;
        let mut names = Vec::new();
        for event in events {
            stage = next(stage, event);
            let value = serde_json::to_value(stage.as_ref().unwrap()).unwrap();
            names.push(value["stage"].as_str().unwrap().to_owned());
        }
        assert_eq!(
            names,
            ["intended", "injected", "active", "healing", "stuck", "healing", "healed"]
        );
    }
}
