//! Keeps count of lives: which starts and ends were told of, and which only show in a later look.
//! Pure: events and looks go in, what to record comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::record::{Instance, InstanceState, Roster, TargetAction, Victim};

/// An engine tells of a start shortly after the time that it calls the start.
const START_LAG: Duration = Duration::from_secs(2);

/// Everybody seen so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By container id.
    present: BTreeMap<String, Instance>,
    lives: BTreeMap<Victim, Life>,
}

#[derive(Debug)]
struct Life {
    /// When the present life began, as far as was told.
    started: Option<Timestamp>,
    /// Whether `started` comes from a look and the event may still follow.
    unconfirmed: bool,
    alive: bool,
    restarts: u32,
}

fn place(instance: &Instance) -> Victim {
    Victim { service: instance.service.clone(), ordinal: instance.ordinal }
}

impl Tally {
    /// Who fills a place in the target under this id.
    pub(super) fn victim(&self, id: &str) -> Option<Victim> {
        self.present.get(id).map(place)
    }

    /// The ids present.
    pub(super) fn ids(&self) -> Vec<String> {
        self.present.keys().cloned().collect()
    }

    /// Takes a fresh look for true. A place seen for the first time begins its count here.
    pub(super) fn look(&mut self, instance: Instance) {
        self.lives.entry(place(&instance)).or_insert_with(|| Life {
            started: instance.started_at,
            unconfirmed: true,
            alive: instance.state != InstanceState::Stopped,
            restarts: 0,
        });
        self.present.insert(instance.id.clone(), instance);
    }

    /// Forgets a container that was removed.
    pub(super) fn gone(&mut self, id: &str) {
        self.present.remove(id);
    }

    /// Counts an event of the engine's; false when it is known already.
    pub(super) fn event(&mut self, victim: &Victim, action: &TargetAction, at: Timestamp) -> bool {
        let Some(life) = self.lives.get_mut(victim) else {
            if *action == TargetAction::Start {
                let life = Life { started: Some(at), unconfirmed: false, alive: true, restarts: 0 };
                self.lives.insert(victim.clone(), life);
            }
            return true;
        };
        match action {
            TargetAction::Start => {
                let known = life.started.is_some_and(|started| {
                    at <= started
                        || (life.unconfirmed
                            && at.duration_since(started).unsigned_abs() < START_LAG)
                });
                if known {
                    life.unconfirmed = false;
                    return false;
                }
                life.restarts += u32::from(life.started.is_some());
                *life = Life {
                    started: Some(at),
                    unconfirmed: false,
                    alive: true,
                    restarts: life.restarts,
                };
                true
            }
            TargetAction::Die { .. } => {
                let earlier_life = life.started.is_some_and(|started| at < started);
                if earlier_life || !life.alive {
                    return false;
                }
                life.alive = false;
                // Its start can't be told after its end.
                life.unconfirmed = false;
                true
            }
            _ => true,
        }
    }

    /// Compares a look with what was told, for everything before `whole`: from then on the stream is
    /// whole again and tells by itself. Gives what was missed, oldest first.
    pub(super) fn reconcile(
        &mut self,
        instance: &Instance,
        ended: Option<(Option<i64>, Timestamp)>,
        whole: Timestamp,
    ) -> Vec<(TargetAction, Option<Timestamp>)> {
        let mut missed = Vec::new();
        let Some(life) = self.lives.get_mut(&place(instance)) else { return missed };
        if let Some(started) = instance.started_at.filter(|s| *s < whole)
            && life.started.is_none_or(|known| started > known)
        {
            if life.alive {
                missed.push((TargetAction::Die { exit_code: None }, None));
            }
            missed.push((TargetAction::Start, Some(started)));
            life.restarts += u32::from(life.started.is_some());
            life.started = Some(started);
            life.unconfirmed = true;
            life.alive = true;
        }
        if instance.state == InstanceState::Stopped
            && life.alive
            && let Some((exit_code, at)) = ended
            && at < whole
        {
            missed.push((TargetAction::Die { exit_code }, Some(at)));
            life.alive = false;
        }
        missed
    }

    /// A container that was removed unseen; true when its end was not told of.
    pub(super) fn vanished(&mut self, id: &str) -> Option<Victim> {
        let victim = place(&self.present.remove(id)?);
        let life = self.lives.get_mut(&victim)?;
        std::mem::take(&mut life.alive).then_some(victim)
    }

    /// Everybody present, with their counts.
    pub(super) fn roster(&self) -> Roster {
        let instances = self
            .present
            .values()
            .map(|instance| Instance {
                restarts: self.lives.get(&place(instance)).map_or(0, |life| life.restarts),
                ..instance.clone()
            })
            .collect();
        Roster { instances }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Health;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(1_800_000_000 + second, 0).unwrap()
    }

    fn victim() -> Victim {
        Victim { service: "api".to_owned(), ordinal: 1 }
    }

    fn seen(state: InstanceState, started: i64) -> Instance {
        Instance {
            service: "api".to_owned(),
            ordinal: 1,
            id: "c1".to_owned(),
            pid: None,
            addresses: BTreeMap::new(),
            port: None,
            started_at: Some(at(started)),
            state,
            health: Health::None,
            restarts: 0,
        }
    }

    fn up() -> Tally {
        let mut tally = Tally::default();
        tally.look(seen(InstanceState::Running, 0));
        tally
    }

    const DIE: TargetAction = TargetAction::Die { exit_code: Some(137) };

    #[test]
    fn told_lives_are_counted_once() {
        let mut tally = up();
        assert!(!tally.event(&victim(), &TargetAction::Start, at(0)), "its first start, told late");
        assert!(tally.event(&victim(), &DIE, at(10)));
        assert!(!tally.event(&victim(), &DIE, at(10)), "told twice");
        assert!(tally.event(&victim(), &TargetAction::Start, at(11)));
        assert!(!tally.event(&victim(), &TargetAction::Start, at(11)), "told twice");
        assert_eq!(tally.roster().instances[0].restarts, 1);
    }

    #[test]
    fn a_restart_soon_after_the_first_look_is_not_taken_for_the_first_start() {
        let mut tally = up();
        assert!(tally.event(&victim(), &DIE, at(1)));
        assert!(tally.event(&victim(), &TargetAction::Start, at(1)));
        assert_eq!(tally.roster().instances[0].restarts, 1);
    }

    #[test]
    fn two_quick_restarts_count_two_though_a_look_saw_only_the_second() {
        let mut tally = up();
        tally.event(&victim(), &TargetAction::Start, at(0));
        tally.event(&victim(), &DIE, at(10));
        tally.event(&victim(), &TargetAction::Start, at(11));
        tally.look(seen(InstanceState::Running, 12));
        tally.event(&victim(), &DIE, at(12));
        assert!(tally.event(&victim(), &TargetAction::Start, at(13)));
        assert_eq!(tally.roster().instances[0].restarts, 2);
    }

    #[test]
    fn what_nobody_told_shows_in_the_next_look() {
        let mut tally = up();
        let now = seen(InstanceState::Running, 50);
        let missed = tally.reconcile(&now, None, at(60));
        assert_eq!(
            missed,
            [(TargetAction::Die { exit_code: None }, None), (TargetAction::Start, Some(at(50)))]
        );
        assert!(tally.reconcile(&now, None, at(60)).is_empty(), "only once");
        assert!(!tally.event(&victim(), &DIE, at(49)), "told late, of the earlier life");
        assert!(!tally.event(&victim(), &TargetAction::Start, at(50)), "told late");
        assert_eq!(tally.roster().instances[0].restarts, 1);
    }

    #[test]
    fn a_missed_end_has_its_exit_code_and_time() {
        let mut tally = up();
        let now = seen(InstanceState::Stopped, 0);
        let missed = tally.reconcile(&now, Some((Some(1), at(30))), at(60));
        assert_eq!(missed, [(TargetAction::Die { exit_code: Some(1) }, Some(at(30)))]);
        assert!(!tally.event(&victim(), &DIE, at(30)));
    }

    #[test]
    fn what_the_whole_stream_will_tell_is_left_to_it() {
        let mut tally = up();
        assert!(tally.reconcile(&seen(InstanceState::Running, 61), None, at(60)).is_empty());
        let stopped = seen(InstanceState::Stopped, 0);
        assert!(tally.reconcile(&stopped, Some((Some(0), at(61))), at(60)).is_empty());
        assert!(tally.event(&victim(), &DIE, at(61)));
    }

    #[test]
    fn a_removed_container_died_first() {
        let mut tally = up();
        assert_eq!(tally.vanished("c1"), Some(victim()));
        assert_eq!(tally.vanished("c1"), None);
        assert!(tally.roster().instances.is_empty());
    }
}
