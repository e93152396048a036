//! Names folded so that things of one kind have one name, and counted.

use std::collections::BTreeMap;

use crate::record::{Counted, Tally};

/// Hexadecimal names at least this long are folded whole: hashes, UUIDs.
const LONG_HEX: usize = 16;

/// `/data/log.0042` as `/data/log.N`, `/tmp/3f2a9c...` as `/tmp/X`.
pub(super) fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let hex = run(rest, |c| c.is_ascii_hexdigit() || c == '-');
        if hex.len() >= LONG_HEX
            && hex.contains(|c: char| c.is_ascii_digit())
            && hex.chars().filter(char::is_ascii_hexdigit).count() >= LONG_HEX
        {
            folded.push('X');
            rest = &rest[hex.len()..];
            continue;
        }
        let digits = run(rest, |c| c.is_ascii_digit());
        if digits.is_empty() {
            // A word is taken whole, so that a hexadecimal name is only looked for at its beginning.
            let word = run(rest, |c| c.is_ascii_alphabetic());
            let taken = if word.is_empty() { first.len_utf8() } else { word.len() };
            folded.push_str(&rest[..taken]);
            rest = &rest[taken..];
        } else {
            folded.push('N');
            rest = &rest[digits.len()..];
        }
    }
    folded
}

fn run(text: &str, fits: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !fits(c)).unwrap_or(text.len())]
}

/// Things by name.
#[derive(Default)]
pub(super) struct Counter(BTreeMap<String, u64>);

impl Counter {
    pub(super) fn add(&mut self, name: String) {
        *self.0.entry(name).or_default() += 1;
    }

    /// The `most` most frequent, and how much that leaves out. Equal counts are ordered by name.
    pub(super) fn top(self, most: usize) -> Tally {
        let mut all: Vec<Counted> =
            self.0.into_iter().map(|(name, count)| Counted { name, count }).collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        let rest = all.split_off(most.min(all.len()));
        Tally {
            top: all,
            other_names: rest.len() as u64,
            other: rest.iter().map(|counted| counted.count).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_long_hexadecimal_names_are_folded_and_words_are_not() {
        for (name, folded) in [
            ("/data/log.0042", "/data/log.N"),
            ("/etc/hosts", "/etc/hosts"),
            ("tokio-rt-worker", "tokio-rt-worker"),
            ("worker-12:3", "worker-N:N"),
            ("/tmp/3f2a9c0011223344aabb", "/tmp/X"),
            ("/tmp/123e4567-e89b-12d3-a456-426614174000.tmp", "/tmp/X.tmp"),
            ("/usr/lib/deadbeefdeadbeefdeadbeef", "/usr/lib/deadbeefdeadbeefdeadbeef"),
            ("/x/aé7b", "/x/aéNb"),
            ("", ""),
        ] {
            assert_eq!(fold(name), folded);
        }
    }

    #[test]
    fn the_most_frequent_come_first_and_the_rest_is_counted() {
        let mut counter = Counter::default();
        for name in ["b", "a", "c", "c", "d"] {
            counter.add(name.to_owned());
        }
        let tally = counter.top(2);
        let top: Vec<_> = tally.top.iter().map(|c| (c.name.as_str(), c.count)).collect();
        assert_eq!(top, [("c", 2), ("a", 1)]);
        assert_eq!((tally.other_names, tally.other), (2, 2));
        assert_eq!(Counter::default().top(3), Tally::default());
    }
}
