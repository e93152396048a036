//! The engine's events, as far as they matter to a target.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::stream::{BoxStream, StreamExt as _};
use jiff::Timestamp;

use super::Engine;
use crate::record::TargetAction;

const REPLAY_TIMEOUT: Duration = Duration::from_secs(20);

/// What an event means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// Something worth recording.
    Life(TargetAction),
    /// It was attached to a network or detached.
    Network,
    /// It was removed.
    Removed,
}

/// One event of one container.
#[derive(Clone, Debug)]
pub(super) struct EngineEvent {
    /// By the engine's clock.
    pub(super) at: Timestamp,
    /// The container.
    pub(super) id: String,
    /// The engine's own word.
    pub(super) action: String,
    /// Labels and more.
    pub(super) attributes: HashMap<String, String>,
    pub(super) happening: Happening,
}

/// Events from `since` on, without an end of their own.
pub(super) fn event_stream(
    engine: &Engine,
    since: Timestamp,
) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
    stream(engine, since, None)
}

/// The events between two moments that the engine still remembers.
pub(super) async fn past_events(
    engine: &Engine,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<EngineEvent>, EngineError> {
    let all = stream(engine, since, Some(until)).collect::<Vec<_>>();
    tokio::time::timeout(REPLAY_TIMEOUT, all)
        .await
        .map_err(|_| EngineError::RequestTimeoutError)?
        .into_iter()
        .collect()
}

fn stream(
    engine: &Engine,
    since: Timestamp,
    until: Option<Timestamp>,
) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
    let filters = HashMap::from([("type", vec!["container", "network"])]);
    let mut options = EventsOptionsBuilder::new().since(&seconds(since)).filters(&filters);
    if let Some(until) = until {
        options = options.until(&seconds(until));
    }
    engine
        .docker()
        .events(Some(options.build()))
        .filter_map(|message| {
            std::future::ready(match message {
                Ok(message) => meaning(message).map(Ok),
                Err(error) => Some(Err(error)),
            })
        })
        .boxed()
}

fn seconds(at: Timestamp) -> String {
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond().max(0))
}

fn meaning(message: EventMessage) -> Option<EngineEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let action = message.action?;
    let at = match (message.time_nano, message.time) {
        (Some(nanos), _) if nanos > 0 => Timestamp::from_nanosecond(i128::from(nanos)).ok()?,
        (_, seconds) => Timestamp::from_second(seconds?).ok()?,
    };
    if message.typ == Some(EventMessageTypeEnum::NETWORK) {
        let id = attributes.get("container")?.clone();
        let matters = matches!(action.as_str(), "connect" | "disconnect");
        return matters.then_some(EngineEvent {
            at,
            id,
            action,
            attributes: HashMap::new(),
            happening: Happening::Network,
        });
    }
    let exit_code = || {
        let code = attributes.get("exitCode").or_else(|| attributes.get("containerExitCode"));
        code.and_then(|code| code.parse().ok())
    };
    let happening = match action.as_str() {
        "start" => Happening::Life(TargetAction::Start),
        "die" | "died" => Happening::Life(TargetAction::Die { exit_code: exit_code() }),
        "oom" => Happening::Life(TargetAction::Oom),
        "pause" => Happening::Life(TargetAction::Pause),
        "unpause" => Happening::Life(TargetAction::Unpause),
        "destroy" | "remove" => Happening::Removed,
        health if health.starts_with("health_status") => {
            let says = |word: &str| {
                health.ends_with(&format!(" {word}"))
                    || attributes.get("health_status").is_some_and(|s| s == word)
            };
            if says("unhealthy") {
                Happening::Life(TargetAction::Unhealthy)
            } else if says("healthy") {
                Happening::Life(TargetAction::Healthy)
            } else {
                return None;
            }
        }
        _ => return None,
    };
    Some(EngineEvent { at, id: actor.id?, action, attributes, happening })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: serde_json::Value) -> Option<EngineEvent> {
        meaning(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn lives_are_read_in_dockers_and_podmans_words() {
        for (word, code) in [("die", "exitCode"), ("died", "containerExitCode")] {
            let event = said(serde_json::json!({ "Type": "container", "Action": word,
                "Actor": { "ID": "c1", "Attributes": { code: "137" } },
                "time": 1_800_000_000, "timeNano": 1_800_000_000_250_000_000_i64 }))
            .unwrap();
            assert_eq!(
                event.happening,
                Happening::Life(TargetAction::Die { exit_code: Some(137) })
            );
            assert_eq!(seconds(event.at), "1800000000.250000000");
        }
    }

    #[test]
    fn health_is_read_and_exec_is_not() {
        let container = |action: &str| {
            said(serde_json::json!({ "Type": "container", "Action": action, "time": 1_800_000_000,
                "Actor": { "ID": "c1", "Attributes": {} } }))
            .map(|e| e.happening)
        };
        let life = |action| Some(Happening::Life(action));
        assert_eq!(container("health_status: healthy"), life(TargetAction::Healthy));
        assert_eq!(container("health_status: unhealthy"), life(TargetAction::Unhealthy));
        assert_eq!(container("exec_start: /check"), None);
        assert_eq!(container("kill"), None);
    }

    #[test]
    fn a_network_event_is_about_its_container() {
        let event = said(serde_json::json!({ "Type": "network", "Action": "disconnect",
            "Actor": { "ID": "n1", "Attributes": { "container": "c1", "name": "net" } },
            "time": 1_800_000_000 }))
        .unwrap();
        assert_eq!((event.id.as_str(), event.happening), ("c1", Happening::Network));
    }
}
