//! Output that nobody reads: `longhaul runs | head -1` ends as it would have, without a word about it.

use std::process::Stdio;

use crate::program::Program;

/// The writing end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let program = Program::new();
    let file = "experiments/quickstart-process.yaml";
    for args in [
        &["runs"][..],
        &["runs", "--json"],
        &["plan", file],
        &["plan", file, "--json"],
        &["validate", file],
        &["schema"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["cleanup"],
        &["help"],
        &["run", "--help"],
        &["--version"],
        &["doctor"],
    ] {
        let read = program.done(args);
        let mut command = program.command(args);
        let output = command.stdout(unread()).output().expect("longhaul starts");
        assert_eq!(output.status.code(), read.code, "{args:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), read.stderr, "{args:?}");
    }
}

#[test]
fn nobody_needs_to_hear_of_an_error_either() {
    let program = Program::new();
    for (args, code) in [
        (&["no-such-command"][..], 2),
        (&["runs", "show", "nope"], 2),
        (&["plan", "no-such-file.yaml"], 3),
        (&["plan", "no-such-file.yaml", "--json"], 3),
        (&["runs", "-vvv"], 0),
    ] {
        let mut command = program.command(args);
        let status = command.stdout(unread()).stderr(unread()).status().expect("longhaul starts");
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}
