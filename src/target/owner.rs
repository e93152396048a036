//! Which longhaul process made a thing: written on it, so that another one can tell whether it still lives.

use std::str::FromStr;

/// A process of a machine, told apart from a later one with the same pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    host: String,
    pid: u32,
    start: u64,
}

impl Owner {
    /// This process.
    pub(super) fn this() -> Self {
        let pid = std::process::id();
        Self { host: host(), pid, start: process_start(pid).unwrap_or(0) }
    }

    /// Whether it lives. A process of another machine is taken to be dead.
    pub(super) fn is_alive(&self) -> bool {
        self.host == host() && process_start(self.pid) == Some(self.start)
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.pid, self.start)
    }
}

impl FromStr for Owner {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.rsplitn(3, '/');
        let mut next = || parts.next().ok_or(());
        let start = next()?.parse().map_err(|_| ())?;
        let pid = next()?.parse().map_err(|_| ())?;
        Ok(Self { host: next()?.to_owned(), pid, start })
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// When a process started, in clock ticks since boot; `None` when there is no such process or only its
/// remains.
pub(super) fn process_start(pid: u32) -> Option<u64> {
    let fields = process_fields(pid)?;
    (fields.first()? != "Z").then_some(())?;
    fields.get(19)?.parse().ok()
}

/// The fields of `/proc/PID/stat` after the name, from the state on (field 3 of proc(5)).
pub(super) fn process_fields(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_predecessor_does_not() {
        let this = Owner::this();
        assert!(this.is_alive());
        let read: Owner = this.to_string().parse().unwrap();
        assert_eq!(read, this);
        assert!(!Owner { start: this.start + 1, ..this.clone() }.is_alive());
        assert!(!Owner { host: "elsewhere".to_owned(), ..this }.is_alive());
        assert!("nonsense".parse::<Owner>().is_err());
    }
}
