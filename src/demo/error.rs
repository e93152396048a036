use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a part of the demo system could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The words after `demo-target` name no role.
    #[error("choose a role from {0:?}: write gateway, api, store, or check URL")]
    Role(Vec<String>),
    /// An environment variable does not hold what it must.
    #[error("read {name}={given:?}: it must hold {want}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What it holds.
        given: String,
        /// What it must hold.
        want: &'static str,
    },
    /// The port is not to be had.
    #[error("listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The runtime or a signal handler could not be set up, or serving ended by itself.
    #[error("{what}")]
    Serve {
        /// What was being done.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The store's log can't be opened, replayed or written.
    #[error("use the log {path}: {what}")]
    Log {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The health check did not get a good answer.
    #[error("find {url} healthy: {reason}")]
    Unhealthy {
        /// What was asked.
        url: String,
        /// What came back.
        reason: String,
    },
}
