//! What `--json` prints is described: every field's name stands in the pages about it.

use std::path::PathBuf;

use serde_json::Value;

const PAGES: [&str; 3] = ["docs/json.md", "docs/summary.md", "docs/experiment.md"];

/// The fields of a document that no page names in code type. What a user names himself, and the experiment
/// as it is shown, are left out.
pub(crate) fn missing(document: &Value) -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let pages: String =
        PAGES.map(|page| std::fs::read_to_string(root.join(page)).expect("a page")).join("\n");
    let mut missing = Vec::new();
    walk(document, &mut |name| {
        // `a b c` in one code span names three.
        let named = pages.split('`').skip(1).step_by(2).any(|code| {
            code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == name)
        });
        if !named {
            missing.push(name.to_owned());
        }
    });
    missing.sort();
    missing.dedup();
    missing
}

fn walk(value: &Value, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                tell(name);
                if !["tags", "images", "experiment", "replicas", "statuses"]
                    .contains(&name.as_str())
                {
                    walk(inner, tell);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, tell)),
        _ => {}
    }
}

#[test]
fn a_field_that_no_page_names_is_found() {
    let document = serde_json::json!({ "type": "error", "undreamt_of": [ { "hint": null } ] });
    assert_eq!(missing(&document), ["undreamt_of"]);
}
