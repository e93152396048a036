//! The command line: arguments, printing, exit codes.
//!
//! Owns what a person types and reads. In go arguments; out come a call into the library, text on the
//! terminal (results on stdout, everything else on stderr), and an exit code from one table. Holds no
//! logic of runs, faults or verdicts.

/// A line on stdout. A reader that has gone away is no error: the exit code still says how it ended.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stdout(), $($text)*));
    }};
}

/// A line on stderr, likewise.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stderr(), $($text)*));
    }};
}

mod analyse;
mod args;
mod baseline;
mod cleanup;
mod colors;
mod compare;
mod comparing;
mod complaint;
mod demo;
mod doctor;
mod exit;
mod leak;
mod live;
mod logs;
mod plain;
mod plan;
mod reference;
mod report;
mod run;
mod runs;
mod signals;
mod stage;
mod sweep;
mod trend;
mod validate;

pub use exit::Exit;
pub use reference::pages;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Args, Command, Common};
use clap::{CommandFactory, Parser};
use complaint::Complaint;

use crate::demo::DemoRole;
use crate::store::{Store, StoreError};

/// Parses the arguments of this process, does what they say, and answers its exit code.
pub fn main() -> ExitCode {
    // longhaul's other parts: what it starts itself, and no command for people.
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let part = words.first().and_then(|word| word.to_str());
    let rest = || -> Vec<String> {
        words[1..].iter().map(|word| word.to_string_lossy().into_owned()).collect()
    };
    match part {
        Some("helper") => return ExitCode::from(helper(&rest())),
        Some("demo-target") => return demo_target(&rest()),
        _ => {}
    }
    let args = match Args::try_parse() {
        Ok(mut args) => {
            // Compose and child processes work in folders of their own: a relative path would lead elsewhere.
            if let Ok(data) = std::path::absolute(&args.common.data) {
                args.common.data = data;
            }
            args
        }
        Err(e) => return usage(&e, &words),
    };
    logs::start(&args.common);
    // The default provider is process-wide; a second installation is an error that changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    if matches!(args.command, Command::Run(_) | Command::Demo(_)) {
        crate::run::share_heap();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(dispatch(args.command, &args.common));
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            done
        }
        Err(e) => Err(anyhow::Error::new(e).context("failed to start the runtime")),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(e) => {
            let complaint = Complaint::of(e);
            complaint.tell(&args.common);
            complaint.exit().into()
        }
    }
}

/// What clap says: help and version on stdout, errors where errors go.
fn usage(error: &clap::Error, words: &[OsString]) -> ExitCode {
    if !error.use_stderr() || words.iter().all(|word| word != "--json") {
        drop(error.print());
        let exit = if error.use_stderr() { Exit::Usage } else { Exit::Pass };
        return exit.into();
    }
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let one_line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let complaint = match error.kind() {
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Complaint::new(Exit::Usage, "no command was given")
        }
        _ => Complaint::new(Exit::Usage, one_line),
    };
    say!("{}", complaint.hint("`longhaul help COMMAND` shows what can be given").json());
    Exit::Usage.into()
}

async fn dispatch(command: Command, common: &Common) -> anyhow::Result<Exit> {
    match command {
        Command::Demo(args) => Box::pin(demo::demo(args, common)).await,
        Command::Run(args) => Box::pin(run::run(args, common)).await,
        Command::Validate(args) => Ok(validate::validate(&args, common).await),
        Command::Analyse(args) => Ok(analyse::analyse(&args, common)),
        Command::Plan(args) => plan::plan(args, common).await,
        Command::Doctor => doctor::doctor(common).await,
        Command::Cleanup(args) => cleanup::cleanup(args, common).await,
        Command::Report(args) => report::report(&args, common),
        Command::Leak(args) => leak::leak(&args, common),
        Command::Runs(args) => runs::runs(&args, common),
        Command::Compare(args) => compare::compare(&args, common),
        Command::Baseline(args) => baseline::baseline(&args, common),
        Command::Trend(args) => trend::trend(&args, common),
        Command::Schema => {
            say!("{:#}", crate::experiment::schema());
            Ok(Exit::Pass)
        }
        Command::Completions { shell } => {
            // Straight to stdout it would panic when nobody reads it.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "longhaul", &mut script);
            say!("{}", String::from_utf8_lossy(&script).trim_end());
            Ok(Exit::Pass)
        }
    }
}

/// The store of the data folder, for a command that asks for a run in it.
fn recorded(common: &Common) -> anyhow::Result<Store> {
    let none = || StoreError::NoRuns { data: common.data.clone() };
    Ok(Store::open_existing(&common.data)?.ok_or_else(none)?)
}

fn helper(args: &[String]) -> u8 {
    match args.split_first() {
        Some((first, rest)) if first == "child" => crate::target::child_main(rest),
        _ => crate::helper::main(args, &mut std::io::stdout()),
    }
}

fn demo_target(args: &[String]) -> ExitCode {
    if args.first().is_some_and(|role| role != "check") {
        complain!("demo-target {} starts", args.join(" "));
    }
    let played =
        DemoRole::from_words(args, |name| std::env::var(name).ok()).and_then(crate::demo::main);
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain!("error: failed to {e}");
            ExitCode::FAILURE
        }
    }
}

/// Says what a summary tells beyond its verdict, if anything.
fn tell_found(summary: &serde_json::Value) {
    let text = crate::report::found_text(summary);
    if !text.is_empty() {
        say!("{}", text.trim_end());
    }
}

/// Prints a JSON document on stdout.
fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
