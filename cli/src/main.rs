//! The `distri` program: builds a workspace's plugins and runs their tools and
//! workflows. Standard output carries results; everything else goes to standard
//! error. Exit codes: 0 done, 1 the thing failed, 2 wrong usage.

mod args;
mod commands;
mod failure;
mod operator;
mod output;
mod pretty;
mod session;
mod stacks;
mod terminal;
mod usage;
mod version;

use std::process::ExitCode;

use clap::Parser as _;
use distri_host::{Error, ErrorKind};

use crate::args::{Args, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    output::finish(run())
}

fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage::report(&error),
    };
    if matches!(args.command, Command::Compile) {
        return distri_host::Host::serve_compilation().into();
    }
    if matches!(args.command, Command::Bundle) {
        return distri_builder::serve_bundling().into();
    }
    terminal::init_logs(args.verbose);
    #[cfg(unix)]
    allow_files();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new(ErrorKind::Internal, format!("cannot start: {error}"));
            return Failure::Host(error).report(args.json);
        }
    };
    let result = runtime.block_on(async {
        match &args.command {
            Command::Build(command) => commands::build::run(&args, command).await,
            Command::List(command) => commands::list::run(&args, command),
            Command::Call(command) => {
                commands::call::run(&args, command, distri_host::ItemKind::Tool).await
            }
            Command::Run(command) => {
                commands::call::run(&args, command, distri_host::ItemKind::Workflow).await
            }
            Command::Inspect(command) => commands::inspect::run(&args, command),
            Command::New(command) => commands::new::run(&args, command),
            Command::Check(command) => commands::check::run(&args, command).await,
            Command::Wit(command) => commands::wit::run(&args, command),
            Command::Conformance(command) => commands::conformance::run(&args, command).await,
            Command::Approve(command) => commands::approve::run(&args, command),
            Command::Grants(command) => commands::grants::run(&args, command),
            Command::Secrets { command } => commands::secrets::run(&args, command),
            Command::Completions { shell } => {
                commands::completions(&args, *shell);
                Ok(())
            }
            // Need no runtime: done above.
            Command::Compile | Command::Bundle => Ok(()),
        }
    });
    // An image that is still being compiled behind a call is not waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(args.json),
    }
}

/// Lets this process have as many open files and connections as it may: what many
/// shells begin with is less than a few busy plugins need.
#[cfg(unix)]
fn allow_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Without it there are fewer, and whoever is one too many is told.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
