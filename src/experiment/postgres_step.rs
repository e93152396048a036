//! `postgres:` one query or transaction of a scenario.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::service_url::{self, Filled, Password};
use super::source::{Context, Decode, Definitions, Int, Lasting, Node, Several, Span, Text, form};
use super::step::{self, Draft};
use super::{Step, Template};
use crate::units::optional_duration_text;

/// One query, or several in a transaction, over a connection of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostgresStep {
    /// Its name; default: the first query's first three words.
    pub name: String,
    /// `postgres://host:port/database`.
    pub url: String,
    /// User to log in as.
    pub user: String,
    /// Its password, with places for secrets.
    pub password: Option<String>,
    /// Connections of the pool at most; default: as many as the load has.
    pub pool: Option<u32>,
    /// What is run, in order; prepared once per connection.
    pub statements: Vec<Statement>,
    /// Whether they are one transaction.
    pub transaction: bool,
    /// Timeout of this step; default: the load's.
    #[serde(with = "optional_duration_text")]
    pub timeout: Option<Duration>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// SQL with `$1`, `$2`, ... for the parameters.
    pub query: String,
    /// The parameters, as texts in the form that Postgres reads for their types.
    pub params: Vec<Template>,
    /// How many rows it must return or change at least.
    pub min_rows: Option<u64>,
}

form! {
    /// One Postgres query, or several in a transaction: exactly one of `query` and `transaction`. Statements are prepared once
    /// per connection; connections are kept in a pool.
    struct PostgresForm {
        /// Its name in reports; default: the first words of the first query.
        name: Text = Optional,
        /// Where to: `postgres://host:port/database`. `postgres://SERVICE.target:PORT/database` goes to the instances of
        /// a service in turn.
        url: Filled = Required,
        /// User to log in as.
        user: Text = Default("postgres"),
        /// Its password: `"{{secret.NAME}}"`, which `secrets` names the source of.
        password: Password = Optional,
        /// Connections of the pool at most; arrivals past that wait for one. Default: the load's `connections`.
        pool: Int<1, 10_000> = Optional,
        /// SQL with `$1`, `$2`, ... for the parameters.
        query: Filled = Optional,
        /// The parameters of `query`, in order; may hold templates.
        params: Several<Template> = Optional,
        /// Rows that `query` must return or change at least.
        min_rows: Int<0, { u64::MAX }> = Optional,
        /// Statements between BEGIN and COMMIT; one that fails takes all back.
        transaction: Several<StatementForm, 1> = Optional,
        /// Timeout of this step, 1ms to 1h; default: the load's.
        timeout: Lasting<1, 3_600_000> = Optional,
    }
}

form! {
    /// One statement of a transaction.
    struct StatementForm {
        /// SQL with `$1`, `$2`, ... for the parameters.
        query: Filled = Required,
        /// The parameters, in order; may hold templates.
        params: Several<Template> = Optional,
        /// Rows that it must return or change at least.
        min_rows: Int<0, { u64::MAX }> = Optional,
    }
}

/// A step as it is written.
#[derive(Debug)]
pub(super) struct PostgresDraft(pub Draft);

impl Decode for PostgresDraft {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if !cfg!(feature = "postgres") {
            let hint = "take one that was built with its feature `postgres`";
            cx.problem_hint(node.span, "this longhaul knows no `postgres` steps", hint);
        }
        let form = PostgresForm::decode(node, cx)?;
        let params = |given: Option<super::source::Placed<Several<Template>>>| {
            given.map_or_else(Vec::new, |p| p.value.0.into_iter().map(|t| t.value).collect())
        };
        let mut statements: Vec<(Statement, Span)> = Vec::new();
        let transaction = node.has("transaction");
        match (form.query, form.transaction) {
            (Some(query), None) if !transaction => statements.push((
                Statement {
                    query: query.value.0,
                    params: params(form.params),
                    min_rows: form.min_rows.map(|n| n.value.0),
                },
                query.span,
            )),
            (None, Some(list)) => {
                if let Some(key) = node.key("params").or_else(|| node.key("min_rows")) {
                    let hint = "give it to the statement it belongs to";
                    cx.problem_hint(key.span, format!("`{}` of which statement?", key.name), hint);
                }
                for form in list.value.0 {
                    let query = form.value.query?;
                    statements.push((
                        Statement {
                            query: query.value.0,
                            params: params(form.value.params),
                            min_rows: form.value.min_rows.map(|n| n.value.0),
                        },
                        query.span,
                    ));
                }
            }
            (Some(query), _) => {
                cx.problem(query.span, "`query` and `transaction` are not given together");
            }
            (None, None) if !node.has("query") && !transaction => {
                cx.problem_hint(node.span, "nothing is asked", "give `query` or `transaction`");
            }
            (None, None) => return None,
        }
        for (statement, span) in &statements {
            check(statement, *span, cx);
        }
        let url = form.url?;
        service_url::read(&url.value.0, ["postgres", "postgresql"], url.span, cx);
        let statements: Vec<Statement> = statements.into_iter().map(|(s, _)| s).collect();
        let words = || {
            let first = statements.first().map_or("", |s| s.query.as_str());
            first.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
        };
        let (name, named) = step::name(form.name, words, cx);
        let step = Step::Postgres(PostgresStep {
            name,
            url: url.value.0,
            user: form.user?.value.0,
            password: form.password.map(|password| password.value.0),
            pool: form.pool.and_then(|n| u32::try_from(n.value.0).ok()),
            statements,
            transaction,
            timeout: form.timeout.map(|t| t.value.0),
        });
        Some(Self(Draft { step, named }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = PostgresForm::schema(defs);
        let one = ["query", "transaction"].map(|key| json!({ "required": [key] }));
        defs.constrain("PostgresForm", "oneOf", one.into_iter().collect());
        schema
    }
}

/// A problem when a statement has more or fewer parameters than places for them.
fn check(statement: &Statement, span: Span, cx: &mut Context) {
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let places = statement.query.split('$').skip(1);
    let highest = places.filter_map(|rest| rest[..digits(rest)].parse::<usize>().ok()).max();
    let (places, given) = (highest.unwrap_or(0), statement.params.len());
    if places != given {
        let message = format!("the query has {places} parameters, `params` {given}");
        cx.problem_hint(span, message, "write $1, $2, ... in the query, and as many `params`");
    }
}
