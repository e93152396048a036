//! Every experiment file of the repository, and every YAML block of its pages, is valid.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use longhaul::experiment;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a block that is only part of a file is put into: its top-level keys take the place of these.
const REST: &str = r#"version: 1
name: example
target:
  process:
    services:
      db: { command: ["{{self}}"] }
      api: { command: ["{{self}}"], links: { DB: db } }
load:
  profile:
    - hold: { rate: 50/s, for: 24h }
  scenarios:
    browse:
      steps:
        - http: { name: item, get: "http://api.target:8080/items/1" }
faults:
  - name: kill-one-api
    inject: { kill: { service: api } }
    schedule: { at: 1h }
"#;

/// The text by top-level key.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let key = line.split(':').next().unwrap_or_default();
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            sections.push((key.to_owned(), String::new()));
        }
        if let Some((_, section)) = sections.last_mut() {
            writeln!(section, "{line}").unwrap();
        }
    }
    sections
}

/// A block as a whole file.
fn whole(block: &str) -> String {
    if block.lines().any(|line| line.starts_with("version:")) {
        return block.to_owned();
    }
    let own = sections(block);
    let rest = sections(REST).into_iter().filter(|(key, _)| own.iter().all(|(k, _)| k != key));
    rest.chain(own.iter().cloned()).map(|(_, text)| text).collect()
}

/// The YAML blocks of a page, with the line each begins in.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in page.lines().enumerate() {
        match &mut open {
            Some(_) if line.trim_end() == "```" => blocks.extend(open.take()),
            Some((_, text)) => writeln!(text, "{line}").unwrap(),
            None if line.trim_end() == "```yaml" => open = Some((number + 1, String::new())),
            None => {}
        }
    }
    blocks
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn experiment_files_are_valid() {
    let files = files(&root().join("experiments"), "yaml");
    assert!(files.len() >= 2, "{files:?}");
    let wrong: Vec<String> =
        files.iter().filter_map(|f| Some(experiment::load(f).err()?.to_string())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn yaml_blocks_of_the_pages_are_valid() {
    let mut pages = files(&root().join("docs"), "md");
    pages.push(root().join("README.md"));
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap_or_default();
        for (line, block) in blocks(&text) {
            seen += 1;
            // As if it stood beside the experiments, so that its paths lead to the repository's files.
            if let Err(told) = experiment::parse(&whole(&block), &root().join("experiments/x.yaml"))
            {
                wrong.push(format!("{}:{line}:\n{told}", page.display()));
            }
        }
    }
    assert!(seen > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_invalid_block_is_found() {
    let page = "text\n```yaml\noverlap: mabe\n```\n```yaml\nseed: 3\n```\n";
    let path = root().join("experiments/x.yaml");
    let valid: Vec<bool> =
        blocks(page).iter().map(|(_, b)| experiment::parse(&whole(b), &path).is_ok()).collect();
    assert_eq!(valid, [false, true]);
}

/// `LONGHAUL_BLESS=1` writes it anew.
#[test]
fn the_schema_page_is_up_to_date() {
    let file = root().join("docs/reference/experiment.schema.json");
    let now = format!("{:#}\n", experiment::schema());
    if std::env::var_os("LONGHAUL_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, &now).expect("a written schema");
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == now, "{} is stale: run with LONGHAUL_BLESS=1", file.display());
}
