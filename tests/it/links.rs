//! Links of the pages that are in the repository lead somewhere.

use std::path::{Path, PathBuf};

/// The pages: Markdown below the root, without what builds and runs leave there.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The anchor of a heading, as the hosts of repositories make it.
fn anchor(heading: &str) -> String {
    let plain = heading.trim().to_lowercase();
    let kept = plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn headings(page: &str) -> Vec<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|rest| anchor(rest.trim_start_matches('#')))
        .collect()
}

/// The links of `text`, a page at `path`, that lead nowhere.
fn broken(path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().expect("a folder");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut broken = Vec::new();
    for target in targets.filter(|t| !t.contains("://") && !t.contains(char::is_whitespace)) {
        let (file, part) = target.split_once('#').unwrap_or((target, ""));
        let there = if file.is_empty() { path.to_owned() } else { folder.join(file) };
        let exists = match part {
            "" => there.exists(),
            part => std::fs::read_to_string(&there)
                .is_ok_and(|page| headings(&page).iter().any(|heading| heading == part)),
        };
        if !exists {
            broken.push(format!("{}: {target}", path.display()));
        }
    }
    broken
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 15, "{pages:?}");
    let broken: Vec<String> = pages
        .iter()
        .flat_map(|path| broken(path, &std::fs::read_to_string(path).expect("a readable page")))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = "[a](docs/verdict.md) [b](docs/missing.md) [c](CONTRIBUTING.md#contributing)\n\
        [d](docs/verdict.md#no-such-part) [e](https://example.org/x)";
    let found = broken(&readme, text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("missing.md") && found[1].contains("no-such-part"), "{found:?}");
}
