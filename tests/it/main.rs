//! The integration tests: one binary.
#![expect(clippy::print_stderr, reason = "tests tell a person what they leave out")]

mod analyse;
mod architecture;
mod browser;
mod closed_ends;
mod commands;
mod comparing;
mod crash_points;
mod documented;
mod earlier_runs;
mod engine;
mod engine_gone;
mod engine_soak;
mod evidence;
mod experiments;
mod keep_up;
#[path = "../leak_corpus/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the benchmark uses more of it")]
mod leak_corpus;
mod leak_gate;
mod links;
mod load_engine;
mod main_job;
mod net_rules;
mod netlab;
mod plans;
mod process_job;
mod program;
mod protocols_job;
mod real_software;
mod recorded;
mod reference;
mod secrets;
mod sweep;
mod target_docker;
mod target_process;
mod test_script;
mod tidy;
mod ways_out;
