//! Files that no well-meaning person writes: one clear error each, in bounded time and memory.

use std::path::Path;

use proptest::prelude::*;

use super::fixture::FULL;
use crate::experiment::{load, parse};

/// The error of a hostile file; each within a second.
fn hostile(make: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("e.yaml");
    make(&file);
    let clock = crate::clock::Clock::start();
    let text = load(&file).unwrap_err().to_string();
    assert!(clock.now().as_secs_f64() < 1.0, "{text}");
    text.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn hostile_files_get_one_clear_error() {
    use std::fmt::Write as _;
    let write = |bytes: Vec<u8>| move |file: &Path| std::fs::write(file, bytes).unwrap();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..20 {
        let alias = format!("*a{}", i - 1);
        writeln!(bomb, "a{i}: &a{i} [{}]", [alias.as_str(); 10].join(", ")).unwrap();
    }
    let mut blocks = String::new();
    for i in 0..1000 {
        writeln!(blocks, "{}a:", " ".repeat(i)).unwrap();
    }
    let told = [
        hostile(write(vec![b'x'; 10 << 20])),
        hostile(write("[".repeat(1000).into_bytes())),
        hostile(write("{a: ".repeat(1000).into_bytes())),
        hostile(write(blocks.into_bytes())),
        hostile(write(bomb.into_bytes())),
        hostile(write(b"version: 1\nname: \xff\xfe\n".to_vec())),
        hostile(write(Vec::new())),
        hostile(write(b"\0\0\0\0".to_vec())),
        hostile(|file| std::fs::create_dir(file).unwrap()),
        hostile(|_| ()),
        hostile(|file| {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, file, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
        }),
    ]
    .join("\n");
    insta::assert_snapshot!(told, @r#"
    read e.yaml: it is larger than 1024 KiB
    read e.yaml: it is not a valid experiment
    e.yaml:1:65: nested too deep: at most 64 levels
    read e.yaml: it is not a valid experiment
    e.yaml:1:257: nested too deep: at most 64 levels
    read e.yaml: it is not a valid experiment
    e.yaml:64:64: nested too deep: at most 64 levels
    read e.yaml: it is not a valid experiment
    e.yaml:7:10: the file is too large with its aliases written out
    read e.yaml: it is not UTF-8 text: line 2 holds other bytes
    read e.yaml: it is not a valid experiment
    e.yaml:1:1: the file is empty (an experiment has at least `version: 1`, `name`, `target` and `load`; `experiments/quickstart.yaml` is a whole one)
    read e.yaml: it is not a valid experiment
    e.yaml:1:1: not YAML: unexpected character: `\u{0}'
    read e.yaml: it is a folder, not a file
    read e.yaml: there is no such file
    read e.yaml: it is not a regular file
    "#);
}

#[test]
fn a_million_problems_are_not_kept() {
    let aliases = format!("version: 1\nx: [{}]\n", "*a,".repeat(300_000));
    let keys = (0..5000).fold(String::new(), |text, i| text + &format!("k{i}: 1\n"));
    for text in [aliases, keys] {
        let problems = parse(&text, Path::new("e.yaml")).unwrap_err();
        assert_eq!(problems.list().len(), 100);
        assert!(problems.graphical(false).len() < 1 << 20);
    }
    let values = format!("version: 1\nx: [{}]\n", "1,".repeat(200_000));
    let problems = parse(&values, Path::new("e.yaml")).unwrap_err();
    assert!(problems.to_string().contains("more than 100000 values"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// For all texts: reading ends with an experiment or with at least one problem.
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        if let Err(problems) = parse(&text, Path::new("e.yaml")) {
            prop_assert!(!problems.list().is_empty());
            prop_assert!(!problems.graphical(false).is_empty());
        }
    }

    /// For all files one edit away from a valid one: the same.
    #[test]
    fn a_file_with_an_edit_is_read_or_refused(
        at in 0..FULL.len(), cut in 0usize..40, put in "[-\\[\\]{}:,&*!|>'\"%@`#?a0 \n\t\u{e9}]{0,6}",
    ) {
        let end = (at + cut).min(FULL.len());
        let text = format!("{}{put}{}", &FULL[..at], &FULL[end..]);
        if let Err(problems) = parse(&text, Path::new("e.yaml")) {
            prop_assert!(!problems.list().is_empty());
            prop_assert!(!problems.graphical(false).is_empty());
        }
    }
}
