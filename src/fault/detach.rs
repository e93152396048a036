//! `detach`: taken off its networks.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::kind::{Keep, Kind, Outcome, on_each};
use super::scene::{Scene, Seen, names};
use super::undo::UndoStep;
use super::world::World;
use crate::experiment::Injection;
use crate::record::{PlannedFault, Victim};
use crate::target::{Attachment, ControlError};

/// The kind.
pub(super) struct Detach;

/// The networks of `seen` that the fault takes away.
fn taken<'a>(plan: &'a PlannedFault, seen: &'a Seen) -> impl Iterator<Item = &'a Attachment> {
    let only = match &plan.inject {
        Injection::Detach { network, .. } => network.as_ref(),
        _ => None,
    };
    seen.attachments
        .iter()
        .filter(move |a| only.is_none_or(|n| a.key.as_ref() == Some(n) || a.network == *n))
}

impl Kind for Detach {
    fn name(&self) -> &'static str {
        "detach"
    }

    fn docs(&self) -> &'static str {
        "Disconnects its victims from their networks, or from one of them. They are connected again \
         with the aliases they had, and with their address where the engine allows it. Seen by the \
         container's attachments. Not available for process targets."
    }

    fn label(&self, plan: &PlannedFault) -> String {
        let from = match &plan.inject {
            Injection::Detach { network: Some(network), .. } => network.as_str(),
            _ => "all networks",
        };
        format!("detach {} from {from}", names(&plan.victims))
    }

    fn plan(&self, scene: &Scene) -> Result<Vec<UndoStep>, String> {
        let mut steps = Vec::new();
        for seen in &scene.victims {
            for attachment in taken(&scene.plan, seen) {
                steps.push(UndoStep::Attach {
                    who: seen.who.clone(),
                    id: seen.instance.id.clone(),
                    attachment: Box::new(attachment.clone()),
                });
            }
        }
        if steps.is_empty() {
            return Err(format!("{} has no such network to be taken off", scene.names()));
        }
        Ok(steps)
    }

    fn inject<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Outcome> {
        Box::pin(on_each(&scene.victims, move |seen| async move {
            let mut worst = Ok(());
            for attachment in taken(&scene.plan, seen) {
                let call = world.control.detach(&seen.instance.id, &attachment.network);
                let done = world.answer(Duration::ZERO, call).await;
                // One network taken and another refused is neither done nor not done.
                worst = match (worst, done) {
                    (Err(ControlError::Unknown(e)), _) | (_, Err(ControlError::Unknown(e))) => {
                        Err(ControlError::Unknown(e))
                    }
                    (Ok(()), done) => done,
                    (Err(e), _) => Err(ControlError::Unknown(e.to_string())),
                };
            }
            worst
        }))
    }

    fn check<'a>(
        &'a self,
        world: &'a World,
        scene: &'a Scene,
        _tries: u32,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let mut told = Vec::new();
            for seen in &scene.victims {
                let now = attachments(world, &seen.who, &seen.instance.id).await?;
                for gone in taken(&scene.plan, seen) {
                    if now.iter().flatten().any(|a| a.network == gone.network) {
                        return Err(format!("{} is still on {}", seen.who, gone.network));
                    }
                    told.push(format!("{} is off {}", seen.who, gone.network));
                }
            }
            Ok(told.join(", "))
        })
    }

    fn keep<'a>(&'a self, world: &'a World, scene: &'a Scene) -> BoxFuture<'a, Keep> {
        Box::pin(async move {
            for seen in &scene.victims {
                match attachments(world, &seen.who, &seen.instance.id).await {
                    Ok(None) => {}
                    Ok(Some(now))
                        if taken(&scene.plan, seen)
                            .all(|t| now.iter().any(|a| a.network == t.network)) => {}
                    _ => return Keep::Holds,
                }
            }
            Keep::Ended(format!("ended by others: on its networks again: {}", scene.names()))
        })
    }
}

/// Puts it back with its aliases. One that is attached in another way, half-way perhaps, is taken off first.
pub(super) async fn undo(
    world: &World,
    who: &Victim,
    id: &str,
    attachment: &Attachment,
) -> Result<(), String> {
    let Some(now) = attachments(world, who, id).await? else { return Ok(()) };
    let failed = |e: ControlError| format!("{who} can't be put on {}: {e}", attachment.network);
    match now.iter().find(|a| a.network == attachment.network) {
        Some(found) if restored(found, attachment).is_ok() => return Ok(()),
        Some(_) => {
            let call = world.control.detach(id, &attachment.network);
            world.answer(Duration::ZERO, call).await.map_err(failed)?;
        }
        None => {}
    }
    match world.answer(Duration::ZERO, world.control.attach(id, attachment)).await {
        Ok(()) | Err(ControlError::Gone) => Ok(()),
        Err(e) => Err(failed(e)),
    }
}

/// Whether it is back as it was.
pub(super) async fn undone(
    world: &World,
    who: &Victim,
    id: &str,
    attachment: &Attachment,
) -> Result<String, String> {
    let Some(now) = attachments(world, who, id).await? else {
        return Ok(format!("{who} is gone, nothing to attach"));
    };
    match now.iter().find(|a| a.network == attachment.network) {
        None => Err(format!("{who} is not on {}", attachment.network)),
        Some(found) => {
            let how = restored(found, attachment)?;
            Ok(format!("{who} is on {} again{how}", attachment.network))
        }
    }
}

/// Whether `now` is what `before` was, with what differs but may.
fn restored(now: &Attachment, before: &Attachment) -> Result<String, String> {
    if let Some(lost) = before.aliases.iter().find(|a| !now.aliases.contains(a)) {
        return Err(format!("the alias {lost} is lost on {}", before.network));
    }
    match (before.ipv4, now.ipv4) {
        (Some(old), Some(new)) if old != new && before.fixed => {
            Err(format!("the address on {} is {new}, it was {old}", before.network))
        }
        (Some(old), Some(new)) if old != new => Ok(format!(" with address {new}, before {old}")),
        _ => Ok(String::new()),
    }
}

/// Its attachments; `None` when it is gone.
async fn attachments(
    world: &World,
    who: &Victim,
    id: &str,
) -> Result<Option<Vec<Attachment>>, String> {
    match world.answer(Duration::ZERO, world.control.attachments(id)).await {
        Ok(list) => Ok(Some(list)),
        Err(ControlError::Gone) => Ok(None),
        Err(e) => Err(format!("the networks of {who} can't be read: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_alias_or_fixed_address_is_no_heal() {
        let before = Attachment {
            network: "back".into(),
            aliases: vec!["api".into()],
            ipv4: Some("10.0.0.5".parse().unwrap()),
            fixed: true,
            ..Attachment::default()
        };
        assert_eq!(restored(&before, &before), Ok(String::new()));
        assert!(restored(&Attachment { aliases: vec![], ..before.clone() }, &before).is_err());
        let moved = Attachment { ipv4: Some("10.0.0.6".parse().unwrap()), ..before.clone() };
        assert!(restored(&moved, &before).is_err());
        let loose = Attachment { fixed: false, ..before };
        assert_eq!(restored(&moved, &loose).unwrap(), " with address 10.0.0.6, before 10.0.0.5");
    }
}
