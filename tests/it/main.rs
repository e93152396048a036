//! The integration tests: one binary.

mod architecture;
mod experiments;
mod load_engine;
mod net_rules;
mod netlab;
mod support;
mod target_docker;
mod target_process;
mod tidy;
