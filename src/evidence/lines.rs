//! Files of the kernel, line by line: what they tell of a busy host may be megabytes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};

/// Hands over each line of the first `largest` bytes of a file, without its end.
pub(super) fn of_file(path: &str, largest: u64, take: impl FnMut(&str)) -> std::io::Result<()> {
    of(BufReader::new(File::open(path)?.take(largest)), take)
}

fn of(mut text: impl BufRead, mut take: impl FnMut(&str)) -> std::io::Result<()> {
    let mut line = Vec::new();
    while text.read_until(b'\n', &mut line)? > 0 {
        take(String::from_utf8_lossy(&line).trim_end_matches('\n'));
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_whatever_they_hold() {
        let mut lines = Vec::new();
        of(&b"first\n\n \xff third \nlast"[..], |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["first", "", " \u{fffd} third ", "last"]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\ntwo\n").unwrap();
        let mut cut = String::new();
        of_file(file.path().to_str().unwrap(), 5, |line| cut += line).unwrap();
        assert_eq!(cut, "onet");
        assert!(of_file("/nowhere", 5, |_| {}).is_err());
    }
}
