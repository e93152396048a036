//! How the text of a file becomes elements: a tree that knows its places, problems, and one decoder.
//!
//! In goes YAML text; out come [`Node`]s, or [`Problem`]s with their places. The elements say once,
//! by [`form!`], [`choice!`] and [`words!`], which keys they have: reading, "did you mean" and the
//! schema all come from that one table. Knows no element.

mod build;
mod context;
mod decode;
mod form;
mod node;
mod problem;
mod scalar;
mod schema;

pub(super) use build::{EMPTY, NOT_YAML, WHOLE, build};
pub(super) use context::{Context, Found};
pub(super) use decode::{Decode, Named, OneOrMore, Placed, Several};
pub(super) use form::{Fields, Need, choice, closest, form, pick, word, words};
pub(super) use node::{Kind, Node, excerpt};
pub use problem::{Problem, Problems, Span};
pub(super) use scalar::{
    File, Folder, Id, Int, Lasting, NumberOrSize, Real, Share, ShareOrNumber, ShareOrSize, Text,
    resolve,
};
pub(super) use schema::{Definitions, Property, about};
