//! One file per command.

pub(crate) mod approve;
pub(crate) mod build;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod conformance;
pub(crate) mod grants;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod secrets;
pub(crate) mod wit;

use std::io::Write as _;

use clap::CommandFactory as _;
use serde::Serialize;

use crate::args::Args;

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Args::command(), "distri", &mut std::io::stdout());
}

/// Prints one line of JSON on standard output.
fn print_json(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        print_line(&text);
    }
}

/// Prints a line on standard output; a reader that went away is no fault.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
