//! Undo steps: what a journal holds, exact enough to be done by another process, and safe to do twice.

use serde::{Deserialize, Serialize};

use super::scene::Scene;
use super::world::World;
use super::{detach, links, partition, pause, running};
use crate::record::Victim;
use crate::target::Attachment;

/// One step of an undo. Ids are container ids, or instance names of process targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum UndoStep {
    /// It must be running.
    Start {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
    },
    /// It must not be frozen.
    Unpause {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
    },
    /// It must be on this network as it was.
    Attach {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
        /// How it was attached.
        attachment: Box<Attachment>,
    },
    /// Its network namespace must not hold this table.
    Disarm {
        /// Who.
        who: Victim,
        /// Its id.
        id: String,
        /// Name of the nftables table.
        table: String,
    },
    /// The link between two processes must carry again. It ends with the process that holds it.
    Restore {
        /// The client's service.
        client: String,
        /// The server.
        server: Victim,
    },
}

impl UndoStep {
    /// Every victim of the scene must run.
    pub(super) fn start(scene: &Scene) -> Vec<Self> {
        let step = |who: &Victim, id: &String| Self::Start { who: who.clone(), id: id.clone() };
        scene.victims.iter().map(|s| step(&s.who, &s.instance.id)).collect()
    }

    /// The container it is about.
    pub(super) fn container(&self) -> Option<&str> {
        match self {
            Self::Start { id, .. }
            | Self::Unpause { id, .. }
            | Self::Attach { id, .. }
            | Self::Disarm { id, .. } => Some(id),
            Self::Restore { .. } => None,
        }
    }

    /// Does it. What is already so is fine, and so is a container that no longer exists.
    pub(super) async fn undo(&self, world: &World) -> Result<(), String> {
        match self {
            Self::Start { who, id } => running::start(world, who, id).await,
            Self::Unpause { who, id } => pause::undo(world, who, id).await,
            Self::Attach { who, id, attachment } => detach::undo(world, who, id, attachment).await,
            Self::Disarm { who, id, table } => partition::undo(world, who, id, table).await,
            Self::Restore { client, server } => links::restore(world, client, server),
        }
    }

    /// Looks whether it is so: the evidence, or what is not.
    pub(super) async fn check(&self, world: &World) -> Result<String, String> {
        match self {
            Self::Start { who, id } => running::runs(world, who, id).await,
            Self::Unpause { who, id } => pause::undone(world, who, id).await,
            Self::Attach { who, id, attachment } => {
                detach::undone(world, who, id, attachment).await
            }
            Self::Disarm { who, id, table } => partition::undone(world, who, id, table).await,
            Self::Restore { client, server } => links::restored(world, client, server),
        }
    }
}

impl std::fmt::Display for UndoStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start { who, .. } => write!(f, "start {who}"),
            Self::Unpause { who, .. } => write!(f, "thaw {who}"),
            Self::Attach { who, attachment, .. } => {
                write!(f, "put {who} back on {}", attachment.network)
            }
            Self::Disarm { who, table, .. } => write!(f, "remove {table} from {who}"),
            Self::Restore { client, server } => {
                write!(f, "restore the link from {client} to {server}")
            }
        }
    }
}
