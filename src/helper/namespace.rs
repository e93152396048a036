//! The trait behind which both transports stand.

use futures_util::future::BoxFuture;

use super::{Cut, CutState, HelperError};

/// The network namespace of one container.
///
/// Every method is idempotent. After [`HelperError::Transport`] it is not known whether the change
/// took place: ask [`state`](Self::state), or repeat.
pub trait Namespace: Send + Sync {
    /// Cuts, or renews the lease of a cut that is there, without a moment in which a packet passes.
    /// The cut's addresses become exactly `cut.sources`.
    fn arm<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, Result<(), HelperError>>;

    /// What the table does at this moment; the empty state when it is not there.
    fn state<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<CutState, HelperError>>;

    /// Removes the table, and nothing else. Absent is fine.
    fn disarm<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<(), HelperError>>;

    /// Names of our tables here, sorted: those that start with [`TABLE_PREFIX`](super::TABLE_PREFIX).
    fn tables(&self) -> BoxFuture<'_, Result<Vec<String>, HelperError>>;
}
