use std::path::PathBuf;

/// Why a load could not start or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The load asks for something that can't be done; validation should have said so before.
    #[error("use the load as described: {0}")]
    Invalid(String),
    /// A certificate or key could not be read.
    #[error("read {path} for TLS: {reason}", path = path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS could not be set up.
    #[error("set up TLS: {0}")]
    Tls(String),
    /// The operating system refused a thread, a timer or a runtime.
    #[error("start a load worker")]
    Start(#[source] std::io::Error),
    /// A worker ended before its work was done. The counts up to then are in the slices.
    #[error("keep a load worker running: {0}")]
    Worker(String),
}
