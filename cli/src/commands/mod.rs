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

use clap::CommandFactory as _;
use serde_json::json;

use crate::args::Args;
use crate::output;

/// Prints a completion script.
pub(crate) fn completions(args: &Args, shell: clap_complete::Shell) {
    // Into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "distri", &mut script);
    let script = String::from_utf8_lossy(&script);
    if args.json {
        output::json(&json!({ "shell": shell.to_string(), "script": script }));
    } else {
        output::text(&script);
    }
}
