//! The integration tests: one binary.

mod architecture;
mod net_rules;
mod netlab;
mod tidy;
