//! `partition`: packets between two groups are dropped.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};

use super::kind::{Keep, Kind, Outcome, sum_up};
use super::links;
use super::running::look;
use super::scene::{Scene, Seen};
use super::undo::UndoStep;
use super::world::World;
use crate::experiment::{Direction, Injection};
use crate::helper::{Cut, CutState, HelperError, Namespace};
use crate::record::{Instance, InstanceState, NetworkCut, PlannedFault, Victim};
use crate::target::ControlError;

/// Looks before a cut without traffic is tried by a packet of our own.
const PATIENCE: u32 = 3;

/// The kind.
pub(super) struct Partition;

fn direction(plan: &PlannedFault) -> Direction {
    match plan.inject {
        Injection::Partition { direction, .. } => direction,
        _ => Direction::Both,
    }
}

/// Who drops what. Packets are dropped where they arrive: a drop on the way out would tell the sender.
fn cuts(scene: &Scene) -> Vec<(&Seen, NetworkCut)> {
    let (to_peers, to_victims) = match direction(&scene.plan) {
        Direction::Both => (true, true),
        Direction::Forward => (true, false),
        Direction::Backward => (false, true),
    };
    let mut cuts = Vec::new();
    for (wanted, receivers, senders) in
        [(to_peers, &scene.peers, &scene.victims), (to_victims, &scene.victims, &scene.peers)]
    {
        let mut sources: Vec<IpAddr> =
            senders.iter().flat_map(|s| s.instance.addresses.values().copied()).collect();
        sources.sort_unstable();
        sources.dedup();
        if wanted && !sources.is_empty() {
            let cut = |r: &Seen| NetworkCut { victim: r.who.clone(), sources: sources.clone() };
            cuts.extend(receivers.iter().map(|r| (r, cut(r))));
        }
    }
    cuts
}

impl Kind for Partition {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn docs(&self) -> &'static str {
        "Drops packets between two groups of services, both ways or one way. Containers: by nftables on \
         the input of each receiver's network namespace, matching a set of addresses that the kernel \
         itself empties when nobody renews the lease, so that it heals even when longhaul is killed. \
         Processes: by the proxies between them, whose cuts have the same lease. Seen by the count of \
         dropped packets."
    }

    fn label(&self, plan: &PlannedFault) -> String {
        let Injection::Partition { between, and, direction } = &plan.inject else {
            return self.name().to_owned();
        };
        let (a, b) = (between.join(", "), and.join(", "));
        match direction {
            Direction::Both => format!("cut {a} from {b}, both ways"),
            Direction::Forward => format!("cut {a} from {b}, packets to {b} only"),
            Direction::Backward => format!("cut {a} from {b}, packets to {a} only"),
        }
    }

    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String> {
        // In the namespace of the host, or of another container, a rule would hit more than it is meant to.
        let bare = |s: &&Seen| {
            s.instance.state != InstanceState::Stopped && s.instance.addresses.is_empty()
        };
        let mut groups = scene.victims.iter().chain(&scene.peers);
        if scene.wires.is_none()
            && let Some(seen) = groups.find(bare)
        {
            return Err(format!(
                "{} has no address of its own, as with `network_mode: host`: a partition needs networks of the target's",
                seen.who
            ));
        }
        let steps: Vec<UndoStep> = match &scene.wires {
            Some(wires) => wires
                .iter()
                .map(|w| UndoStep::Restore { client: w.client.clone(), server: w.server.clone() })
                .collect(),
            None => cuts(scene)
                .into_iter()
                .map(|(seen, cut)| UndoStep::Disarm {
                    who: cut.victim,
                    id: seen.instance.id.clone(),
                    table: scene.table.clone(),
                })
                .collect(),
        };
        if steps.is_empty() {
            return Err("there is no path between the groups that could be cut".into());
        }
        Ok(steps)
    }

    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match &scene.wires {
                Some(wires) => links::cut(world, wires),
                None => sum_up(arm(world, scene).await),
            }
        })
    }

    fn check<'a>(
        &'a self,
        world: &'a World,
        scene: &'a Scene,
        tries: u32,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            match &scene.wires {
                Some(wires) => links::check(world, wires, tries).await,
                None => check(world, scene, tries).await,
            }
        })
    }

    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(async move {
            match &scene.wires {
                Some(wires) => links::keep(world, wires),
                None => keep(world, scene).await,
            }
        })
    }
}

/// Arms every receiver at once, or renews it.
async fn arm(world: &World, scene: &Scene) -> Vec<(String, Result<(), ControlError>)> {
    join_all(cuts(scene).into_iter().map(|(seen, cut)| async move {
        let order =
            Cut { table: scene.table.clone(), sources: cut.sources, lease: world.timing.lease };
        let done = world.answer(Duration::ZERO, async {
            let space = space(world, &seen.instance).await?;
            space.arm(&order).await.map_err(control_error)
        });
        (cut.victim.to_string(), done.await)
    }))
    .await
}

/// In force when every receiver is armed against every sender and has dropped a packet.
async fn check(world: &World, scene: &Scene, tries: u32) -> Result<String, String> {
    let mut told = Vec::new();
    let mut silent = Vec::new();
    let states = cuts(scene).into_iter().map(|(seen, cut)| async move {
        let state = world.answer(Duration::ZERO, state(world, &seen.instance, &scene.table));
        (seen, cut, state.await)
    });
    for (seen, cut, state) in join_all(states).await {
        let state = state.map_err(|e| format!("{} can't be looked at: {e}", cut.victim))?;
        let missing = cut.sources.iter().find(|ip| !state.armed.contains(&ip.to_canonical()));
        if let Some(ip) = missing {
            return Err(format!("{} does not drop packets from {ip}", cut.victim));
        }
        if state.dropped == 0 {
            silent.push(seen);
        } else {
            let packets = if state.dropped == 1 { "packet" } else { "packets" };
            told.push(format!("{} {packets} dropped at {}", state.dropped, cut.victim));
        }
    }
    let quiet = silent.iter().map(|s| s.who.to_string()).collect::<Vec<_>>().join(", ");
    if silent.is_empty() {
        return Ok(told.join(", "));
    }
    if tries >= PATIENCE {
        let mut tried = false;
        for receiver in silent {
            tried |= prod(world, scene, receiver).await;
        }
        if !tried && !told.is_empty() {
            return Ok(format!("{}; armed, but no packet came to {quiet}", told.join(", ")));
        }
    }
    Err(format!("armed, but no packet has come to {quiet} yet"))
}

/// Sends a packet to `receiver` from somebody it must not hear. Whether that could be tried.
async fn prod(world: &World, scene: &Scene, receiver: &Seen) -> bool {
    let senders = if scene.peers.contains(receiver) { &scene.victims } else { &scene.peers };
    for sender in senders {
        let shared = receiver
            .instance
            .addresses
            .iter()
            .find(|(network, _)| sender.instance.addresses.contains_key(*network));
        if let Some((_, ip)) = shared
            && world.networks.prod(&sender.instance, *ip).await
        {
            return true;
        }
    }
    false
}

/// Renews the leases; follows instances that have started again elsewhere.
async fn keep(world: &World, scene: &Scene) -> Keep {
    let mut moved = false;
    for seen in scene.everybody() {
        match look(world, &seen.instance.id).await {
            Ok(now) => {
                moved |=
                    now.state == InstanceState::Running && place(&now) != place(&seen.instance);
            }
            Err(ControlError::Gone) => {
                return Keep::Ended(format!("ended by restart: {} was replaced", seen.who));
            }
            // Its process id may mean another process by now: nothing is armed without a look.
            Err(e) => return Keep::Lost(format!("{} can't be inspected: {e}", seen.who)),
        }
    }
    let planned = scene.plan.victims.iter().chain(&scene.plan.peers);
    for who in planned.filter(|who| scene.everybody().all(|s| s.who != **who)) {
        let found = world.control.find(who);
        moved |= found.is_some_and(|i| i.state == InstanceState::Running);
    }
    if moved {
        let now = Scene::look(world, &scene.plan, scene.table.clone()).await;
        return match now.and_then(|now| Partition.plan(&now).map(|undo| (now, undo))) {
            Ok((now, undo)) => Keep::Moved(Box::new(now), undo),
            Err(why) => Keep::Lost(why),
        };
    }
    let lost: Vec<String> = arm(world, scene)
        .await
        .into_iter()
        .filter_map(|(who, done)| Some(format!("{who} was not renewed: {}", done.err()?)))
        .collect();
    if lost.is_empty() { Keep::Holds } else { Keep::Lost(lost.join("; ")) }
}

/// Removes the table. A container that does not run has no namespace, and so no table.
pub(super) async fn undo(world: &World, who: &Victim, id: &str, table: &str) -> Result<(), String> {
    let done = world.answer(Duration::ZERO, async {
        let Some(now) = running(world, id).await? else { return Ok(()) };
        space(world, &now).await?.disarm(table).await.map_err(control_error)
    });
    match done.await {
        Ok(()) | Err(ControlError::Gone) => Ok(()),
        Err(e) => Err(format!("the rules at {who} can't be removed: {e}")),
    }
}

/// Whether the table is gone.
pub(super) async fn undone(
    world: &World,
    who: &Victim,
    id: &str,
    table: &str,
) -> Result<String, String> {
    let found = world.answer(Duration::ZERO, async {
        match running(world, id).await? {
            Some(now) => state(world, &now, table).await,
            None => Ok(CutState::default()),
        }
    });
    match found.await {
        Ok(state) if state.present => Err(format!("the rules at {who} are still there")),
        Ok(_) | Err(ControlError::Gone) => Ok(format!("no rules left at {who}")),
        Err(e) => Err(format!("{who} can't be looked at: {e}")),
    }
}

async fn running(world: &World, id: &str) -> Result<Option<Instance>, ControlError> {
    let now = look(world, id).await?;
    Ok((now.state != InstanceState::Stopped).then_some(now))
}

async fn state(world: &World, who: &Instance, table: &str) -> Result<CutState, ControlError> {
    space(world, who).await?.state(table).await.map_err(control_error)
}

async fn space(world: &World, who: &Instance) -> Result<Box<dyn Namespace>, ControlError> {
    world.networks.of(who).await.map_err(ControlError::Refused)
}

fn control_error(e: HelperError) -> ControlError {
    match e {
        HelperError::Gone(_) => ControlError::Gone,
        HelperError::Transport(why) => ControlError::Unknown(why),
        refusal => ControlError::Refused(refusal.to_string()),
    }
}

/// What changes when an instance starts again.
fn place(i: &Instance) -> impl PartialEq {
    (i.pid, i.started_at, i.addresses.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::fake::FakeTarget;
    use crate::fault::sample::{cut_between, planned};

    #[tokio::test]
    async fn who_has_no_address_of_its_own_is_not_cut_off() {
        let fake = FakeTarget::new();
        let plan = planned(cut_between("api", "db", Direction::Both));
        let mut scene = Scene::look(&fake.world(), &plan, "longhaul_t".into()).await.unwrap();
        assert!(Partition.plan(&scene).is_ok());
        scene.peers[0].instance.addresses.clear();
        let why = Partition.plan(&scene).unwrap_err();
        assert!(why.starts_with("db#1 has no address of its own"), "{why}");
    }

    #[tokio::test]
    async fn each_direction_is_dropped_where_it_arrives() {
        let fake = FakeTarget::new();
        let world = fake.world();
        for (direction, expected) in [
            (Direction::Forward, "db#1 drops 10.0.1.1 10.0.1.2"),
            (Direction::Backward, "api#1 drops 10.0.1.3, api#2 drops 10.0.1.3"),
            (
                Direction::Both,
                "db#1 drops 10.0.1.1 10.0.1.2, api#1 drops 10.0.1.3, api#2 drops 10.0.1.3",
            ),
        ] {
            let plan = planned(cut_between("api", "db", direction));
            let scene = Scene::look(&world, &plan, "longhaul_t".into()).await.unwrap();
            let told: Vec<String> = cuts(&scene)
                .into_iter()
                .map(|(_, cut)| {
                    let ips: Vec<String> = cut.sources.iter().map(ToString::to_string).collect();
                    format!("{} drops {}", cut.victim, ips.join(" "))
                })
                .collect();
            assert_eq!(told.join(", "), expected, "{direction:?}");
        }
    }
}
