//! Who may import whom: the tables of `docs/ARCHITECTURE.md`, enforced on every path in `src/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

const GROUND: [&str; 4] = ["clock", "seed", "ids", "units"];

/// room -> rooms, and crate -> rooms, as the document says.
struct Rules {
    imports: BTreeMap<String, BTreeSet<String>>,
    homes: BTreeMap<String, BTreeSet<String>>,
}

fn table(document: &str, header: &str) -> BTreeMap<String, BTreeSet<String>> {
    document
        .lines()
        .skip_while(|line| *line != header)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let key = cells.next().unwrap_or_default().to_owned();
            let list = cells.next().unwrap_or_default();
            (key, list.split(", ").filter(|s| *s != "-").map(str::to_owned).collect())
        })
        .collect()
}

fn rules() -> Rules {
    let path = root().join("docs/ARCHITECTURE.md");
    let document = std::fs::read_to_string(path).expect("docs/ARCHITECTURE.md is there");
    let rules = Rules {
        imports: table(&document, "| room | may import |"),
        homes: table(&document, "| crate | rooms |"),
    };
    assert!(rules.imports.len() > 10 && rules.homes.len() > 5, "the tables were not found");
    rules
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

struct Paths<'a> {
    room: &'a str,
    file: &'a str,
    rules: &'a Rules,
    broken: Vec<String>,
}

impl Paths<'_> {
    fn check(&mut self, segments: &[String], line: usize) {
        let (first, second) = (segments[0].as_str(), segments.get(1).map(String::as_str));
        let at = format!("{}:{line}", self.file);
        if let ("crate" | "longhaul", Some(other)) = (first, second) {
            let known = self.rules.imports.contains_key(other);
            let allowed = other == self.room
                || GROUND.contains(&other)
                || !known
                || self.rules.imports.get(self.room).is_some_and(|set| set.contains(other));
            if !allowed {
                self.broken.push(format!("{at}: {} may not import {other}", self.room));
            }
        }
        if let Some(homes) = self.rules.homes.get(first)
            && !homes.contains(self.room)
        {
            self.broken.push(format!("{at}: the crate {first} lives only in {homes:?}"));
        }
    }

    fn tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let grown = |ident: &syn::Ident| {
            let mut path = prefix.to_vec();
            path.push(ident.to_string());
            path
        };
        match tree {
            syn::UseTree::Path(p) => self.tree(&grown(&p.ident), &p.tree),
            syn::UseTree::Name(n) => self.check(&grown(&n.ident), n.ident.span().start().line),
            syn::UseTree::Rename(r) => self.check(&grown(&r.ident), r.ident.span().start().line),
            syn::UseTree::Glob(g) => {
                if !prefix.is_empty() {
                    self.check(prefix, g.star_token.spans[0].start().line);
                }
            }
            syn::UseTree::Group(g) => g.items.iter().for_each(|item| self.tree(prefix, item)),
        }
    }

    /// Macros hold tokens, not paths: every `crate::x` and `name::x` in them counts as a path.
    fn tokens(&mut self, tokens: TokenStream) {
        let all: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, token) in all.iter().enumerate() {
            match token {
                TokenTree::Group(g) => self.tokens(g.stream()),
                TokenTree::Ident(first) => {
                    let after_colon =
                        i > 0 && matches!(&all[i - 1], TokenTree::Punct(p) if p.as_char() == ':');
                    if let (Some(TokenTree::Punct(a)), Some(TokenTree::Ident(second))) =
                        (all.get(i + 1), all.get(i + 3))
                        && a.as_char() == ':'
                        && !after_colon
                    {
                        self.check(
                            &[first.to_string(), second.to_string()],
                            first.span().start().line,
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1 {
            self.check(&segments, path.segments[0].ident.span().start().line);
        }
        syn::visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.tokens(mac.tokens.clone());
        syn::visit::visit_macro(self, mac);
    }
}

fn violations(room: &str, file: &str, source: &str, rules: &Rules) -> Vec<String> {
    let parsed = syn::parse_file(source).unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut paths = Paths { room, file, rules, broken: Vec::new() };
    paths.visit_file(&parsed);
    paths.broken
}

/// Every Rust file under `src`, with the room it is in (`None` at the top).
pub(crate) fn sources() -> Vec<(Option<String>, PathBuf)> {
    fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let src = root().join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let inside = file.strip_prefix(&src).expect("below src");
            let room = (inside.components().count() > 1)
                .then(|| inside.components().next())
                .flatten()
                .map(|c| c.as_os_str().to_string_lossy().into_owned());
            (room, file)
        })
        .collect()
}

#[test]
fn rooms_import_only_what_the_document_allows() {
    let rules = rules();
    let mut broken = Vec::new();
    for (room, file) in sources() {
        let name = file.strip_prefix(root()).expect("below the root").display().to_string();
        let source = std::fs::read_to_string(&file).expect("a readable source");
        let Some(room) = room else {
            let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
            if GROUND.contains(&stem.as_str()) {
                broken.extend(violations(&stem, &name, &source, &rules));
            }
            continue;
        };
        assert!(rules.imports.contains_key(&room), "{name}: the room {room} is not in the table");
        broken.extend(violations(&room, &name, &source, &rules));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    let rules = rules();
    let planted = r#"
        use crate::record::Sample;
        use crate::{clock::Clock, store::Store};
        fn f() { let _ = bollard::Docker::connect_with_defaults(); }
        fn g() { println!("{}", crate::run::go()); }
    "#;
    let broken = violations("verdict", "planted.rs", planted, &rules);
    assert_eq!(
        broken,
        [
            "planted.rs:3: verdict may not import store",
            "planted.rs:4: the crate bollard lives only in {\"target\"}",
            "planted.rs:5: verdict may not import run",
        ]
    );
    assert!(violations("verdict", "x.rs", "use crate::record::Sample;", &rules).is_empty());
}
