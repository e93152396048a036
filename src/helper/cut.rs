//! What is asked of a namespace, and what it answers.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::HelperError;
use crate::units::duration_text;

/// How the names of our tables start. Nothing else is ever changed.
pub const TABLE_PREFIX: &str = "longhaul_";
/// Longest name of a table, in bytes.
pub const MAX_TABLE_NAME: usize = 60;
/// Shortest lease: below it no heartbeat could hold a cut without gaps.
pub const MIN_LEASE: Duration = Duration::from_millis(100);
/// Longest lease: above it "heals by itself" would mean nothing.
pub const MAX_LEASE: Duration = Duration::from_hours(1);
/// Most addresses in one cut.
const MAX_SOURCES: usize = 4096;

/// Nothing from `sources` gets in, for the length of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Name of the fault's table: [`TABLE_PREFIX`], then `a-z`, `0-9` and `_`, 60 bytes at most.
    pub table: String,
    /// Whom not to hear: 1 to 4096 addresses, IPv4 and IPv6 as they come.
    pub sources: Vec<IpAddr>,
    /// When the kernel lets traffic in again unless the cut is renewed: 100 ms to 1 h.
    #[serde(with = "duration_text")]
    pub lease: Duration,
}

impl Cut {
    /// Says what is wrong with the request, if anything.
    pub(super) fn check(&self) -> Result<(), HelperError> {
        check_table(&self.table)?;
        let invalid = |why: String| Err(HelperError::Invalid(why));
        if self.sources.is_empty() || self.sources.len() > MAX_SOURCES {
            return invalid(format!(
                "a cut needs 1 to {MAX_SOURCES} addresses, not {}",
                self.sources.len()
            ));
        }
        // A timeout of zero would mean "for ever" to the kernel.
        if !(MIN_LEASE..=MAX_LEASE).contains(&self.lease) {
            return invalid(format!("a lease lasts 100 ms to 1 h, not {:?}", self.lease));
        }
        Ok(())
    }

    /// The addresses once each, with IPv4 out of its IPv6 wrapping: that is how packets carry them.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self.sources.iter().map(IpAddr::to_canonical).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What a table does at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutState {
    /// The table is there. It may be inert.
    pub present: bool,
    /// Whose packets are being dropped: the addresses whose lease has not expired, sorted.
    pub armed: Vec<IpAddr>,
    /// Packets dropped since the table was made. Renewals keep the count.
    pub dropped: u64,
}

/// Refuses a name that is not one of our tables.
pub(super) fn check_table(name: &str) -> Result<(), HelperError> {
    let ours = name.strip_prefix(TABLE_PREFIX).is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    });
    if ours && name.len() <= MAX_TABLE_NAME {
        Ok(())
    } else {
        Err(HelperError::Invalid(format!(
            "{name:?} is not a table of longhaul's: {TABLE_PREFIX}, then a-z, 0-9 and _, {MAX_TABLE_NAME} bytes at most"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut() -> Cut {
        Cut {
            table: "longhaul_cut_1".into(),
            sources: vec!["10.0.0.2".parse().unwrap(), "::ffff:10.0.0.2".parse().unwrap()],
            lease: Duration::from_secs(3),
        }
    }

    #[test]
    fn a_foreign_table_is_never_a_request() {
        assert_eq!(check_table("longhaul_a1_b"), Ok(()));
        let long = format!("longhaul_{}", "a".repeat(52));
        for bad in ["filter", "longhaul", "longhaul_", "longhaul_A", "longhaul_a-b", "", &long] {
            assert!(check_table(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_lease_that_the_kernel_would_take_for_endless_is_refused() {
        assert_eq!(cut().check(), Ok(()));
        for lease in [Duration::ZERO, Duration::from_micros(900), Duration::from_hours(2)] {
            assert!(Cut { lease, ..cut() }.check().is_err(), "{lease:?}");
        }
        assert!(Cut { sources: vec![], ..cut() }.check().is_err());
    }

    #[test]
    fn wrapped_ipv4_is_ipv4() {
        assert_eq!(cut().addresses(), ["10.0.0.2".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_cut_travels_as_json() {
        let text = serde_json::to_string(&cut()).unwrap();
        assert_eq!(serde_json::from_str::<Cut>(&text).unwrap(), cut());
        assert!(text.contains("\"3s\""), "{text}");
    }
}
