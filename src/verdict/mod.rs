//! Judging: pure functions over records.
