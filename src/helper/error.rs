//! What can go wrong beside a target.

use serde::{Deserialize, Serialize};

/// Why rules could not be set, read or removed. Serialisable, since it may come from another container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelperError {
    /// There is no such process, hence nothing to cut and nothing left to heal.
    #[error("find the network namespace of process {0}: it has ended")]
    Gone(u32),
    /// The namespace is there, but can't be entered. Nothing was changed.
    #[error("enter the network namespace: {0}")]
    Enter(String),
    /// The request makes no sense. Nothing was changed.
    #[error("accept the request: {0}")]
    Invalid(String),
    /// The kernel refused, and so changed nothing.
    #[error("{doing}: {why}")]
    Kernel {
        /// What was asked of it.
        doing: String,
        /// What it answered.
        why: String,
    },
    /// The helper container could not be run or did not answer: the change may have happened or not.
    #[error("run the helper beside the container: {0}")]
    Transport(String),
}

impl HelperError {
    /// An error of the kernel, or of the way to it, while `doing`.
    pub(super) fn kernel(doing: impl Into<String>, error: &nlink::Error) -> Self {
        Self::Kernel { doing: doing.into(), why: chain(error) }
    }
}

/// The error and its causes in one line. A cause that its effect already quotes is not repeated.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
