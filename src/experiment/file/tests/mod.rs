//! Tests of whole files: a full one, broken ones, hostile ones. Each noun has a file; what they read is in
//! `fixture`.

mod captures;
mod data;
mod fixture;
mod hostile;
mod overrides;
mod problems;
mod process;
mod protocols;
mod schema;
mod secrets;
mod shapes;
mod sweep;
mod whole;
