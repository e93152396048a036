//! The house rules that a compiler does not check.

use std::collections::BTreeSet;
use std::path::Path;

use crate::architecture::sources;

const HARD_LINES: usize = 800;
const FORBIDDEN: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "imp"];

fn faults(name: &str, source: &str) -> Vec<String> {
    let path = Path::new(name);
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let mut found = Vec::new();
    let lines = source.lines().count();
    if lines > HARD_LINES {
        found.push(format!(
            "{name}: {lines} lines; look for the second noun in it (at most {HARD_LINES})"
        ));
    }
    if FORBIDDEN.contains(&stem) {
        found.push(format!("{name}: name the file after the thing in it"));
    }
    if stem == "mod" && !source.starts_with("//! ") {
        found.push(format!(
            "{name}: a room begins with //! docs: what it owns and what it never does"
        ));
    }
    if source.contains("#[ignore") || source.contains(concat!("#[", "allow(")) {
        found.push(format!("{name}: no ignored tests; `expect` with a reason instead of `allow`"));
    }
    found
}

#[test]
fn sources_are_tidy() {
    let mut found = Vec::new();
    let mut rooms = BTreeSet::new();
    for (room, file) in sources() {
        let source = std::fs::read_to_string(&file).expect("a readable source");
        found.extend(faults(&file.display().to_string(), &source));
        if let (Some(room), Some("mod.rs")) = (room, file.file_name().and_then(|n| n.to_str())) {
            rooms.insert(room);
        }
        if file.ends_with("src/main.rs") {
            assert!(source.lines().count() <= 20, "main.rs only calls the library");
        }
    }
    assert!(rooms.len() >= 14, "every room has a mod.rs: {rooms:?}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn untidy_sources_are_found() {
    assert_eq!(faults("src/x/utils.rs", "//! Things.\n").len(), 1);
    assert_eq!(faults("src/x/mod.rs", "mod y;\n").len(), 1);
    assert_eq!(faults("src/x/y.rs", &"\n".repeat(801)).len(), 1);
    assert_eq!(faults("src/x/y.rs", "//! Fine.\n"), Vec::<String>::new());
}
