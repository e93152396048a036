//! Who is hit, looked at freshly before anything is done.

use std::time::Duration;

use super::links::{self, Wire};
use super::world::World;
use crate::experiment::Injection;
use crate::record::{Instance, InstanceState, PlannedFault, Victim};
use crate::target::{Attachment, ControlError};

/// A fault and the instances it is about.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// The fault.
    pub plan: PlannedFault,
    /// The victims that are running.
    pub victims: Vec<Seen>,
    /// The peers that are running.
    pub peers: Vec<Seen>,
    /// Who is missing, and why; in words.
    pub absent: Vec<String>,
    /// The fault's table in network namespaces.
    pub table: String,
    /// The links that a partition of processes cuts; `None` for containers.
    pub wires: Option<Vec<Wire>>,
}

/// An instance as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// Its place.
    pub who: Victim,
    /// What it was.
    pub instance: Instance,
    /// Its networks; only read for a detach.
    pub attachments: Vec<Attachment>,
}

impl Scene {
    /// Looks at everybody. Fails when nobody is there to be hit.
    pub(super) async fn look(
        world: &World,
        plan: &PlannedFault,
        table: String,
    ) -> Result<Self, String> {
        let mut scene = Self {
            plan: plan.clone(),
            victims: Vec::new(),
            peers: Vec::new(),
            absent: Vec::new(),
            table,
            wires: world.links.as_ref().map(|links| links::wires(links, plan)),
        };
        for who in &plan.victims {
            match look_at(world, plan, who).await? {
                Ok(seen) => scene.victims.push(seen),
                Err(why) => scene.absent.push(why),
            }
        }
        for who in &plan.peers {
            match look_at(world, plan, who).await? {
                Ok(seen) => scene.peers.push(seen),
                Err(why) => scene.absent.push(why),
            }
        }
        let lonely = scene.peers.is_empty() && !plan.peers.is_empty();
        if scene.victims.is_empty() || lonely {
            return Err(if scene.absent.is_empty() {
                "it has no victims".to_owned()
            } else {
                scene.absent.join(", ")
            });
        }
        Ok(scene)
    }

    /// Victims and peers.
    pub(super) fn everybody(&self) -> impl Iterator<Item = &Seen> {
        self.victims.iter().chain(&self.peers)
    }

    /// The names of the victims that are there.
    pub(super) fn names(&self) -> String {
        names(self.victims.iter().map(|s| &s.who))
    }
}

/// Names in a list: `api#1, api#2`.
pub(super) fn names<'a>(list: impl IntoIterator<Item = &'a Victim>) -> String {
    list.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

async fn look_at(
    world: &World,
    plan: &PlannedFault,
    who: &Victim,
) -> Result<Result<Seen, String>, String> {
    let Some(known) = world.control.find(who) else {
        return Ok(Err(format!("{who} is not there")));
    };
    let failed = |e: ControlError| format!("{who} can't be inspected: {e}");
    let call = world.control.instance(&known.id);
    let instance = match world.answer(Duration::ZERO, call).await {
        Ok(instance) => instance,
        Err(ControlError::Gone) => return Ok(Err(format!("{who} is gone"))),
        Err(e) => return Err(failed(e)),
    };
    if instance.state != InstanceState::Running {
        return Ok(Err(format!("{who} is not running")));
    }
    let attachments = if matches!(plan.inject, Injection::Detach { .. }) {
        let call = world.control.attachments(&instance.id);
        world.answer(Duration::ZERO, call).await.map_err(failed)?
    } else {
        Vec::new()
    };
    Ok(Ok(Seen { who: who.clone(), instance, attachments }))
}
