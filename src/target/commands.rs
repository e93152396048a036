//! What is run to bring a target up and to take it down, in words.

use super::compose::Project;
use crate::experiment::{System, Target};

/// The command lines for a target, in their order: those of Compose, or the programs of child processes. Starts
/// nothing; where there is no `compose` command, the usual one stands for it.
pub async fn commands(target: &Target) -> Vec<String> {
    match &target.system {
        System::Compose(compose) => Project::commands(compose).await,
        System::Process(process) => process
            .services
            .iter()
            .map(|(name, service)| {
                let dir = service
                    .dir
                    .as_deref()
                    .map_or(String::new(), |dir| format!(" in {}", dir.display()));
                let command = service.command.join(" ");
                format!("{command}   ({name} x {}{dir})", service.replicas)
            })
            .collect(),
        System::External(_) => Vec::new(),
    }
}
