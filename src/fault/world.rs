//! What faults act on, and how long they wait for it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::networks::Networks;
use crate::proxy::Links;
use crate::target::{Control, ControlError};

/// The hands of a fault.
#[derive(Clone)]
pub(super) struct World {
    /// Acts on instances.
    pub control: Arc<dyn Control>,
    /// Reaches their network namespaces.
    pub networks: Arc<dyn Networks>,
    /// Cuts the links of process targets; `None` for containers.
    pub links: Option<Arc<Links>>,
    /// How long it waits.
    pub timing: Timing,
}

/// How long faults wait.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// After this a network fault that nobody renews is over; renewed at a third of it. 100 ms to 1 h.
    pub lease: Duration,
    /// How long a fault is looked for before it counts as unverified.
    pub verify_within: Duration,
    /// Time between two looks.
    pub verify_every: Duration,
    /// How long a heal is tried again before the fault is stuck. It is always tried once.
    pub heal_within: Duration,
    /// First pause between two tries; doubled up to sixteen times itself.
    pub backoff: Duration,
    /// After a call that nobody heard back from, and its grace: how long it may still take effect.
    pub settle: Duration,
    /// Longest wait for one answer, besides a grace that was asked for.
    pub call: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            verify_within: Duration::from_secs(5),
            verify_every: Duration::from_millis(100),
            heal_within: Duration::from_mins(1),
            backoff: Duration::from_millis(200),
            settle: Duration::from_secs(2),
            call: Duration::from_secs(45),
        }
    }
}

impl World {
    /// Waits for an answer, and `grace` longer; without one it is not known what happened.
    pub(super) async fn answer<T>(
        &self,
        grace: Duration,
        call: impl Future<Output = Result<T, ControlError>>,
    ) -> Result<T, ControlError> {
        let limit = self.timing.call + grace;
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            Err(ControlError::Unknown(format!("no answer within {} s", limit.as_secs())))
        })
    }
}
