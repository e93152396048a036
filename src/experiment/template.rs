//! Templates: texts with `{{...}}` in them.

use serde::{Deserialize, Serialize};

/// A text with places to fill in. Variables of the file are already filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The pieces in order.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// `{{name}}`: a value captured by an earlier step of the session or scenario.
    Captured(String),
    /// `{{random_int(LOW, HIGH)}}`: uniform, both ends included.
    RandomInt(i64, i64),
    /// `{{uuid()}}`: a version 4 UUID drawn from the seed.
    Uuid,
}
