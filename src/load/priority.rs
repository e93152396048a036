use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

use crate::experiment::Priority;

/// The lowest priority there is above everything that has none: enough to go first.
const LOWEST: u8 = 1;

/// Gives the calling thread its place among all others. Where the system does not allow more than the usual one, the
/// thread keeps that, with a warning: how late it then is, its own record tells.
pub(super) fn take(priority: Priority) {
    if priority == Priority::Realtime
        && let Err(error) = go_first()
    {
        let hint = "it needs root, CAP_SYS_NICE or a limit `rtprio`";
        tracing::warn!("no real-time priority for the load ({error}): {hint}");
    }
}

/// Whether threads of this process may go first; else why not.
pub fn realtime() -> Result<(), String> {
    std::thread::scope(|scope| scope.spawn(go_first).join())
        .unwrap_or_else(|_| Err("the thread that tried has panicked".to_owned()))
}

/// Has the calling thread run whenever it can, in turns with others of its kind.
fn go_first() -> Result<(), String> {
    let value = ThreadPriorityValue::try_from(LOWEST).map_err(|e| format!("{e:?}"))?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let priority = ThreadPriority::Crossplatform(value);
    set_thread_priority_and_policy(thread_native_id(), priority, policy).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Policy and priority of the calling thread, as the kernel says.
    fn told() -> (u64, u64) {
        let status = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<&str> = status.rsplit(')').next().unwrap().split_whitespace().collect();
        // Fields 40 and 41 of the whole line; the first two were cut off.
        (fields[38].parse().unwrap(), fields[37].parse().unwrap())
    }

    #[test]
    fn a_thread_goes_first_when_it_is_asked_to_and_allowed() {
        let at = |priority| {
            std::thread::spawn(move || {
                take(priority);
                told()
            })
        };
        assert_eq!(at(Priority::Normal).join().unwrap(), (0, 0));
        let allowed = std::thread::spawn(|| go_first().is_ok()).join().unwrap();
        let round_robin = (2, u64::from(LOWEST));
        let expected = if allowed { round_robin } else { (0, 0) };
        assert_eq!(at(Priority::Realtime).join().unwrap(), expected);
    }
}
