//! `data:` files of values that arrivals are given, a row each.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rows::{RowFormat, Rows};
use super::source::{
    Context, Decode, Definitions, File, Kind, Named, Node, Placed, Span, form, words,
};
use super::template::Name;

/// A file of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Its name: templates say `{{name.column}}`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// How it is written.
    pub format: RowFormat,
    /// In what order its rows are given out.
    pub order: RowOrder,
    /// Whether the load's workers share its rows; else each goes through all of them.
    pub shared: bool,
    /// Its columns.
    pub columns: Vec<String>,
}

/// In what order rows are given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// As in the file, and again from its start.
    #[default]
    Sequential,
    /// Each is drawn from the next 1000 of the file.
    Random,
}

words! {
    RowOrder {
        "sequential" => RowOrder::Sequential,
        "random" => RowOrder::Random,
    }
}

form! {
    /// A file of values: rows with named columns, of which each arrival that uses it is given one. It is read while the
    /// load runs, a little ahead, and from its start again at its end: how large it is does not matter.
    struct FeedForm {
        /// A CSV file; its first line names the columns.
        csv: File = Optional,
        /// A file with a JSON object in each line; the first line names the columns.
        jsonl: File = Optional,
        /// In what order rows are given out: as in the file, or each drawn from the next 1000 of it by the seed.
        order: RowOrder = Default("sequential"),
        /// Whether the load's workers share the rows, so that each row is given out once before the file begins again.
        /// Otherwise each worker goes through all of them.
        shared: bool = Default("true"),
    }
}

/// The files by name.
#[derive(Debug)]
pub(super) struct Data(pub Vec<Feed>);

/// A file without its name, which is its key.
#[derive(Debug)]
struct Body {
    path: PathBuf,
    format: RowFormat,
    order: RowOrder,
    shared: bool,
    columns: Vec<String>,
}

impl Decode for Data {
    /// Puts the columns into the context, where templates find them.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if let Kind::Map(entries) = &node.kind {
            // By name even if it can't be read: templates that use it are not wrong.
            cx.feeds.extend(entries.iter().map(|(key, _)| (key.name.clone(), None)));
        }
        let named = Named::<Name, Body>::decode(node, cx)?;
        let feeds: Vec<Feed> = named
            .0
            .into_iter()
            .map(|(name, Placed { value: body, .. })| Feed {
                name: name.value.0,
                path: body.path,
                format: body.format,
                order: body.order,
                shared: body.shared,
                columns: body.columns,
            })
            .collect();
        cx.feeds.extend(feeds.iter().map(|f| (f.name.clone(), Some(f.columns.clone()))));
        Some(Self(feeds))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Named::<Name, Body>::schema(defs)
    }
}

impl Decode for Body {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = FeedForm::decode(node, cx)?;
        let (format, Placed { value: File(path), span }) = match (form.csv, form.jsonl) {
            (Some(csv), None) => (RowFormat::Csv, csv),
            (None, Some(jsonl)) => (RowFormat::Jsonl, jsonl),
            (Some(_), Some(second)) => {
                cx.problem(second.span, "`csv` and `jsonl` are not given together");
                return None;
            }
            (None, None) => {
                if !node.has("csv") && !node.has("jsonl") {
                    cx.problem_hint(node.span, "there is no file", "give `csv` or `jsonl`");
                }
                return None;
            }
        };
        let columns = check(&path, format, span, cx)?;
        let (order, shared) = (form.order?.value, form.shared?.value);
        Some(Self { path, format, order, shared, columns })
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = FeedForm::schema(defs);
        let one = ["csv", "jsonl"].map(|key| json!({ "required": [key] }));
        defs.constrain("FeedForm", "oneOf", one.into_iter().collect());
        schema
    }
}

/// Rows that are looked at before anything is started.
const LOOKED_AT: usize = 1000;
/// Bad rows that are told, at most.
const TOLD: usize = 5;

/// The columns; a problem for each of the first rows that can't be used.
fn check(path: &Path, format: RowFormat, span: Span, cx: &mut Context) -> Option<Vec<String>> {
    let mut rows = match Rows::open(path, format) {
        Ok(rows) => rows,
        Err(why) => {
            cx.problem(span, format!("{}: {why}", path.display()));
            return None;
        }
    };
    let columns = rows.columns().to_vec();
    let (mut good, mut bad) = (0, 0);
    for row in rows.by_ref().take(LOOKED_AT) {
        match row {
            Ok(_) => good += 1,
            Err(problem) => {
                bad += 1;
                if bad <= TOLD {
                    let at = format!("{}:{}", path.display(), problem.line);
                    cx.problem(span, format!("{at}: the row can't be used: {}", problem.why));
                }
                if problem.last {
                    break;
                }
            }
        }
    }
    if bad > TOLD {
        let more =
            format!("{}: {} more of its first rows can't be used", path.display(), bad - TOLD);
        cx.problem(span, more);
    } else if good == 0 && bad == 0 {
        cx.problem(span, format!("{} has no rows", path.display()));
    }
    (good > 0 && bad == 0).then_some(columns)
}
