//! The integration tests: one binary.
#![expect(clippy::print_stderr, reason = "tests tell a person what they leave out")]

mod analyse;
mod architecture;
mod browser;
mod commands;
mod comparing;
mod crash_points;
mod documented;
mod engine;
mod engine_gone;
mod evidence;
mod experiments;
#[path = "../leak_corpus/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the benchmark uses more of it")]
mod leak_corpus;
mod leak_gate;
mod load_engine;
mod main_job;
mod net_rules;
mod netlab;
mod process_job;
mod program;
mod real_software;
mod reference;
mod target_docker;
mod target_process;
mod test_script;
mod tidy;
mod ways_out;
