//! Tests of whole files: a full one, broken ones, hostile ones. Each noun has a file; what they read is in
//! `fixture`.

mod captures;
mod fixture;
mod hostile;
mod overrides;
mod problems;
mod process;
mod schema;
mod whole;
