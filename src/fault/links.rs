//! Partitions of process targets: cuts in the proxies between client services and server processes.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use super::kind::{Keep, Outcome, sum_up};
use super::world::World;
use crate::experiment::{Direction, Injection};
use crate::proxy::{Directions, Links};
use crate::record::{PlannedFault, Victim};
use crate::target::{ControlError, Linker};

/// Looks before a link without traffic is tried by a connection of our own.
const PATIENCE: u32 = 3;

/// Gives the processes of a target links that faults can cut.
#[derive(Clone, Debug)]
pub struct ProcessLinks {
    links: Arc<Links>,
}

impl ProcessLinks {
    /// Links made here can be cut through the same `links`.
    pub fn new(links: Arc<Links>) -> Self {
        Self { links }
    }
}

impl Linker for ProcessLinks {
    fn link(
        &self,
        client: &str,
        server: &Victim,
        upstream: SocketAddr,
    ) -> BoxFuture<'_, std::io::Result<SocketAddr>> {
        let (client, server) = (client.to_owned(), server.clone());
        Box::pin(async move { self.links.link(&client, &server, upstream).await })
    }
}

/// A link that a fault cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wire {
    /// The client's service.
    pub client: String,
    /// The server.
    pub server: Victim,
    ways: Directions,
    /// What it had held back before the fault.
    withheld: u64,
}

/// The links between the two groups of a partition; none for other faults.
pub(super) fn wires(links: &Links, plan: &PlannedFault) -> Vec<Wire> {
    let Injection::Partition { between, and, direction } = &plan.inject else { return Vec::new() };
    let mut wires = Vec::new();
    for link in links.states() {
        let servers = |group: &[Victim]| group.contains(&link.server);
        let from_between = between.contains(&link.client) && servers(&plan.peers);
        let from_and = and.contains(&link.client) && servers(&plan.victims);
        let ways = match (direction, from_between, from_and) {
            (_, false, false) => continue,
            (Direction::Both, ..) => Directions::BOTH,
            // Forward is from `between` to `and`, whoever of them opened the connection.
            (Direction::Forward, true, _) | (Direction::Backward, false, _) => {
                Directions::TO_SERVER
            }
            (Direction::Forward, false, _) | (Direction::Backward, true, _) => {
                Directions::TO_CLIENT
            }
        };
        wires.push(Wire {
            client: link.client,
            server: link.server,
            ways,
            withheld: link.withheld,
        });
    }
    wires
}

/// Cuts them, or renews the cuts.
pub(super) fn cut(world: &World, wires: &[Wire]) -> Outcome {
    let Some(links) = &world.links else { return Outcome::NotApplied("it has no links".into()) };
    let deeds = wires.iter().map(|w| {
        let done = links.cut(&w.client, &w.server, w.ways, world.timing.lease);
        (name(&w.client, &w.server), done.map_err(|e| ControlError::Refused(e.to_string())))
    });
    sum_up(deeds.collect())
}

/// Looks whether they are cut, and whether that is felt.
pub(super) async fn check(world: &World, wires: &[Wire], tries: u32) -> Result<String, String> {
    let mut told = Vec::new();
    let mut silent = Vec::new();
    for wire in wires {
        let name = name(&wire.client, &wire.server);
        let state = world.links.as_ref().and_then(|l| l.state(&wire.client, &wire.server));
        let Some(state) = state else { return Err(format!("there is no link {name}")) };
        if state.cut != wire.ways {
            return Err(format!("the link {name} is not cut"));
        }
        let held = state.withheld.saturating_sub(wire.withheld);
        if held == 0 {
            silent.push((name, state.listen));
        } else {
            told.push(format!("{held} held back at {name}"));
        }
    }
    if silent.is_empty() {
        return Ok(told.join(", "));
    }
    if tries >= PATIENCE {
        for (name, listen) in &silent {
            // What counts is that the cut holds it; it never reaches the server.
            if let Err(error) = TcpStream::connect(listen).await {
                tracing::debug!(%error, "the link {name} took no connection");
            }
        }
    }
    Err(format!("nothing has come to {} yet", silent[0].0))
}

/// Renews the cuts.
pub(super) fn keep(world: &World, wires: &[Wire]) -> Keep {
    match cut(world, wires) {
        Outcome::Applied => Keep::Holds,
        Outcome::NotApplied(why) | Outcome::Unknown(why) => Keep::Lost(why),
    }
}

/// Ends a cut.
pub(super) fn restore(world: &World, client: &str, server: &Victim) -> Result<(), String> {
    let Some(links) = &world.links else { return Ok(()) };
    if links.state(client, server).is_none() {
        return Ok(());
    }
    links.restore(client, server).map_err(|e| e.to_string())
}

/// Whether it carries again.
pub(super) fn restored(world: &World, client: &str, server: &Victim) -> Result<String, String> {
    let name = name(client, server);
    match world.links.as_ref().and_then(|links| links.state(client, server)) {
        None => Ok(format!("the link {name} is gone, nothing to restore")),
        Some(state) if state.cut == Directions::NONE => Ok(format!("the link {name} carries")),
        Some(_) => Err(format!("the link {name} is cut")),
    }
}

fn name(client: &str, server: &Victim) -> String {
    format!("{client} to {server}")
}
