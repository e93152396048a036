//! Every experiment that a reader may copy is valid: `experiments/`, the fixtures, README and docs.

use std::path::{Path, PathBuf};

use longhaul::experiment;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
}

fn check(path: &Path) -> Result<(), String> {
    experiment::load(path).map(drop).map_err(|e| e.to_string())
}

#[test]
fn every_experiment_file_is_valid() {
    let mut found = Vec::new();
    files(&root().join("experiments"), "yaml", &mut found);
    found.push(root().join("tests/fixtures/real/experiment.yaml"));
    assert!(found.len() >= 3, "{found:?}");
    let broken: Vec<String> = found.iter().filter_map(|f| check(f).err()).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A YAML block that begins with `version:` is a whole experiment; it is checked as if it lay in
/// `experiments/`. Shorter blocks are excerpts; theirs is the page's duty.
fn blocks(text: &str) -> Vec<String> {
    text.split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|block| block.lines().any(|l| l.starts_with("version:")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_experiment_in_the_documents_is_valid() {
    let mut pages = vec![root().join("README.md")];
    files(&root().join("docs"), "md", &mut pages);
    let mut seen = 0;
    let mut broken = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a readable page");
        for block in blocks(&text) {
            seen += 1;
            let place = root().join("experiments/in-a-document.yaml");
            if let Err(problems) = experiment::parse(&block, &place) {
                broken.push(format!("{}:\n{}", page.display(), problems));
            }
        }
    }
    assert!(seen >= 1, "the README shows an experiment");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_broken_example_is_found() {
    let place = root().join("experiments/in-a-document.yaml");
    assert!(experiment::parse("version: 1\nnmae: x\n", &place).is_err());
    assert_eq!(blocks("```yaml\nversion: 1\n```\n```yaml\nfaults: []\n```\n").len(), 1);
}
