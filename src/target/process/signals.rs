//! Signals by name.

use rustix::process::Signal;

/// The signal of this name, with or without `SIG`, in any case.
pub(super) fn by_name(name: &str) -> Option<Signal> {
    let name = name.to_ascii_uppercase();
    let signal = match name.strip_prefix("SIG").unwrap_or(&name) {
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "ILL" => Signal::ILL,
        "TRAP" => Signal::TRAP,
        "ABRT" => Signal::ABORT,
        "BUS" => Signal::BUS,
        "FPE" => Signal::FPE,
        "KILL" => Signal::KILL,
        "USR1" => Signal::USR1,
        "SEGV" => Signal::SEGV,
        "USR2" => Signal::USR2,
        "PIPE" => Signal::PIPE,
        "ALRM" => Signal::ALARM,
        "TERM" => Signal::TERM,
        "CONT" => Signal::CONT,
        "STOP" => Signal::STOP,
        "TSTP" => Signal::TSTP,
        "XCPU" => Signal::XCPU,
        "WINCH" => Signal::WINCH,
        _ => return None,
    };
    Some(signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_as_docker_does() {
        assert_eq!(by_name("SIGKILL"), Some(Signal::KILL));
        assert_eq!(by_name("usr1"), Some(Signal::USR1));
        assert_eq!(by_name("SIGNONSENSE"), None);
    }
}
