//! The integration tests: one binary.

mod architecture;
mod load_engine;
mod net_rules;
mod netlab;
mod tidy;
