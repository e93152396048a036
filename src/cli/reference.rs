//! The pages of `docs/reference/`, made from the program itself.

use std::fmt::Write as _;

use clap::CommandFactory;

use super::args::Args;
use super::exit::EXIT_CODES;

/// Every generated page: file name and text. A test compares them with `docs/reference/`.
pub fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("cli.md", cli()),
        ("exit-codes.md", exit_codes()),
        ("experiment.schema.json", format!("{:#}\n", crate::experiment::schema())),
    ]
}

fn exit_codes() -> String {
    let mut page = String::from("# Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in EXIT_CODES {
        writeln!(page, "| {code} | {meaning} |").ok();
    }
    page.push_str("\nWhen several apply: 14 > 12 > 13 > 1 > 130/143 > 11 > 10 > 16.\n");
    page
}

fn cli() -> String {
    let mut page = String::from("# Commands\n\n");
    let mut root = Args::command().bin_name("longhaul");
    root.build();
    section(&mut page, &mut root);
    page
}

fn section(page: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or("longhaul").to_owned();
    writeln!(
        page,
        "## `{name}`\n\n```text\n{}```\n",
        trimmed(&command.render_long_help().to_string())
    )
    .ok();
    let names: Vec<String> = command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
        .map(|c| c.get_name().to_owned())
        .collect();
    for name in names {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            section(page, sub);
        }
    }
}

fn trimmed(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        out.push_str(line.trim_end());
        out.push('\n');
        out
    })
}
