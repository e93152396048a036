//! What an instance printed around a moment.

use serde::{Deserialize, Serialize};

use super::{Captured, Victim};
use crate::clock::Offset;

/// Lines that an instance printed around a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogExcerpt {
    /// Whose.
    pub instance: Victim,
    /// Around when.
    pub around: Offset,
    /// The lines, oldest first; each begins with the engine's time of it.
    pub lines: Captured<Vec<String>>,
}
