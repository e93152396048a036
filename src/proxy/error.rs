//! What can be wrong with a request about a link.

use std::time::Duration;

use crate::record::Victim;

/// Why a link could not be cut or restored. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Nobody made that link.
    #[error("find the link from {client} to {server}")]
    Unknown {
        /// Client service.
        client: String,
        /// Server instance.
        server: Victim,
    },
    /// A cut of no direction is none.
    #[error("cut a link in no direction")]
    NoDirection,
    /// A cut has to end by itself, and not at once.
    #[error("cut a link for {0:?}: a lease lasts from 1 ms to 1 h")]
    Lease(Duration),
}
