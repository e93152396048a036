//! [`Control`] over child processes.

use std::time::Duration;

use rustix::process::Signal as Posix;
use tokio::sync::OwnedMutexGuard;

use super::super::{Answer, Attachment, Control, ControlError};
use super::pool::{Pool, is_frozen};
use super::signals;
use crate::experiment::Signal;
use crate::record::{Instance, TargetAction, Victim};

/// How long a stop signal may take to show.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(2);
const FREEZE_CHECK: Duration = Duration::from_millis(5);

impl Pool {
    async fn wait_turn(&self, id: &str) -> Result<OwnedMutexGuard<()>, ControlError> {
        Ok(self.turn(id).ok_or(ControlError::Gone)?.lock_owned().await)
    }

    async fn halt(&self, id: &str, grace: Duration) -> Result<(), ControlError> {
        if let Some(ward) = self.living(id)? {
            ward.stop(grace).await;
        }
        Ok(())
    }

    async fn revive(&self, id: &str) -> Result<(), ControlError> {
        self.launch(id).await.map_err(|e| ControlError::Refused(e.to_string()))
    }

    async fn freeze(&self, id: &str, freeze: bool) -> Result<(), ControlError> {
        let Some(ward) = self.living(id)? else {
            return if freeze { Err(not_running(id)) } else { Ok(()) };
        };
        if is_frozen(ward.pid()) == freeze {
            return Ok(());
        }
        let (signal, action) = if freeze {
            (Posix::STOP, TargetAction::Pause)
        } else {
            (Posix::CONT, TargetAction::Unpause)
        };
        ward.signal_group(signal).map_err(|e| ControlError::Refused(e.to_string()))?;
        let seen = async {
            while is_frozen(ward.pid()) != freeze && ward.ended().is_none() {
                tokio::time::sleep(FREEZE_CHECK).await;
            }
        };
        if tokio::time::timeout(FREEZE_TIMEOUT, seen).await.is_err() {
            return Err(ControlError::Unknown(format!("{id} got {signal:?} and does not show it")));
        }
        self.tell(id, action);
        Ok(())
    }
}

fn not_running(id: &str) -> ControlError {
    ControlError::Refused(format!("{id} is not running"))
}

impl Control for Pool {
    fn instance(&self, id: &str) -> Answer<'_, Instance> {
        let seen = Pool::instance(self, id).ok_or(ControlError::Gone);
        Box::pin(std::future::ready(seen))
    }

    fn signal(&self, id: &str, signal: &Signal) -> Answer<'_, ()> {
        let outcome = self.living(id).and_then(|ward| {
            let ward = ward.ok_or_else(|| not_running(id))?;
            let posix = signals::by_name(&signal.0)
                .ok_or_else(|| ControlError::Refused(format!("{} is not a signal", signal.0)))?;
            ward.signal(posix).map_err(|e| ControlError::Refused(e.to_string()))
        });
        Box::pin(std::future::ready(outcome))
    }

    fn stop(&self, id: &str, grace: Duration) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let _turn = self.wait_turn(&id).await?;
            self.halt(&id, grace).await
        })
    }

    fn start(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let _turn = self.wait_turn(&id).await?;
            self.revive(&id).await
        })
    }

    fn restart(&self, id: &str, grace: Duration) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let _turn = self.wait_turn(&id).await?;
            self.halt(&id, grace).await?;
            // It is down now: whoever asked has something to undo.
            let down = |e: ControlError| {
                ControlError::Unknown(format!("it was stopped and did not start: {e}"))
            };
            self.revive(&id).await.map_err(down)
        })
    }

    fn pause(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let _turn = self.wait_turn(&id).await?;
            self.freeze(&id, true).await
        })
    }

    fn unpause(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move {
            let _turn = self.wait_turn(&id).await?;
            self.freeze(&id, false).await
        })
    }

    fn attachments(&self, id: &str) -> Answer<'_, Vec<Attachment>> {
        let known = self.turn(id).map(|_| Vec::new()).ok_or(ControlError::Gone);
        Box::pin(std::future::ready(known))
    }

    fn detach(&self, id: &str, _network: &str) -> Answer<'_, ()> {
        let text = format!("{id} is a process: it has no network of its own");
        Box::pin(std::future::ready(Err(ControlError::Refused(text))))
    }

    fn attach(&self, id: &str, _attachment: &Attachment) -> Answer<'_, ()> {
        let text = format!("{id} is a process: it has no network of its own");
        Box::pin(std::future::ready(Err(ControlError::Refused(text))))
    }

    fn find(&self, victim: &Victim) -> Option<Instance> {
        Pool::instance(self, &victim.to_string())
    }
}
