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

use crate::args::Args;
use clap::CommandFactory as _;

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Args::command(), "distri", &mut std::io::stdout());
}
