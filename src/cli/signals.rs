//! Ctrl-C, SIGTERM and a closed terminal, turned into requests to stop.

use tokio::signal::unix::{SignalKind, signal};

use crate::record::StopCause;
use crate::run::Stopper;

/// Listens until dropped. The first signal stops the run in order, the second shortens its waits.
pub(super) async fn listen(stopper: Stopper, quiet: bool) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        let cause = tokio::select! {
            _ = interrupt.recv() => StopCause::Interrupt,
            _ = terminate.recv() => StopCause::Terminate,
            _ = hangup.recv() => StopCause::Terminate,
        };
        let first = stopper.ask(cause);
        if !quiet {
            complain!(
                "{}",
                if first {
                    "stopping: healing every fault first (once more: wait neither for requests in flight nor for the target to end in order)"
                } else {
                    "hurrying: faults are still healed before the end"
                }
            );
        }
    }
}
