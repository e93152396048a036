//! Names of things. Each is safe as a file name, an SQL key, a label and a URL segment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not an id: 1 to 100 characters of a-z, A-Z, 0-9, '-', '_' and '.', not starting with '.' or '-'"
)]
pub struct IdError(pub String);

fn checked(text: &str) -> Result<String, IdError> {
    let fits = (1..=100).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits { Ok(text.to_owned()) } else { Err(IdError(text.to_owned())) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> {
                checked(s).map(Self)
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(s: String) -> Result<Self, IdError> {
                s.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id!(
    /// One run: `<UTC date>-<time>-<experiment>-<4 hex digits>`. Sorts by start time.
    RunId
);
id!(
    /// One sweep: `<UTC date>-<time>-<experiment>-sweep-<4 hex digits>`. Sorts by start time, among runs.
    SweepId
);
id!(
    /// A baseline: the name of its file.
    BaselineName
);
id!(
    /// One planned fault of a run: `<fault name>-<number from 1>`.
    FaultId
);

impl RunId {
    /// A new id for a run of `experiment` that starts at `at`; `nonce` tells runs of one second apart.
    pub fn new(experiment: &str, at: jiff::Timestamp, nonce: u16) -> Self {
        Self(started("", experiment, at, nonce))
    }
}

impl SweepId {
    /// A new id for a sweep of `experiment` that starts at `at`; `nonce` tells sweeps of one second apart.
    pub fn new(experiment: &str, at: jiff::Timestamp, nonce: u16) -> Self {
        Self(started("-sweep", experiment, at, nonce))
    }
}

fn started(kind: &str, experiment: &str, at: jiff::Timestamp, nonce: u16) -> String {
    let name: String = experiment
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
        .take(60)
        .collect();
    format!("{}-{name}{kind}-{nonce:04x}", at.strftime("%Y%m%d-%H%M%S"))
}

impl FaultId {
    /// The id of the `nth` (from 1) occurrence of the fault called `name`, a validated name.
    pub fn new(name: &str, nth: usize) -> Self {
        Self(format!("{name}-{nth}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_leaves_its_folder() {
        for bad in ["", "..", "../x", "a/b", ".hidden", "-rf", "a b", "ü", &"x".repeat(101)] {
            assert!(bad.parse::<RunId>().is_err(), "{bad:?}");
        }
        assert!("20261121-020000-nightly-0a1b".parse::<RunId>().is_ok());
    }
}
