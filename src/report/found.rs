//! What a summary tells beyond its verdict, for a terminal.

use std::fmt::Write as _;

use serde_json::Value;

use super::figures::count;
use super::terminal::{WIDTH, wrap};
use crate::record::Capacity;

/// So many error texts are shown; all of them are in the reports.
const ERRORS: usize = 3;

/// The limit that a search found, and the most frequent errors, of the document that `summary` makes. Empty
/// without either.
pub fn found_text(summary: &Value) -> String {
    let mut out = String::new();
    if let Ok(found) = serde_json::from_value::<Capacity>(summary["capacity"]["found"].clone()) {
        for line in wrap(&format!("Search: {found}"), WIDTH) {
            writeln!(out, "{line}").ok();
        }
    }
    let errors = summary["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    for error in errors.iter().take(ERRORS) {
        let text = |key: &str| error[key].as_str().unwrap_or_default();
        let times = count(error["count"].as_u64().unwrap_or_default());
        let line = format!("{times} x {} ({})", text("text"), text("step"));
        for (i, line) in wrap(&line, WIDTH - 8).iter().enumerate() {
            writeln!(out, "{} {line}", if i == 0 { "Errors " } else { "       " }).ok();
        }
    }
    if errors.len() > ERRORS {
        writeln!(out, "        and {} more, in the report", errors.len() - ERRORS).ok();
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_limit_and_the_most_frequent_errors_are_told() {
        let error =
            |text: &str, count: u64| json!({ "text": text, "step": "buy/order", "count": count });
        let told = found_text(&json!({
            "capacity": {
                "found": { "rate": "75/s", "confirmed": true, "above": "80/s", "gave_way": "errors" },
                "steps": [],
            },
            "errors": [error("status 503", 1200), error("b", 3), error("c", 2), error("d", 1)],
        }));
        assert_eq!(
            told,
            "Search: the limit is 75/s (confirmed twice); at 80/s errors gave way first\n\
             Errors  1,200 x status 503 (buy/order)\n\
             Errors  3 x b (buy/order)\n\
             Errors  2 x c (buy/order)\n        and 1 more, in the report\n"
        );
        assert_eq!(found_text(&json!({ "capacity": null, "errors": [] })), "");
    }
}
