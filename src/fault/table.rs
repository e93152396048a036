//! Names of nftables tables: one for each fault of each run.

use sha2::{Digest as _, Sha256};

use crate::helper::TABLE_PREFIX;
use crate::ids::{FaultId, RunId};

/// The table of a fault: `longhaul_<fault, tamed>_<4 hex of the fault>_<8 hex of the run>`, at most 60
/// bytes of `a-z`, `0-9` and `_`.
pub(super) fn table(run: &RunId, fault: &FaultId) -> String {
    let tame: String = fault
        .as_str()
        .chars()
        .take(32)
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    format!("{TABLE_PREFIX}{tame}_{}{}", &hash(fault.as_str())[..4], run_suffix(run))
}

/// How the names of all tables of a run end.
pub(super) fn run_suffix(run: &RunId) -> String {
    format!("_{}", &hash(run.as_str())[..8])
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_differ_by_run_and_fault_and_are_valid() {
        let runs: Vec<RunId> =
            ["20261121-020000-a-0001", "20261121-020000-a-0002"].map(|r| r.parse().unwrap()).into();
        let mut names = std::collections::BTreeSet::new();
        for run in &runs {
            for fault in ["split-1", "split_1", "Split-1", &"x".repeat(99), &"x".repeat(98)] {
                let name = table(run, &fault.parse().unwrap());
                assert!(name.len() <= 60 && name.ends_with(&run_suffix(run)), "{name}");
                assert!(
                    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                    "{name}"
                );
                assert!(names.insert(name));
            }
        }
    }
}
