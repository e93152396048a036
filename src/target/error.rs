//! What can go wrong with a target.

use std::borrow::Cow;
use std::path::PathBuf;

use bollard::errors::Error as EngineError;

use crate::record::Side;

/// Why a target could not be brought up, watched or taken down. Each text fits "failed to ...".
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No engine answers.
    #[error("connect to the Docker engine at {host}: {reason}")]
    Connect {
        /// Where it was looked for.
        host: String,
        /// What happened there.
        reason: String,
    },
    /// The engine refused or broke off.
    #[error("{what}: {}", engine_text(source))]
    Engine {
        /// What was asked of it.
        what: String,
        /// Its answer.
        source: EngineError,
    },
    /// A file or a process of the operating system.
    #[error("{what} {path}: {source}", path = path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The compose file can't be used.
    #[error("read the compose file {file}: {reason}", file = file.display())]
    ComposeFile {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// Neither `docker compose` nor `docker-compose` is there.
    #[error("find `docker compose` or `docker-compose`: {reason}")]
    NoCompose {
        /// What was tried.
        reason: String,
    },
    /// Compose ended with an error.
    #[error("run `{command}` ({status}):\n{output}")]
    Compose {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// Its last lines, and the last log lines of each service that failed.
        output: String,
    },
    /// Things of the same project exist that longhaul did not make.
    #[error(
        "bring up project {project}: it has things that longhaul did not make ({})", found.join(", ")
    )]
    Foreign {
        /// The project.
        project: String,
        /// What they are.
        found: Vec<String>,
    },
    /// Another longhaul process has the project up.
    #[error("bring up project {project}: run {run} has it up, and is under way")]
    Busy {
        /// The project.
        project: String,
        /// The run it belongs to.
        run: String,
    },
    /// An earlier run kept the project up on purpose.
    #[error("bring up project {project}: run {run} has kept it up on purpose")]
    Kept {
        /// The project.
        project: String,
        /// The run.
        run: String,
        /// The data folder of that run, if it is still there.
        data: Option<PathBuf>,
    },
    /// Another longhaul process observes and hurts the container.
    #[error(
        "take the container of {container}: {} has it, and is under way",
        pid.map_or_else(|| "another run".to_owned(), |pid| format!("the run of process {pid}"))
    )]
    Held {
        /// Whose container.
        container: String,
        /// The process, where the kernel tells it.
        pid: Option<u32>,
    },
    /// A child process could not be started.
    #[error("start {instance}: {reason}")]
    Spawn {
        /// Which instance.
        instance: String,
        /// Why.
        reason: String,
    },
    /// Services link to each other in a ring.
    #[error("order the services: {0} link to each other in a ring")]
    LinkRing(String),
    /// A container of an external target is missing.
    #[error("find the container {container} of service {service}: {reason}")]
    Missing {
        /// Service name.
        service: String,
        /// Container name or id as written.
        container: String,
        /// Why.
        reason: String,
    },
    /// A readiness condition did not come true in time.
    #[error("see the target ready within {}: {waiting}{logs}", crate::units::duration(*within))]
    NotReady {
        /// How long was waited.
        within: std::time::Duration,
        /// Who was not ready, and why.
        waiting: String,
        /// The last log lines of each service that was not ready; empty or starting with a line break.
        logs: String,
    },
    /// The target was taken down only in part.
    #[error("remove what the target left: {0}")]
    Left(String),
    /// It was asked to stop.
    #[error("go on: a stop was asked for")]
    Stopped,
}

impl TargetError {
    /// Whose lack it is: the machine's, its engine's and its network's, or the target's own.
    pub fn side(&self) -> Side {
        match self {
            Self::Connect { .. }
            | Self::Engine { .. }
            | Self::Io { .. }
            | Self::NoCompose { .. }
            | Self::Foreign { .. }
            | Self::Busy { .. }
            | Self::Kept { .. }
            | Self::Held { .. }
            | Self::Left(_) => Side::Environment,
            Self::ComposeFile { .. }
            | Self::Compose { .. }
            | Self::Spawn { .. }
            | Self::LinkRing(_)
            | Self::Missing { .. }
            | Self::NotReady { .. }
            | Self::Stopped => Side::Target,
        }
    }

    /// What to do about it, if that can be said.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Kept { run, data, .. } => {
                let cleanup = match data {
                    Some(data) => format!("`longhaul cleanup {run} --data {}`", data.display()),
                    None => "`longhaul cleanup --all`".to_owned(),
                };
                let text = format!("{cleanup} takes it down; or give the target another `project`");
                return Some(Cow::Owned(text));
            }
            Self::Connect { .. } => {
                "start the engine, or set DOCKER_HOST to where it is; `longhaul doctor` looks again. \
                 Targets of child processes need none"
            }
            Self::NoCompose { .. } => {
                "install the Compose plugin or docker-compose; `longhaul doctor` looks again"
            }
            Self::Foreign { .. } => {
                "remove them, or give the target another `project`; a volume that is to stay is `external: true` in the \
                 compose file"
            }
            Self::Busy { .. } => "wait for that run, or give the target another `project`",
            Self::Held { .. } => "wait for that run, or name other containers",
            _ => return None,
        }))
    }

    pub(super) fn engine(what: impl Into<String>) -> impl FnOnce(EngineError) -> Self {
        let what = what.into();
        move |source| Self::Engine { what, source }
    }

    pub(super) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

/// How an action on one instance ended badly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The instance no longer exists.
    #[error("find the instance: it no longer exists")]
    Gone,
    /// The engine could not be reached or broke off: it may or may not have happened.
    #[error("hear back from the engine, so it may or may not have happened: {0}")]
    Unknown(String),
    /// It was refused: it has not happened.
    #[error("get it done: {0}")]
    Refused(String),
}

impl From<EngineError> for ControlError {
    fn from(error: EngineError) -> Self {
        let text = engine_text(&error);
        match error {
            EngineError::DockerResponseServerError { status_code: 404, .. } => Self::Gone,
            EngineError::DockerResponseServerError { status_code: 400..=499, .. } => {
                Self::Refused(text)
            }
            _ => Self::Unknown(text),
        }
    }
}

/// The engine's own words, without the client's framing.
pub(super) fn engine_text(error: &EngineError) -> String {
    match error {
        EngineError::DockerResponseServerError { message, status_code } => {
            format!("{} (status {status_code})", message.trim())
        }
        EngineError::RequestTimeoutError => "no answer in time".to_owned(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(next) = cause {
                let more = next.to_string();
                if !text.contains(&more) {
                    text = format!("{text}: {more}");
                }
                cause = next.source();
            }
            text
        }
    }
}

/// Whether the engine said that the thing is not there.
pub(super) fn is_absent(error: &EngineError) -> bool {
    matches!(error, EngineError::DockerResponseServerError { status_code: 404, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status_code: u16) -> EngineError {
        EngineError::DockerResponseServerError { status_code, message: "no\n".to_owned() }
    }

    #[test]
    fn an_unheard_answer_is_never_a_refusal() {
        assert_eq!(ControlError::from(answer(404)), ControlError::Gone);
        assert_eq!(
            ControlError::from(answer(409)),
            ControlError::Refused("no (status 409)".to_owned())
        );
        assert!(matches!(ControlError::from(answer(500)), ControlError::Unknown(_)));
        assert!(matches!(
            ControlError::from(EngineError::RequestTimeoutError),
            ControlError::Unknown(_)
        ));
    }
}
