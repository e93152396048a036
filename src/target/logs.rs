//! The last words of containers.

use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;

use super::Engine;
use super::inspect;
use crate::record::{Health, InstanceState};

const LARGEST: usize = 64 << 10;
/// Longest wait for a piece of a log that is there already.
const SILENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// The last log lines of a container; what went wrong instead, if it did.
    pub(super) async fn container_log(&self, id: &str, lines: usize) -> String {
        let options =
            LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let mut pieces = std::pin::pin!(self.docker().logs(id, Some(options)));
        let mut text = String::new();
        // An engine that falls silent is not waited for: what came is what there is.
        while let Ok(Some(piece)) = tokio::time::timeout(SILENCE, pieces.next()).await {
            match piece {
                Ok(piece) => text.push_str(&String::from_utf8_lossy(&piece.into_bytes())),
                Err(error) => {
                    return format!("{text}(no log: {})", super::error::engine_text(&error));
                }
            }
            if text.len() > LARGEST {
                break;
            }
        }
        text
    }

    /// Label and state of a container that is not up and well; `None` when it is, or is gone.
    pub(super) async fn trouble(&self, id: &str) -> Option<(String, String)> {
        let found = self.docker().inspect_container(id, None).await.ok()?;
        let seen = inspect::instance(&found, None, false);
        let state = found.state.unwrap_or_default();
        let text = match (seen.state, seen.health) {
            (InstanceState::Stopped, _) => {
                let code = state.exit_code.unwrap_or_default();
                let oom = if state.oom_killed == Some(true) { ", out of memory" } else { "" };
                let engine = state.error.filter(|e| !e.is_empty());
                let engine = engine.map(|e| format!(" ({e})")).unwrap_or_default();
                format!("stopped with exit status {code}{oom}{engine}")
            }
            (_, Health::Unhealthy) => "is unhealthy".to_owned(),
            _ => return None,
        };
        Some((seen.label(), text))
    }
}
