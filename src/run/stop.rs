//! Asking a run to stop.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::record::StopCause;

/// The asking side: held by whoever listens for signals.
#[derive(Clone, Debug)]
pub struct Stopper {
    asked: watch::Sender<Option<StopCause>>,
    hurry: CancellationToken,
}

/// The listening side: held by the run.
#[derive(Clone, Debug)]
pub struct Stops {
    asked: watch::Receiver<Option<StopCause>>,
    hurry: CancellationToken,
}

impl Stopper {
    /// Both sides.
    pub fn new() -> (Self, Stops) {
        let (sender, receiver) = watch::channel(None);
        let hurry = CancellationToken::new();
        (Self { asked: sender, hurry: hurry.clone() }, Stops { asked: receiver, hurry })
    }

    /// Asks once to stop, twice to hurry: waits are then cut short, heals are not. Answers whether this
    /// was the first time.
    pub fn ask(&self, cause: StopCause) -> bool {
        let first = self.asked.borrow().is_none();
        if first {
            self.asked.send_replace(Some(cause));
        } else {
            self.hurry.cancel();
        }
        first
    }
}

impl Stops {
    /// Waits until a stop is asked for.
    pub async fn asked(&mut self) -> StopCause {
        loop {
            if let Some(cause) = *self.asked.borrow_and_update() {
                return cause;
            }
            if self.asked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// What was asked for so far.
    pub fn cause(&self) -> Option<StopCause> {
        *self.asked.borrow()
    }

    /// Cancelled when waits are to be cut short.
    pub fn hurry(&self) -> &CancellationToken {
        &self.hurry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_ask_stops_and_the_second_hurries() {
        let (stopper, mut stops) = Stopper::new();
        assert!(stops.cause().is_none());
        assert!(stopper.ask(StopCause::Interrupt));
        assert_eq!(stops.asked().await, StopCause::Interrupt);
        assert!(!stops.hurry().is_cancelled());
        assert!(!stopper.ask(StopCause::Terminate));
        assert!(stops.hurry().is_cancelled());
        assert_eq!(stops.cause(), Some(StopCause::Interrupt));
    }
}
